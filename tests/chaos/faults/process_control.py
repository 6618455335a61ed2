"""What faults do to processes, and what holds whenever a worker dies."""

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
from tests.chaos.cluster_processes import CommandFailed
from tests.chaos.cluster_under_test import ClusterUnderTest, Stuck
from tests.chaos.judgement.records import Breach, Key, Place

HUB_BACK_S: Final = 10.0
"""Seconds after a hub came back in which a worker's next process may not know how far the old one
was: what lay between is in the journal, not live."""


def send_signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: what was wanted
            os.kill(pid, number)


async def running_worker(tested: ClusterUnderTest, slot: int) -> int | None:
    """Wait until a slot has a worker; return its pid (None: it has gone again meanwhile)."""
    await tested.until(lambda: tested.processes.worker(slot) is not None, f"worker {slot} is there")
    return tested.processes.worker(slot)


async def kill_worker(tested: ClusterUnderTest, slot: int) -> int | None:
    """SIGKILL a worker; return its pid once it is gone."""
    lock = tested.processes.paths.journal(slot) / "owner.lock"
    pid = await running_worker(tested, slot)
    send_signal(pid, signal.SIGKILL)
    await tested.until(
        lambda: not is_held(lock) or tested.processes.worker(slot) != pid, f"worker {slot} is dead"
    )
    check_journals(tested)
    return pid


def check_journals(tested: ClusterUnderTest) -> None:
    """What came out of the cluster has to stand in a journal.

    A shard count that is not in force any more is left out: no journal need know its state.
    """
    published = {key: place for key, place in tested.raw.live.items() if key[0] == tested.shards}
    held: dict[Key, Place] = {}
    unread: list[str] = []
    for folder in tested.processes.journals():
        try:
            reader = JournalReader.open(folder)
        except (FileNotFoundError, UnreadableJournalError) as error:
            unread.append(f"; {folder.name} could not be read ({error})")
            continue  # its next process makes it anew
        try:
            for state in reader.states():
                key = (state.shard_count, state.shard_id)
                held[key] = max(held.get(key, (0, 0)), (state.epoch, state.seq))
        finally:
            reader.close()
    for key, place in published.items():
        if place > held.get(key, (0, 0)):
            text = f"{key}: {place} was published, and the journals end at {held.get(key)}"
            text += "".join(unread)
            tested.others.append(Breach("other", "journal", time.time(), text))


async def wait_for_next_worker(tested: ClusterUnderTest, slot: int, before: int | None) -> None:
    await tested.until(
        lambda: tested.processes.worker(slot) not in (None, before), f"worker {slot} is there again"
    )


@asynccontextmanager
async def hub_away(tested: ClusterUnderTest) -> AsyncIterator[None]:
    """Note that the hub is away while the block runs, and for a while after.

    Live messages may then meet nobody, or come in such a burst that the hub drops some.
    """
    span = [time.time(), float("inf")]
    tested.hub_away.append(span)
    try:
        yield
    finally:
        span[1] = time.time() + HUB_BACK_S


async def start_cluster(tested: ClusterUnderTest) -> None:
    """Start it as a service manager does: again, if it fails since Discord is not there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            await tested.processes.start()
        except CommandFailed as error:
            with (tested.processes.folder / "driver.log").open("a") as log:
                log.write(f"{time.time():.3f} {error}\n")
            if time.monotonic() > deadline:
                raise Stuck(str(error)) from None
            await asyncio.sleep(0.2)
        else:
            return


async def kill_coordinator(tested: ClusterUnderTest) -> None:
    send_signal(tested.processes.coordinator(), signal.SIGKILL)
    lock = tested.processes.paths.lock
    await tested.until(lambda: not is_held(lock), "the coordinator is dead")
