"""A worker that is killed while its pipe to the hub is full, by the numbers."""

from __future__ import annotations

import contextlib
import signal
from typing import Final

import lmdb

from cluster.journal import schema
from tests.chaos.arena import Arena, Stuck
from tests.chaos.hands import hub_away, kill_worker, next_worker, send
from tests.chaos.processes import PIPE_MESSAGES

KERNEL_BYTES: Final = 4 * 212_992
"""More than a local socket holds between two processes (net.core.wmem_default, both ways)."""


MAP_BYTES: Final = 1 << 30
"""More than a journal takes: it may grow while it is read."""
FASTER: Final = 8
TRIES: Final = 5
FILL_S: Final = 15.0
"""Several times what it takes. Where a session of the worker was ended meanwhile nothing comes, and
nobody is there to grant it another identify."""


async def full_pipe(arena: Arena, slot: int) -> None:
    """The hub stands still until the worker's pipe is full, by the numbers; then it is killed."""
    slot = arena.slot(slot)
    for _ in range(TRIES):
        await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
        before = arena.machine.worker(slot)
        async with hub_away(arena):
            done = await _fill_and_kill(arena, slot)
            if arena.machine.worker(slot) != before:
                await next_worker(arena, slot, before)
        if done:
            return
        await arena.connected(range(arena.shards))
    raise Stuck(f"the pipe of worker {slot} did not get full in {TRIES} tries")


async def _fill_and_kill(arena: Arena, slot: int) -> bool:
    """False: the worker ended by itself (it had been told to) before its pipe was full, or nothing
    comes for it."""
    machine, pid = arena.machine, arena.machine.worker(slot)
    coordinator = machine.coordinator()
    send(coordinator, signal.SIGSTOP)
    stood = _last_record(arena, slot)
    try:
        await arena.sandbox.traffic(rate=arena.rate * FASTER)
        with contextlib.suppress(Stuck):
            await arena.until(
                lambda: machine.worker(slot) != pid or _waiting(arena, slot, stood) > 0,
                "the pipe is full",
                FILL_S,
            )
        if machine.worker(slot) != pid or _waiting(arena, slot, stood) <= 0:
            return False
        await kill_worker(arena, slot)
        waiting = _waiting(arena, slot, stood)
        if waiting <= 0:
            raise Stuck(f"the pipe was not full: {waiting} bytes waited")
        return True
    finally:
        await arena.sandbox.traffic(rate=arena.rate)
        send(coordinator, signal.SIGCONT)


def _rows(arena: Arena, slot: int, after: int) -> list[tuple[int, schema.AppendRow]]:
    """The journal's index beyond a record: (first record, append)."""
    folder = str(arena.machine.paths.journal(slot))
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


def _last_record(arena: Arena, slot: int) -> int:
    rows = _rows(arena, slot, 0)
    return rows[-1][0] + rows[-1][1].records - 1 if rows else 0


def _waiting(arena: Arena, slot: int, stood: int) -> int:
    """Bytes of records that can't have left the worker: journalled since the hub stands still,
    beyond what the pipe holds in messages and the sockets between them hold in bytes."""
    rows = _rows(arena, slot, stood)
    records = sum(row.records for _, row in rows)
    size = sum(row.size for _, row in rows)
    if records <= PIPE_MESSAGES:
        return 0
    return int(size * (records - PIPE_MESSAGES) / records) - KERNEL_BYTES
