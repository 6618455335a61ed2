"""What strikes do to processes, and what holds whenever a worker dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from cluster.endpoints.paths import is_held
from cluster.journal.reader import JournalReader
from cluster.journal.records import UnreadableJournalError
from tests.chaos.arena import Arena, Stuck
from tests.chaos.evidence import Breach, Key, Place
from tests.chaos.processes import CommandFailed

HUB_BACK_S: Final = 10.0
"""So long after a hub came back, a worker's next process may not know how far the old one was:
what lay between is in the journal, not live."""


def send(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: what was wanted
            os.kill(pid, number)


async def kill_worker(arena: Arena, slot: int) -> int | None:
    """SIGKILL; returns its pid once it is gone."""
    lock = arena.machine.paths.journal(slot) / "owner.lock"
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    send(pid, signal.SIGKILL)
    await arena.until(
        lambda: not is_held(lock) or arena.machine.worker(slot) != pid, f"worker {slot} is dead"
    )
    nothing_unjournalled(arena)
    return pid


def nothing_unjournalled(arena: Arena) -> None:
    """What came out of the cluster stands in a journal. Of a shard count that is in force no more
    a journal need not know the state."""
    out = {key: place for key, place in arena.raw.live.items() if key[0] == arena.shards}
    held: dict[Key, Place] = {}
    where = arena.machine.paths
    for slot in where.journal_slots():
        try:
            reader = JournalReader.open(where.journal(slot))
        except (FileNotFoundError, UnreadableJournalError):
            continue  # its next process makes it anew
        try:
            for state in reader.states():
                key = (state.shard_count, state.shard_id)
                held[key] = max(held.get(key, (0, 0)), (state.epoch, state.seq))
        finally:
            reader.close()
    for key, place in out.items():
        if place > held.get(key, (0, 0)):
            text = f"{key}: {place} was published, and the journals end at {held.get(key)}"
            arena.others.append(Breach("other", "journal", time.time(), text))


async def next_worker(arena: Arena, slot: int, before: int | None) -> None:
    await arena.until(
        lambda: arena.machine.worker(slot) not in (None, before), f"worker {slot} is there again"
    )


@asynccontextmanager
async def hub_away(arena: Arena) -> AsyncIterator[None]:
    """Meanwhile, and for a while after, live messages may meet nobody, or come in such a burst that
    the hub drops some."""
    span = [time.time(), float("inf")]
    arena.hub_away.append(span)
    try:
        yield
    finally:
        span[1] = time.time() + HUB_BACK_S


async def start(arena: Arena) -> None:
    """As a service manager does: again, if it fails since Discord is not there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            await arena.machine.start()
        except CommandFailed as error:
            with (arena.machine.folder / "driver.log").open("a") as log:
                log.write(f"{time.time():.3f} {error}\n")
            if time.monotonic() > deadline:
                raise Stuck(str(error)) from None
            await asyncio.sleep(0.2)
        else:
            return


async def kill_coordinator(arena: Arena) -> None:
    send(arena.machine.coordinator(), signal.SIGKILL)
    lock = arena.machine.paths.lock
    await arena.until(lambda: not is_held(lock), "the coordinator is dead")
