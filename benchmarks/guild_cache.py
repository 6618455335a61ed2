"""What the cache costs: `python -m benchmarks.guild_cache [--guilds N] [--members N]`.

A sandbox's world is written to a file as a session with all intents gets it: READY, GUILD_CREATEs,
and events of the default mix. Then, each in a process of its own: the cache takes them in, and is
opened and read anew; discord.py takes READY and the GUILD_CREATEs into its cache, and so does
discord.js where tests/clients has it. Prints the CPU time of an event, by what is kept and how many
come in a turn; the bytes on disk; how long a guild takes to be taken in and to be read; and how
much memory the caches of the libraries take.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from benchmarks.children import rss_bytes, say
from cluster.cache import Cache
from cluster.cache.kinds import Keep
from cluster.cache.store import Store
from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World
from cluster.wire.batch import Event

ALL: Final = int(ALL_INTENTS)
KEPT: Final = {
    "guilds": {Keep.GUILDS},
    "guilds, members": {Keep.GUILDS, Keep.MEMBERS},
    "guilds, members, presences": {Keep.GUILDS, Keep.MEMBERS, Keep.PRESENCES},
    "all": set(Keep),
}
TURNS: Final = (1, 16, 256)
MIX_GUILDS: Final = 100
"""Guilds of the mix: those that are active at a time are not all."""
EVENTS: Final = 30_000
FEW_EVENTS: Final = 6_000
"""In turns of one."""
MAX_BYTES: Final = 8 << 30
_NODE_MODULES: Final = Path(__file__).parent.parent / "tests" / "clients" / "node_modules"
_DISCORD_JS: Final = Path(__file__).parent / "drivers" / "discordjs_cache.mjs"

Line = tuple[str, bytes]


def write_world(file: Path, guilds: int, members: int, events: int) -> None:
    """Write what a session gets: a line of JSON [name, d] for each event."""
    options = SandboxOptions(guilds=guilds, members_per_guild=members)
    world = World(options, now=time.time)
    ids = world.guild_ids(0, 1)
    shard = (0, 1)
    ready = world.ready(session_id="s", resume_gateway_url="", shard=shard, version=10, intents=ALL)
    with file.open("wb") as out:
        out.write(b'["READY",%b]\n' % ready)
        for guild_id in ids:
            made = world.guild_create(guild_id, intents=ALL, large_threshold=250)
            out.write(b'["GUILD_CREATE",%b]\n' % made)
            if not events:
                world._guilds.pop(guild_id)
        while events or world.unfinished:
            happened = world.step()
            events = max(0, events - 1)
            if not happened.unseen:
                out.write(b'["%b",%b]\n' % (happened.name.encode(), happened.data))


def read_world(file: Path) -> Iterator[Line]:
    """Yield (name, d)."""
    decode = msgspec.json.Decoder(tuple[str, msgspec.Raw]).decode
    with file.open("rb") as lines:
        for line in lines:
            name, d = decode(line)
            yield name, bytes(d)


def take_in(store: Store, lines: Iterable[Line], turn_events: int) -> float:
    """Let a cache take in events, so many in a turn. Return the CPU seconds."""
    events = [Event.make(name, 0, 1, 1, n, d, 0, "s") for n, (name, d) in enumerate(lines)]
    began = time.process_time()
    for first in range(0, len(events), turn_events):
        with store.turn() as turn:
            for event in events[first : first + turn_events]:
                turn.apply(event)
            turn.position = {"store": "s", "shards": [[1, 0, 1, first]]}
    return time.process_time() - began


def opened(folder: Path, keep: Iterable[Keep]) -> Store:
    return Store.open(folder, max_bytes=MAX_BYTES, keep=frozenset(keep), cluster="s", boot_id="b")


def mix(file: str) -> None:
    """Say what an event of the mix costs."""
    lines = list(read_world(Path(file)))
    first = next(n for n, (name, _) in enumerate(lines) if name not in ("READY", "GUILD_CREATE"))
    costs: dict[str, dict[int, float]] = {}
    for words, keep in KEPT.items():
        for turn_events in TURNS:
            happened = lines[first : first + (FEW_EVENTS if turn_events == 1 else EVENTS)]
            with tempfile.TemporaryDirectory() as folder:
                store = opened(Path(folder) / "cache", keep)
                take_in(store, lines[:first], 64)
                best = min(take_in(store, happened, turn_events) for _ in range(3))
                store.close()
            costs.setdefault(words, {})[turn_events] = best / len(happened) * 1e6
    say({"us": costs})


def disk(file: str, words: str) -> None:
    """Say what all guilds take of a disk, and how long they take to be taken in and read."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        store = opened(cache, KEPT[words])
        lines, took_s, guilds = read_world(Path(file)), 0.0, 0
        while some := [line for _, line in zip(range(256), lines, strict=False)]:
            took_s += take_in(store, some, 64)
            guilds += sum(name == "GUILD_CREATE" for name, _ in some)
        info, pages = store._environment.env.info(), store._environment.env.stat()["psize"]
        store.close()
        answer = json.loads(_child("read", str(cache)))
        say(
            answer
            | {
                "guilds": guilds,
                "bytes": (info["last_pgno"] + 1) * pages,
                "take_in_us": took_s / guilds * 1e6,
            }
        )


def read(folder: str) -> None:
    """Say how long a process takes to open a cache and to read all of it."""
    gc.collect()
    before = _anonymous_bytes()
    began = time.perf_counter()
    with Cache(folder) as cache, cache.snapshot() as view:
        ids = view.guild_ids()
        opened_s = time.perf_counter() - began
        size, cpu_s = 0, time.process_time()
        for guild_id in ids:
            made = view.guild_create(guild_id, ALL, 250)
            size += len(made or b"")
        cpu_s = time.process_time() - cpu_s
        held = _anonymous_bytes() - before
    say(
        {
            "opened_ms": opened_s * 1e3,
            "read_us": cpu_s / len(ids) * 1e6,
            "guild_create_bytes": size / len(ids),
            "reader_bytes": held,
        }
    )


def _anonymous_bytes() -> int:
    """Memory that is this process's own, without mapped files."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


def discord_py(file: str) -> None:
    """Say how much memory discord.py's cache takes."""
    import discord
    from discord.user import ClientUser

    client = discord.Client(intents=discord.Intents.all())
    state = client._connection

    async def load() -> None:
        for name, d in read_world(Path(file)):
            data: Any = json.loads(d)
            if name == "READY":
                state.user = ClientUser(state=state, data=data["user"])
                state.application_id = int(data["application"]["id"])
            elif name == "GUILD_CREATE":
                state._add_guild_from_data(data)

    _measure_memory(lambda: _run(load), lambda: len(client.guilds))


def _run(load: Callable[[], Any]) -> None:
    import asyncio

    asyncio.run(load())


def _measure_memory(load: Callable[[], None], guilds: Callable[[], int]) -> None:
    gc.collect()
    before = rss_bytes(os.getpid())
    began = time.process_time()
    load()
    took_s = time.process_time() - began
    gc.collect()
    held = rss_bytes(os.getpid()) - before
    say({"bytes": held, "guilds": guilds(), "take_in_us": took_s / guilds() * 1e6})


def _child(*args: str) -> str:
    command = [sys.executable, "-m", "benchmarks.guild_cache", "--child", *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _discord_js(file: Path) -> dict[str, Any] | None:
    if not (_NODE_MODULES / "discord.js").exists() or not shutil.which("node"):
        return None
    command = ["node", "--expose-gc", "--max-old-space-size=16000", str(_DISCORD_JS), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(args: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guild_cache", description=__doc__)
    parser.add_argument("--guilds", type=int, default=1000)
    parser.add_argument("--members", type=int, default=40, help="of each guild")
    parser.add_argument("--only", choices=("events", "guilds"), help="one half of it")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.child:
        work, *rest = given.child
        children: dict[str, Callable[..., None]] = {
            "mix": mix, "disk": disk, "read": read, "discord_py": discord_py
        }  # fmt: skip
        children[work](*rest)
        return
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "guilds":
            _events(Path(folder) / "mix", given.members)
        if given.only != "events":
            _guilds(Path(folder) / "world", given.guilds, given.members)


def _events(file: Path, members: int) -> None:
    write_world(file, MIX_GUILDS, members, EVENTS)
    print("CPU of an event of the mix, us, in turns of", *TURNS)
    for words, costs in json.loads(_child("mix", str(file)))["us"].items():
        print(f"  {words:28}", *(f"{cost:6.1f}" for cost in costs.values()))


def _guilds(file: Path, guilds: int, members: int) -> None:
    write_world(file, guilds, members, 0)
    print(f"{guilds:,} guilds with {members} members each")
    for words in KEPT:
        _say_disk(words, json.loads(_child("disk", str(file), words)))
    _say_memory("discord.py", json.loads(_child("discord_py", str(file))))
    if found := _discord_js(file):
        _say_memory("discord.js", found)


def _say_disk(words: str, found: dict[str, Any]) -> None:
    print(
        f"  {words:28} {found['bytes'] / 2**20:8.1f} MiB on disk, taken in at "
        f"{found['take_in_us']:.0f} us a guild; opened in {found['opened_ms']:.1f} ms, "
        f"read at {found['read_us']:.0f} us a GUILD_CREATE of "
        f"{found['guild_create_bytes'] / 1000:.1f} kB, with "
        f"{found['reader_bytes'] / 2**20:.1f} MiB of the reader's own memory"
    )


def _say_memory(name: str, found: dict[str, Any]) -> None:
    print(
        f"  {name:28} {found['bytes'] / 2**20:8.1f} MiB of memory in each process, taken in at "
        f"{found['take_in_us']:.0f} us a guild"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
