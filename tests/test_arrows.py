"""Imports run one way: between the packages, and between the rooms inside each.

``ROOMS`` is the picture of the house. A row says which rooms (folders, or single files) the room
on its left imports; every row stands above those that it names, so arrows only run down. The
table is exact: an import that it lacks fails, and so does an arrow that nothing uses any more.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parent.parent

FORBIDDEN = {
    "cluster": {"coordinator", "dcgw", "host_agent", "shard_worker"},
    "coordinator": {"dcgw", "host_agent", "shard_worker"},
    "dcgw": {"coordinator", "host_agent"},
    "host_agent": {"dcgw", "shard_worker"},
    "shard_worker": {"coordinator", "dcgw", "host_agent"},
}
COMMAND = ROOT / "cluster" / "__main__.py"
"""``python -m cluster`` comes in by dcgw, as the installed command does."""
PURE = [
    "cluster/cache/reading/guild_create.py",
    "cluster/cache/updates",
    "cluster/cli/top/details.py",
    "cluster/cli/top/filters.py",
    "cluster/cli/top/grid.py",
    "cluster/cli/top/heading.py",
    "cluster/cli/top/tables.py",
    "cluster/cli/terminal/type_rates.py",
    "cluster/commands/command.py",
    "cluster/complaints.py",
    "cluster/discord/close_codes.py",
    "cluster/discord/event_intents.py",
    "cluster/discord/intents.py",
    "cluster/discord/opcodes.py",
    "cluster/events",
    "cluster/gateway_server",
    "cluster/identify/bucket.py",
    "cluster/identify/limiter.py",
    "cluster/journal/suspension.py",
    "cluster/hosts/leases.py",
    "cluster/logs/line.py",
    "cluster/logs/logfmt.py",
    "cluster/proxy/sessions/member_counts.py",
    "cluster/proxy/sessions/overlaps.py",
    "cluster/proxy/sessions/positions.py",
    "cluster/proxy/sessions/sent.py",
    "cluster/proxy/sessions/states.py",
    "cluster/proxy/sessions/window.py",
    "cluster/proxy/server/greeting.py",
    "cluster/proxy/server/http_answers.py",
    "cluster/proxy/server/states.py",
    "cluster/proxy/server/aftermath.py",
    "cluster/proxy/server/identifying.py",
    "cluster/proxy/server/restarts.py",
    "cluster/sandbox/world/permissions.py",
    "cluster/subscriber/chain",
    "cluster/subscriber/overlap_dedup.py",
    "cluster/subscriber/reshards.py",
    "cluster/subscriber/start_positions.py",
    "cluster/wire/zmtp.py",
    "cluster/words.py",
    "coordinator/control/host_warnings.py",
    "coordinator/control/warnings.py",
    "coordinator/engines/ray_placement/groups.py",
    "coordinator/happenings",
    "coordinator/replay_door/heads.py",
    "coordinator/replay_door/merging.py",
    "coordinator/sharding",
    "coordinator/state/lease.py",
    "coordinator/workers/silences.py",
    "coordinator/workers/traffic.py",
    "host_agent/joining.py",
    "host_agent/slots.py",
    "shard_worker/delivery/checkpoints.py",
    "shard_worker/delivery/recent_places.py",
    "shard_worker/protocol",
    "shard_worker/shard_news.py",
    "shard_worker/transport/moderation.py",
]
"""What decides and does no input or output."""
IO = {
    "asyncio",
    "curl_cffi",
    "lmdb",
    "psycopg",
    "socket",
    "sqlite3",
    "subprocess",
    "textual",
    "threading",
    "uvloop",
    "zmq",
}

ROOMS: Final = {
    "cluster": {
        "cli": (
            "backoff commands complaints config control decode_errors discord doctor endpoints "
            "errors interrupts logs processes ranges sandbox service_manager subscriber wire words"
        ),
        "proxy": (
            "cache child_process clocks commands config control control_connection decode_errors "
            "descriptors discord endpoints errors folder_lock gateway_server process_stats "
            "subscriber wire"
        ),
        "doctor": (
            "config control decode_errors discord endpoints errors lmdb_files processes sandbox "
            "wire"
        ),
        "control": (
            "cache commands config control_connection endpoints errors events identify opening "
            "subscriber wire"
        ),
        "cache": (
            "child_process control_connection decode_errors discord endpoints errors events "
            "folder_lock lmdb_files loops process_stats subscriber wire"
        ),
        "child_process": "decode_errors errors logs own_process wire",
        "complaints": "wire words",
        "control_connection": "decode_errors endpoints errors loops wire",
        "subscriber": "config decode_errors discord endpoints errors loops wire",
        "journal": "clocks decode_errors errors lmdb_files ranges wire",
        "lmdb_files": "durable",
        "identify": "discord errors wire",
        "config": "commands discord endpoints errors plain_text ranges sandbox wire",
        "words": "wire",
        "wire": "decode_errors discord errors events ranges",
        "sandbox": "decode_errors discord errors gateway_server logs own_process",
        "gateway_server": "commands discord errors zstd",
        "commands": "decode_errors discord errors events",
        "discord": "backoff decode_errors endpoints errors plain_text ranges",
        "events": "decode_errors",
        "folder_lock": "endpoints errors processes",
        "endpoints": "decode_errors durable errors plain_text",
        "logs": "decode_errors",
        "zstd": "",
        "service_manager": "",
        "ranges": "",
        "processes": "",
        "process_stats": "",
        "plain_text": "errors",
        "own_process": "",
        "opening": "errors",
        "loops": "errors",
        "interrupts": "",
        "clocks": "errors",
        "errors": "",
        "decode_errors": "",
        "durable": "",
        "hosts": "",
        "backoff": "",
        "__main__": "",
        "descriptors": "",
    },
    "cluster/subscriber": {
        "subscriber": (
            "chain chain_feed delivery_queue event_filter guild_filter hub_reader item_stream "
            "items progress_reporter replay_client reshards stall_detector"
        ),
        "chain_feed": (
            "backfill chain delivery_queue items replay_client reshards stall_detector starter"
        ),
        "item_stream": "arrival delivery_queue items",
        "starter": "chain delivery_queue items new_shards replay_client reshards start_positions",
        "delivery_queue": "chain event_filter items",
        "event_filter": "chain guild_filter reshards",
        "start_positions": "items",
        "stall_detector": "items",
        "reshards": "chain overlap_dedup",
        "new_shards": "chain replay_client",
        "backfill": "chain replay_client",
        "replay_client": "chain",
        "overlap_dedup": "chain guild_filter",
        "items": "chain",
        "progress_reporter": "",
        "hub_reader": "arrival",
        "arrival": "",
        "guild_filter": "",
        "chain": "",
    },
    "cluster/cache": {
        "__main__": "process spec",
        "process": "errors intake kinds reporter responder spec store",
        "reporter": "census intake store",
        "intake": "errors store",
        "responder": "answers reading",
        "answers": "kinds reading schema",
        "census": "reading",
        "spec": "",
        "store": "errors guild_state kinds opening reading schema transaction updates",
        "transaction": "guild_state kinds reading schema",
        "updates": "guild_state kinds parts raw",
        "reading": "errors guild_state kinds opening schema",
        "opening": "errors schema",
        "parts": "guild_state kinds",
        "schema": "",
        "raw": "",
        "kinds": "",
        "guild_state": "errors",
        "errors": "",
    },
    "cluster/proxy": {
        "__main__": "process spec",
        "process": ("ground interfaces mirror reporting requests server sessions spec view"),
        "mirror": "sessions",
        "reporting": "server",
        "ground": "credentials spec",
        "spec": "credentials",
        "server": "credentials identify interfaces refusal",
        "sessions": "entry identify interfaces refusal",
        "requests": "entry identify interfaces refusal view",
        "view": "entry identify interfaces refusal",
        "credentials": "",
        "interfaces": "entry identify",
        "refusal": "",
        "identify": "",
        "entry": "",
    },
    "cluster/sandbox": {
        "__main__": "options sandbox",
        "sandbox": "faults gateway http ledger options state world",
        "http": "faults sessions state",
        "gateway": "sessions state world",
        "state": "failures faults ledger options sessions ticker world",
        "ticker": "failures sessions world",
        "faults": "sessions",
        "sessions": "ledger world",
        "world": "catalogue options",
        "options": "",
        "ledger": "",
        "failures": "",
        "catalogue": "",
    },
    "cluster/cli": {
        "verbs": (
            "control_client event_names follow invocation launch leftovers logs operations options "
            "readiness sending signals stopping terminal top"
        ),
        "sending": "options",
        "control_client": "options",
        "operations": "terminal",
        "top": "event_names terminal",
        "readiness": "launch signals terminal",
        "logs": "terminal",
        "follow": "launch signals stopping terminal",
        "terminal": "",
        "stopping": "",
        "signals": "",
        "options": "",
        "leftovers": "",
        "launch": "",
        "invocation": "",
        "event_names": "",
    },
    "coordinator": {
        "__main__": "coordinator spec_input upkeep",
        "coordinator": "assembly children engines happenings lifetime state upkeep verb",
        "assembly": (
            "account changes children context control engines gateway_api happenings health host "
            "hosts identifies lifetime operations sharding sockets state upkeep verb workers"
        ),
        "health": "children control hub state workers",
        "sockets": "control hub workers",
        "upkeep": "children context control happenings http hub state workers",
        "control": "context happenings identifies ipc_listener lifetime operations verb workers",
        "hosts": (
            "changes context engines happenings lifetime operations router_socket sharding state "
            "verb workers"
        ),
        "operations": "changes context happenings identifies sharding state verb workers",
        "workers": (
            "changes context engines happenings hub identifies ipc_listener router_socket "
            "sharding verb"
        ),
        "identifies": "context happenings sharding state verb",
        "context": "account gateway_api state",
        "gateway_api": "account host sharding state",
        "host_gate": "tcp_gate",
        "tcp_gate": "zmq_proxy",
        "http": "",
        "state": "host sharding",
        "replay_door": "ipc_listener replay",
        "replay": "ipc_listener",
        "hub": "ipc_listener verb zmq_proxy",
        "engines": "children",
        "children": "happenings host lifetime",
        "check": "account host sharding spec_input",
        "router_socket": "ipc_listener",
        "ipc_listener": "",
        "zmq_proxy": "",
        "verb": "",
        "spec_input": "",
        "sharding": "",
        "lifetime": "",
        "host": "",
        "happenings": "",
        "changes": "",
        "account": "",
    },
    "host_agent": {
        "__main__": "agent",
        "agent": "control_way joining machine relays worker_link workers",
        "control_way": "sending",
        "worker_link": "sending",
        "workers": "slots",
        "slots": "",
        "sending": "",
        "relays": "",
        "machine": "",
        "joining": "",
    },
    "shard_worker": {
        "__main__": "protocol sending worker worker_log",
        "worker": (
            "coordinator_link delivery lease_watch protocol shard transport worker_log "
            "worker_report"
        ),
        "worker_report": (
            "coordinator_link delivery lease_watch shard shard_news traffic_report transport"
        ),
        "lease_watch": "timer",
        "traffic_report": "delivery protocol",
        "client": "protocol sending shard transport",
        "shard": "intake interfaces protocol sending shard_log shard_news timer transport",
        "intake": "interfaces protocol shard_log shard_news",
        "shard_news": "interfaces protocol",
        "worker_log": "shard_log",
        "shard_log": "protocol",
        "sending": "protocol transport",
        "interfaces": "protocol",
        "gateway_check": "protocol transport",
        "delivery": "protocol",
        "protocol": "transport",
        "transport": "",
        "timer": "",
        "coordinator_link": "",
    },
}


def files(place: str) -> list[Path]:
    path = ROOT / place
    found = [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    assert found, place
    return found


def imported(file: Path) -> set[str]:
    """Full names of the modules that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            module = node.module or ""
            names |= {
                full if is_module(full := f"{module}.{alias.name}") else module
                for alias in node.names
            }
    return names


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def arrows(folder: str) -> dict[str, set[str]]:
    """Each room of a folder, and the rooms beside it that its files import."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    outer = folder.split("/")
    for file in files(folder):
        inner = file.relative_to(ROOT / folder).with_suffix("").parts
        room = inner[0]
        if room == "__init__":
            continue  # what a package shows of itself
        found[room] |= {
            names[len(outer)]
            for names in (name.split(".") for name in imported(file))
            if names[: len(outer)] == outer and len(names) > len(outer)
        } - {room}
    return dict(found)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_packages_import_one_way(package: str) -> None:
    for file in files(package):
        wrong = {name for name in imported(file) if name.split(".")[0] in FORBIDDEN[package]}
        if file == COMMAND:
            wrong -= {name for name in wrong if name.split(".")[0] == "dcgw"}
        assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize("folder", ROOMS)
def test_rooms_import_what_the_picture_shows(folder: str) -> None:
    assert arrows(folder) == {room: set(row.split()) for room, row in ROOMS[folder].items()}


@pytest.mark.parametrize("folder", ROOMS)
def test_arrows_run_down(folder: str) -> None:
    order = list(ROOMS[folder])
    for row_number, (room, row) in enumerate(ROOMS[folder].items()):
        up = [other for other in row.split() if order.index(other) <= row_number]
        assert not up, f"{folder}/{room} imports {up}, which stand above it"


@pytest.mark.parametrize("place", PURE)
def test_what_decides_does_no_input_or_output(place: str) -> None:
    for file in files(place):
        wrong = {name.split(".")[0] for name in imported(file)} & IO
        assert not wrong, f"{file.relative_to(ROOT)} imports {sorted(wrong)}"


def test_whether_packages_are_ours_is_asked_before_any_is_imported() -> None:
    assert imported(COMMAND) == {"dcgw.__main__"}
    for file in ("installation.py", "lazy.py"):
        names = {name.split(".")[0] for name in imported(ROOT / "dcgw" / file)}
        assert names <= sys.stdlib_module_names | {"dcgw"}
