"""A process that opens a journal, which may end it: ``python journal_child.py DOING FOLDER...``.

write: opens each folder's journal, reads all of it, writes until much of it was pruned, closes it;
says of each "FOLDER why it was set aside". mapped: opens one, says "open", and writes drain after
drain until its standard input ends. turns: writes turn after turn until it is killed, each with an
event of every shard, whose seq is said after the flush. dies: ends by SIGBUS in the midst of a
write.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from cluster.journal import Journal
from cluster.journal.pages import Pages
from cluster.lmdb_files import crash_log
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState

STORE = "0123456789abcdef"
SHARDS = 3


def opened(folder: Path) -> Journal:
    journal = Journal.open(folder, budget_bytes=1 << 20, slot=0, cluster=STORE, boot_id="boot")
    crash_log.watch(folder)
    return journal


def writers_of(journal: Journal) -> list[ShardWriter]:
    """Those of three shards, which go on where the journal is."""
    known = {state.shard_id: state for state in journal.states().values()}
    writers = []
    for shard in range(SHARDS):
        state = known.get(shard) or ShardState(shard_id=shard, shard_count=SHARDS)
        writers.append(ShardWriter(STORE, state))
        if state.epoch == 0:
            writers[-1].begin_epoch(1, session_id="session")
    return writers


def turns(journal: Journal) -> None:
    """Turn after turn, with one event of each shard."""
    writers = writers_of(journal)
    while True:
        seq = writers[0].state.seq + 1
        for writer in writers:
            messages = writer.drain([("A", seq, b"x" * 200)], 5)
            journal.append(writer.state.shard_id, messages, writer.state)
        journal.flush()
        print(seq, flush=True)


def written(journal: Journal, drains: int) -> None:
    """So many drains, over three shards, now and then with a large event."""
    writers = writers_of(journal)
    for i in range(drains):
        writer = writers[i % SHARDS]
        seq, size = writer.state.seq, 200 if i % 20 else 40_000
        events = [("AB"[n % 2], seq + n, b"x" * size) for n in (1, 2, 3)]
        journal.append(writer.state.shard_id, writer.drain(events, 5), writer.state)
        journal.flush()


def everything_read(journal: Journal) -> None:
    record = 0
    while found := journal.after(record):
        record = found.first_record + len(found.messages) - 1


def main(doing: str, *folders: str) -> None:
    for folder in map(Path, folders):
        journal = opened(folder)
        if doing == "write":
            everything_read(journal)
            written(journal, 600)
            assert journal.journalling
            print(folder.name, journal.set_aside, flush=True)
        elif doing == "turns":
            turns(journal)
        elif doing == "mapped":
            print("open", flush=True)
            for _ in sys.stdin:
                written(journal, 300)
                print("written", flush=True)
        else:

            def dies(*_: Any) -> None:
                os.kill(os.getpid(), signal.SIGBUS)

            Pages._transaction = dies  # type: ignore[method-assign,assignment]
            written(journal, 1)
        journal.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
