"""A process that opens caches, which may end it: ``python cache_child.py DOING FOLDER...``.

write: a process of its own opens each, reads all of it, writes to it and closes it; where that dies
or fails another one tries. Says of each "FOLDER how many died". die: ends by SIGBUS in the midst of
a write. read: holds a snapshot of one, and says "open". turns: opens one, says "open",
and writes a turn for each number on standard input, in which guilds have so many roles and ten.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cluster.cache import Cache
from cluster.cache.store import Store
from cluster.cache.transaction import Transaction
from cluster.discord.intents import ALL_INTENTS
from cluster.lmdb_files import crash_log
from tests.cluster.cache.played import event, opened, position

SMALL = 4 << 20
"""Bytes of these caches at most."""
GUILDS = [number << 22 for number in range(1, 31)]


def write(store: Store, seq: int) -> None:
    """READY and GUILD_CREATEs with much in them."""
    ready = {"user": {"id": "5"}, "guilds": [{"id": str(one)} for one in GUILDS], "shard": [0, 1]}
    with store.turn() as turn:
        turn.apply(event("READY", msgspec.json.encode(ready)))
        for guild_id in GUILDS:
            roles = [{"id": str(n), "name": "x" * 300} for n in range(seq + 10)]
            guild = {"id": str(guild_id), "member_count": seq, "roles": roles}
            turn.apply(event("GUILD_CREATE", msgspec.json.encode(guild)))
        turn.position = position(seq)


def everything_read(store: Store) -> None:
    with store.snapshot() as view:
        for guild_id in view.guild_ids():
            view.guild_create(guild_id, int(ALL_INTENTS))


def main(doing: str, *folders: str) -> None:
    if doing == "read":
        with Cache(folders[0]) as cache, cache.snapshot():
            print("open", flush=True)
            sys.stdin.read()
        return
    if doing == "turns":
        store = opened(Path(folders[0]))
        print("open", flush=True)
        for line in sys.stdin:
            with store.turn() as turn:
                turn.doubt(-1, 0, 1)
            write(store, int(line))
            print("written", flush=True)
        store.close()
        return
    if doing == "write":
        for folder in map(Path, folders):
            deaths = 0
            while deaths < 3 and in_another_process(lambda: used(folder)):  # noqa: B023
                deaths += 1
            print(folder.name, deaths, flush=True)
        return

    def dies(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGBUS)

    store = opened(Path(folders[0]), max_bytes=SMALL)
    crash_log.watch(Path(folders[0]))
    Transaction.set_about = dies  # type: ignore[method-assign,assignment]
    write(store, 1)


def in_another_process(work: Callable[[], None]) -> int:
    """Do something in a copy of this process. Return what became of it; 0: it was done."""
    if pid := os.fork():
        return os.waitpid(pid, 0)[1]
    try:
        work()
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def used(folder: Path) -> None:
    """Read all of a cache, and write every guild anew, in turns."""
    store = opened(folder, max_bytes=SMALL)
    crash_log.watch(folder)
    everything_read(store)
    for seq in range(1, 4):
        with store.turn() as turn:
            turn.doubt(-1, 0, 1)
        write(store, seq)
    everything_read(store)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
