"""A worker that is killed while its pipe to the hub is full, by the numbers."""

from __future__ import annotations

import contextlib
import signal
from typing import Final

import lmdb

from cluster.journal import schema
from tests.chaos.cluster_processes import PIPE_MESSAGES
from tests.chaos.cluster_under_test import ClusterUnderTest, Stuck
from tests.chaos.faults.process_control import (
    hub_away,
    kill_worker,
    running_worker,
    send_signal,
    wait_for_next_worker,
)

KERNEL_BYTES: Final = 4 * 212_992
"""More than a local socket holds between two processes (net.core.wmem_default, both ways)."""
MAP_BYTES: Final = 1 << 30
"""More than a journal takes: it may grow while it is read."""
FASTER: Final = 8
TRIES: Final = 5
FILL_S: Final = 15.0
"""Several times what it takes. Where a session of the worker was ended meanwhile nothing comes, and
nobody is there to grant it another identify."""


async def full_pipe(tested: ClusterUnderTest, slot: int) -> None:
    """The hub stands still until the worker's pipe is full, by the numbers; then it is killed."""
    slot = tested.slot(slot)
    for _ in range(TRIES):
        before = await running_worker(tested, slot)
        async with hub_away(tested):
            done = await _fill_and_kill(tested, slot)
            if tested.processes.worker(slot) != before:
                await wait_for_next_worker(tested, slot, before)
        if done:
            return
        await tested.connected(range(tested.shards))
    raise Stuck(f"the pipe of worker {slot} did not get full in {TRIES} tries")


async def _fill_and_kill(tested: ClusterUnderTest, slot: int) -> bool:
    """Fill the worker's pipe, then kill the worker.

    False: it ended by itself (it had been told to) before its pipe was full, or nothing comes for
    it.
    """
    processes, pid = tested.processes, tested.processes.worker(slot)
    coordinator = processes.coordinator()
    send_signal(coordinator, signal.SIGSTOP)
    last_record = _last_record(tested, slot)
    try:
        await tested.sandbox.traffic(rate=tested.rate * FASTER)
        with contextlib.suppress(Stuck):
            await tested.until(
                lambda: processes.worker(slot) != pid or _waiting(tested, slot, last_record) > 0,
                "the pipe is full",
                FILL_S,
            )
        if processes.worker(slot) != pid or _waiting(tested, slot, last_record) <= 0:
            return False
        await kill_worker(tested, slot)
        waiting = _waiting(tested, slot, last_record)
        if waiting <= 0:
            raise Stuck(f"the pipe was not full: {waiting} bytes waited")
        return True
    finally:
        await tested.sandbox.traffic(rate=tested.rate)
        send_signal(coordinator, signal.SIGCONT)


def _rows(tested: ClusterUnderTest, slot: int, after: int) -> list[tuple[int, schema.AppendRow]]:
    """Read the journal's index beyond a record: (first record, append)."""
    folder = str(tested.processes.paths.journal(slot))
    with lmdb.open(
        folder, MAP_BYTES, readonly=True, max_dbs=4, max_readers=schema.MAX_READERS
    ) as env:
        db = env.open_db(schema.INDEX_DB, create=False)
        with env.begin() as txn, txn.cursor(db=db) as cursor:
            found = cursor.set_range(schema.number_key.pack(after + 1))
            rows = []
            while found:
                number = schema.number_key.unpack(cursor.key())[0]
                rows.append((number, schema.unpack_row(cursor.value())))
                found = cursor.next()
            return rows


def _last_record(tested: ClusterUnderTest, slot: int) -> int:
    rows = _rows(tested, slot, 0)
    return rows[-1][0] + rows[-1][1].records - 1 if rows else 0


def _waiting(tested: ClusterUnderTest, slot: int, last_record: int) -> int:
    """Bytes of records that can't have left the worker: journalled since the hub stands still
    (after its last record), beyond what the pipe holds in messages and the sockets between them
    hold in bytes."""
    rows = _rows(tested, slot, last_record)
    records = sum(row.records for _, row in rows)
    size = sum(row.size for _, row in rows)
    if records <= PIPE_MESSAGES:
        return 0
    return int(size * (records - PIPE_MESSAGES) / records) - KERNEL_BYTES
