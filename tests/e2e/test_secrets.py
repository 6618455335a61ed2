"""The token, what a session could be taken over with, and TCP's keys: in nothing that a cluster
writes, says, publishes, answers, or shows of its processes, but where they belong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from zmq.utils import z85

from cluster.endpoints.curve_keys import ClientKeys, KeyFolder
from cluster.endpoints.paths import cluster_paths
from cluster.sandbox import SandboxControl, SandboxInfo
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.traces import (
    Traces,
    Wire,
    answers,
    files_of,
    http_answers,
    journals_of,
    modes_of,
    processes_of,
    where_is,
)
from tests.e2e.watching import WITHIN_S, connected, control_of, eventually, reconnects, sandbox_of
from tests.notify_socket import NotifySocket
from tests.progress import progress

SHARDS = 4
RATE = 200.0
HTTP_TOKEN = "aHR0cCB0b2tlbiBvZiBhIHRlc3Q1234567"
JOURNAL_BYTES = 4 * 1024 * 1024
VERBS = (
    ("status",),
    ("status", "--json", "--shards"),
    ("tail", "-n", "50"),
    ("tail", "-n", "50", "--json"),
    ("doctor",),
    ("doctor", "--json"),
    ("config", "check"),
    ("config", "show", "--json"),
    ("keys", "list"),
    ("keys", "list", "--json"),
    ("logs", "--lines", "100000"),
    ("logs", "--lines", "100000", "--json"),
)


class Disclosed(NamedTuple):
    """All that a cluster let out in its life."""

    home: Home
    token: str
    sessions: set[str]
    traces: Traces
    """Files, processes, output, messages."""
    states: bytes
    """The state records of its journals: where session ids belong."""
    modes: dict[str, int]
    """Modes of its folders, sockets and files, while it ran and after."""
    keys: dict[str, str]
    """Owner -> secret key."""


def run(home: Home, *arguments: str) -> Traces:
    done = home.cli(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert done.stdout, arguments
    return {f"output of {' '.join(arguments)}": (done.stdout + done.stderr).encode()}


def start(home: Home, log_format: str, out: Path) -> None:
    """Start it so that all logs go to this file, by its standard output."""
    home.env |= {"DCGW_LOG_FORMAT": log_format, "DCGW_LOG_TO": "stdout"}
    command = [sys.executable, "-P", "-m", "cluster", "start", "--detach", "--workers", "2"]
    with out.open("wb") as file:
        subprocess.run(command, env=home.env, stdout=file, check=True, timeout=WITHIN_S)


async def session_ids(sandbox: SandboxControl) -> set[str]:
    return {session["session"] for session in (await sandbox.state())["sessions"]}


async def live(
    home: Home, info: SandboxInfo, keys: ClientKeys, outputs: Path, notify: NotifySocket
) -> tuple[Traces, set[str]]:
    """Live through a start, a session that ends, a cut, a killed worker, every verb, and another
    coordinator that logs in the other form. outputs: folder of what each writes."""
    traces: Traces = {}
    await asyncio.to_thread(start, home, "json", outputs / "json")
    async with sandbox_of(info) as sandbox, control_of(home) as control:
        wire, far = Wire(home), Wire(home, keys)
        await eventually(control.status, lambda s: s.state == "ready")
        await connected(sandbox, SHARDS)
        for one in (wire, far):
            await asyncio.wait_for(one.joined.wait(), WITHIN_S)
        first = await session_ids(sandbox)
        await sandbox.fault(kind="op9", resumable=False, shard=0)
        await sandbox.fault(kind="cut", how="rst", shard=1)
        cut = await eventually(
            control.status, lambda s: any(shard == 1 for shard, _ in reconnects(s))
        )
        assert cut.workers[1].pid is not None
        os.kill(cut.workers[1].pid, signal.SIGKILL)
        await eventually(lambda: session_ids(sandbox), lambda now: not first >= now)
        await eventually(
            control.status, lambda s: s.state == "ready" and s.workers[1].restarts == 1
        )
        traces |= await asyncio.to_thread(processes_of, home)
        # While the small journals still hold the first events
        traces |= await asyncio.wait_for(answers(home, keys), WITHIN_S)
        url = (await control.status()).http
        traces |= await asyncio.wait_for(http_answers(url, HTTP_TOKEN), WITHIN_S)
        for verb in VERBS:
            traces |= await asyncio.to_thread(run, home, *verb)
        traces |= {"happenings": msgspec.json.encode(await control.happenings())}
        traces |= {"notifications": repr(notify.heard()).encode()}
        await asyncio.to_thread(run, home, "stop", "--keep-workers")
        await asyncio.to_thread(start, home, "logfmt", outputs / "logfmt")
        second = await session_ids(sandbox)
        async with control_of(home) as control:
            now = await eventually(control.status, lambda s: s.state == "ready")
            assert now.workers[0].pid is not None
            os.kill(now.pid, signal.SIGHUP)
            os.kill(now.workers[0].pid, signal.SIGKILL)
            await sandbox.fault(kind="op9", resumable=False, shard=3)
            await eventually(lambda: session_ids(sandbox), lambda now: not second >= now)
            await eventually(
                control.status, lambda s: s.state == "ready" and s.workers[0].restarts == 1
            )
            traces |= {"happenings after": msgspec.json.encode(await control.happenings())}
        sessions = first | second | await session_ids(sandbox)
        traces |= {"published": await wire.close(), "published over TCP": await far.close()}
    traces |= files_of(home, "running")
    return traces, sessions


@pytest.fixture(scope="module")
def disclosed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disclosed]:
    with (
        tempfile.TemporaryDirectory(prefix="dcgw-") as sockets,
        NotifySocket.listening(f"@{sockets}/notify") as notify,
        run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=RATE) as info,
    ):
        home = Home(tmp_path_factory.mktemp("home"), Path(sockets))
        home.use(info)
        home.env |= {"DCGW_LOG_LEVEL": "debug", "DCGW_JOURNAL_BYTES": str(JOURNAL_BYTES)}
        offer(home)
        http_token = tmp_path_factory.mktemp("http") / "token"
        http_token.touch(0o600)
        http_token.write_text(HTTP_TOKEN)
        home.env |= {"DCGW_HTTP_TOKEN_FILE": str(http_token)}
        del home.env["DCGW_HTTP_LISTEN"]
        file = tmp_path_factory.mktemp("client") / "bot.key"
        made = run(home, "keys", "add", "bot", "--may", "control", "--out", str(file))
        keys = ClientKeys.read(file)
        home.env |= {"NOTIFY_SOCKET": notify.address, "WATCHDOG_USEC": "3000000"}
        outputs = tmp_path_factory.mktemp("outputs")
        try:
            traces, sessions = asyncio.run(live(home, info, keys, outputs, notify))
            traces |= made
            modes = modes_of(home, "running")
        finally:
            stopped = run(home, "stop")
        assert home.leftovers() == []
        for file in outputs.iterdir():
            traces |= {f"output of start, log_format {file.name}": file.read_bytes()}
        traces |= {"last notifications": repr(notify.heard()).encode()}
        journals, states = journals_of(home)
        traces |= stopped | journals | files_of(home, "stopped")
        modes |= modes_of(home, "stopped")
        server = KeyFolder(cluster_paths("default", home.env).keys).server()
        secrets = {"server": server.secret, "client": keys.secret}
        yield Disclosed(home, info.token, sessions, traces, states, modes, secrets)


def test_all_was_looked_at(disclosed: Disclosed) -> None:
    """Everything was looked at: else the other tests could not fail."""
    for part in (
        "environ", "cmdline", "-m coordinator ", "-m shard_worker", "coordinator.replay.server",
        "coordinator.tcp_gate.gate", "coordinator.http.server", "gate.log", "http.log",
        "keys/server.json", "keys/clients.json",
        "running.json", "store.sqlite", "store.sqlite-wal", "coordinator.log", "replay.log",
        "worker-0.log", "worker-1.log", "slot-0/data.mdb", "slot-1/journal.json",
        "journal 0, database s0", "output of start", "output of logs", "output of stop",
        "GET /: 200", "GET /status: 200", "GET /metrics: 200", "GET /stream: 200",
        "GET /nowhere: 404",
    ):  # fmt: skip
        assert any(part in name for name in disclosed.traces), part
    for heard in ("published", "published over TCP", "answers of the replay server"):
        assert b"READY.0" in disclosed.traces[heard]
        assert len(disclosed.traces[heard]) > 100_000
    assert disclosed.traces["running, logs/worker-1.log"]
    assert b"event: picture" in disclosed.traces["GET /stream: 200"]
    assert len(disclosed.sessions) == SHARDS + 2
    output = disclosed.traces["output of start, log_format json"]
    lines = [line for line in output.decode().splitlines() if line.startswith("{")]
    processes = {json.loads(line)["process"] for line in lines}
    assert {"coordinator", "worker-0", "worker-1", "gate"} <= processes
    logfmt = disclosed.traces["output of start, log_format logfmt"]
    for wanted in (b" kind=reloaded", b" process=worker-0 ", b" kind=worker_died "):
        assert wanted in logfmt
    assert b"shard_identified" in disclosed.traces["happenings"]
    assert b"worker_adopted" in disclosed.traces["happenings after"]
    assert b"MAINPID" in disclosed.traces["notifications"]
    assert b"STOPPING" in disclosed.traces["last notifications"]


def test_what_is_there_is_found(disclosed: Disclosed, tmp_path: Path) -> None:
    """The searches find what a process and a file give away."""
    home = Home(tmp_path, tmp_path)
    folder = cluster_paths("default", home.env).state_dir
    folder.mkdir(parents=True)
    (folder / "leak").write_text(f"Authorization: Bot {disclosed.token}")
    command = [sys.executable, "-c", "print(flush=True); input()", disclosed.token]
    env = home.env | {"DCGW_TOKEN": disclosed.token}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs: its arguments are in their place
        traces = processes_of(home) | files_of(home, "now")
        assert len(traces) == 3
        assert where_is(disclosed.token, traces) == list(traces)
        process.communicate(b"\n")


def test_the_token_is_nowhere(disclosed: Disclosed) -> None:
    assert where_is(disclosed.token, disclosed.traces) == []
    assert where_is(disclosed.token, {"states": disclosed.states}) == []


def test_the_token_of_http_is_nowhere(disclosed: Disclosed) -> None:
    assert where_is(HTTP_TOKEN, disclosed.traces) == []


def test_the_children_of_a_doctor(home: Home) -> None:
    """A real bot's token is set while a check runs against a sandbox: it stays with the command."""
    home.env["DCGW_TOKEN"] = token = "bm90LWEtYm90.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789AB"
    seen: Traces = {}
    command = [sys.executable, "-P", "-m", "cluster", "doctor", "--sandbox"]
    missing = {"cluster.sandbox", "coordinator.check", "shard_worker.gateway_check"}
    for _ in range(5):  # beside other work a child may come and go between two looks
        with subprocess.Popen(command, env=home.env, stdout=subprocess.PIPE) as process:
            while process.poll() is None:
                seen |= processes_of(home)
            assert process.stdout is not None
            seen |= {f"output of {process.pid}": process.stdout.read()}
        progress()
        children = {name: data for name, data in seen.items() if "-m cluster doctor" not in name}
        environs = [name for name in children if name.startswith("environ")]
        missing = {module for module in missing if not any(module in name for name in environs)}
        if not missing:
            break
    assert missing == set()
    assert where_is(token, seen)
    assert where_is(token, children) == []


def test_session_ids_are_in_the_state_records_only(disclosed: Disclosed) -> None:
    """A session id is half of what takes a session over. The pages of state records lie in the
    journal's file, which only its owner can read."""
    apart = {name: data for name, data in disclosed.traces.items() if not name.endswith("data.mdb")}
    assert len(disclosed.traces) - len(apart) == 4
    now = [one for one in disclosed.sessions if one.encode() in disclosed.states]
    assert len(now) == SHARDS
    for session in disclosed.sessions:
        assert where_is(session, apart) == []


def test_keys_are_in_their_own_file_only(disclosed: Disclosed) -> None:
    """A client's secret is in no file of the cluster's; the server's is in one."""
    expected = {"server": ["running, keys/server.json", "stopped, keys/server.json"], "client": []}
    for whose, secret in disclosed.keys.items():
        for form in (secret.encode(), z85.decode(secret)):
            found = [name for name, data in disclosed.traces.items() if form in data]
            assert found == (expected[whose] if form == secret.encode() else []), whose


def test_nobody_else_can_read_it(disclosed: Disclosed) -> None:
    for name in ("data.mdb", "/control", "/events", "/replay", "/server.json", "/gate.log"):
        assert any(path.endswith(name) for path in disclosed.modes), name
    open_to_others = {name: oct(mode) for name, mode in disclosed.modes.items() if mode & 0o077}
    assert open_to_others == {}
