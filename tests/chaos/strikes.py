"""How each kind of fault is done. A strike returns when what it broke is mended again as far as a
connection, a process or a subscriber goes; that all events then come, the driver waits for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import lmdb
from arena import SOME, Arena, Stuck
from evidence import Breach, Key, Place
from processes import CommandFailed

from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.journal import layout
from cluster.journal.reader import JournalReader
from cluster.journal.records import UnreadableJournalError
from cluster.wire.places import is_held

Strike = Callable[..., Awaitable[None]]
HUB_BACK_S: Final = 10.0
"""So long after a hub came back, a worker's next process may not know how far the old one was:
what lay between is in the journal, not live."""

# -- connections -------------------------------------------------------------------------------


async def _meet(arena: Arena, shard: int, **fault: Any) -> None:
    """Let a fault meet the shard's connection, and wait for its next one."""
    shard %= arena.shards  # there may be another number of them by now
    deadline = time.monotonic() + 60
    while True:
        await arena.connected([shard])
        before = arena.connections().get(shard)
        done = await arena.sandbox.fault(shard=shard, **fault)
        if done["met"] or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)  # it was lost just now
    await arena.until(
        lambda: arena.connections().get(shard) not in (None, before),
        f"shard {shard} has another connection after {fault}",
    )


def connection(kind: str, **fixed: Any) -> Strike:
    """A fault of the sandbox's that costs a connection."""

    async def strike(arena: Arena, shard: int, **params: Any) -> None:
        await _meet(arena, shard, kind=kind, **fixed, **params)

    return strike


async def stall(arena: Arena, shard: int, seconds: float) -> None:
    """Nothing for a while, then all of it: if it lasts, the session is elsewhere by then."""
    shard %= arena.shards
    await arena.connected([shard])
    await arena.sandbox.fault(kind="stall", shard=shard, seconds=seconds)
    await asyncio.sleep(seconds)


async def refused_connections(arena: Arena, seconds: float) -> None:
    """Nobody gets in, and half of the shards have to."""
    await arena.sandbox.fault(kind="refuse_connections", seconds=seconds)
    for shard in range(0, arena.shards, 2):
        await arena.sandbox.fault(kind="cut", how="rst", shard=shard)
    await asyncio.sleep(seconds)
    await asyncio.sleep(0.1)


async def dead_resume_host(arena: Arena, shard: int, mode: str) -> None:
    # A client that waits for HELLO in vain gives up after its own deadline: once is enough.
    count = 1 if mode == "silent" else 3
    await arena.sandbox.fault(kind="resume_host", mode=mode, count=count, seconds=1.5)
    await _meet(arena, shard, kind="cut", how="rst")


async def replay_skips(arena: Arena, shard: int, count: int) -> None:
    """The connection is away long enough for something to be missed."""
    await arena.connected([shard % arena.shards])
    await arena.sandbox.fault(kind="replay_skips", count=count, resumes=2)
    await arena.sandbox.fault(kind="refuse_connections", seconds=0.5)
    await _meet(arena, shard, kind="cut", how="rst")


async def repeated_seq(arena: Arena, shard: int) -> None:
    """RESUMED with an s that was there before."""
    await arena.sandbox.fault(kind="resumed_seq", mode="repeat", count=1)
    await _meet(arena, shard, kind="cut", how="fin")


# -- processes ---------------------------------------------------------------------------------


def _signal(pid: int | None, number: signal.Signals) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: what was wanted
            os.kill(pid, number)


async def _kill_worker(arena: Arena, slot: int) -> int | None:
    """SIGKILL; returns its pid once it is gone."""
    lock = arena.machine.places.journal(slot) / "owner.lock"
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    _signal(pid, signal.SIGKILL)
    await arena.until(
        lambda: not is_held(lock) or arena.machine.worker(slot) != pid, f"worker {slot} is dead"
    )
    _nothing_unjournalled(arena)
    return pid


def _nothing_unjournalled(arena: Arena) -> None:
    """What came out of the cluster stands in a journal."""
    out = dict(arena.raw.live)
    held: dict[Key, Place] = {}
    where = arena.machine.places
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


async def _next_worker(arena: Arena, slot: int, before: int | None) -> None:
    await arena.until(
        lambda: arena.machine.worker(slot) not in (None, before), f"worker {slot} is there again"
    )


async def worker_killed(arena: Arena, slot: int) -> None:
    slot = arena.slot(slot)
    await _next_worker(arena, slot, await _kill_worker(arena, slot))


async def two_workers_killed(arena: Arena, slots: list[int]) -> None:
    await asyncio.gather(*(worker_killed(arena, slot) for slot in slots))


async def worker_stopped(arena: Arena, slot: int, seconds: float) -> None:
    slot = arena.slot(slot)
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    _signal(pid, signal.SIGCONT)


async def worker_hangs(arena: Arena, slot: int) -> None:
    """SIGSTOP for good: the coordinator has to notice."""
    slot = arena.slot(slot)
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    _signal(pid, signal.SIGSTOP)
    await _next_worker(arena, slot, pid)


@asynccontextmanager
async def _hub_away(arena: Arena) -> AsyncIterator[None]:
    """Meanwhile, and for a while after, live messages may meet nobody, or come in such a burst that
    the hub drops some."""
    span = [time.time(), float("inf")]
    arena.hub_away.append(span)
    try:
        yield
    finally:
        span[1] = time.time() + HUB_BACK_S


async def _start(arena: Arena) -> None:
    """As a service manager does: again, if it fails since Discord is not there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            await arena.machine.start()
        except CommandFailed as error:
            if time.monotonic() > deadline:
                raise Stuck(str(error)) from None
            await asyncio.sleep(0.2)
        else:
            return


async def _kill_coordinator(arena: Arena) -> None:
    _signal(arena.machine.coordinator(), signal.SIGKILL)
    lock = arena.machine.places.lock
    await arena.until(lambda: not is_held(lock), "the coordinator is dead")


async def coordinator_killed(arena: Arena, seconds: float) -> None:
    async with _hub_away(arena):
        await _kill_coordinator(arena)
        await asyncio.sleep(seconds)
        await _start(arena)


async def coordinator_stopped(arena: Arena, seconds: float) -> None:
    async with _hub_away(arena):
        pid = arena.machine.coordinator()
        _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        _signal(pid, signal.SIGCONT)


async def replay_killed(arena: Arena) -> None:
    await arena.until(lambda: arena.machine.replay() is not None, "the replay server is there")
    pid = arena.machine.replay()
    _signal(pid, signal.SIGKILL)
    await arena.until(
        lambda: arena.machine.replay() not in (None, pid), "the replay server is there again"
    )


async def replay_stopped(arena: Arena, seconds: float) -> None:
    await arena.until(lambda: arena.machine.replay() is not None, "the replay server is there")
    pid = arena.machine.replay()
    _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    _signal(pid, signal.SIGCONT)


async def worker_and_coordinator_killed(arena: Arena, slot: int) -> None:
    slot = arena.slot(slot)
    async with _hub_away(arena):
        _signal(arena.machine.coordinator(), signal.SIGKILL)
        before = await _kill_worker(arena, slot)
        await arena.until(lambda: not is_held(arena.machine.places.lock), "it is dead")
        await _start(arena)
        await _next_worker(arena, slot, before)


async def worker_and_replay_killed(arena: Arena, slot: int) -> None:
    await asyncio.gather(worker_killed(arena, slot), replay_killed(arena))


async def full_pipe(arena: Arena, slot: int) -> None:
    """The hub stands still until the worker's pipe is full, by the numbers; then it is killed."""
    slot = arena.slot(slot)
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    coordinator = arena.machine.coordinator()
    rate = arena.state["traffic"]["rate"]
    async with _hub_away(arena):
        _signal(coordinator, signal.SIGSTOP)
        stood = _last_record(arena, slot)
        try:
            await arena.sandbox.traffic(rate=max(rate, 1.0) * 8)
            await arena.until(lambda: _waiting(arena, slot, stood) > 0, "the pipe is full")
            before = await _kill_worker(arena, slot)
            waiting = _waiting(arena, slot, stood)
            if waiting <= 0:
                raise Stuck(f"the pipe was not full: {waiting} bytes waited")
        finally:
            await arena.sandbox.traffic(rate=rate)
            _signal(coordinator, signal.SIGCONT)
        await _next_worker(arena, slot, before)


PIPE_MESSAGES: Final = 200
"""DCGW_HUB_PIPE_MESSAGES of processes.py."""
KERNEL_BYTES: Final = 4 * 212_992
"""More than a local socket holds between two processes (net.core.wmem_default, both ways)."""


def _rows(arena: Arena, slot: int, after: int) -> list[tuple[int, layout.AppendRow]]:
    """The journal's index beyond a record: (first record, append)."""
    folder = str(arena.machine.places.journal(slot))
    with lmdb.open(folder, readonly=True, max_dbs=4, max_readers=layout.MAX_READERS) as env:
        db = env.open_db(layout.INDEX_DB, create=False)
        with env.begin() as txn, txn.cursor(db=db) as cursor:
            found = cursor.set_range(layout.number_key.pack(after + 1))
            rows = []
            while found:
                number = layout.number_key.unpack(cursor.key())[0]
                rows.append((number, layout.unpack_row(cursor.value())))
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


# -- operations ------------------------------------------------------------------------------


async def _operate(arena: Arena, ask: Callable[[ControlClient], Awaitable[str]]) -> None:
    """As an operator does: again, if something else went wrong in the midst of it."""
    where = arena.machine.places
    deadline = time.monotonic() + 90
    while True:
        async with ControlClient(where.control, lock=where.lock) as control:
            try:
                await asyncio.wait_for(ask(control), 90)
                break
            except (ClusterError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise Stuck(f"not in 90 s: {error}") from None
        await asyncio.sleep(0.3)


async def rolling_restart(arena: Arena) -> None:
    await _operate(arena, lambda control: control.restart_rolling())


async def worker_restarted(arena: Arena, slot: int) -> None:
    await _operate(arena, lambda control: control.restart_worker(arena.slot(slot)))


async def shard_restarted(arena: Arena, shard: int) -> None:
    await _operate(arena, lambda control: control.restart_shard(shard % arena.shards))


async def _scale(workers: int, control: ControlClient) -> str:
    return await control.scale(workers)


async def scaled(arena: Arena, workers: int, kill: bool) -> None:
    """Another number of workers, and back; an old owner that dies in between takes nothing back."""
    async with _hub_away(arena):  # a shard's new worker may be heard before the last of its old one
        for count in (workers, len(arena.slots)):
            await _operate(arena, partial(_scale, count))
            if kill and count == workers:
                _signal(arena.machine.worker(arena.slots[0]), signal.SIGKILL)
        await _learn_slots(arena)


async def _learn_slots(arena: Arena) -> None:
    async with ControlClient(arena.machine.places.control) as control:
        arena.slots = [worker.slot for worker in (await control.status()).workers]


async def resharded(arena: Arena, shards: int, overlap: float) -> None:
    """Another shard count; nothing else is broken meanwhile (Tempest sees to it), since sessions
    that lag more than the overlap cost duplicates or losses, as is documented."""
    before = arena.shards
    after = shards if shards != before else before + 2
    began = time.time()
    judges = [audit for name, audit in arena.audits.items() if name != "raw"]
    async with _hub_away(arena):
        for audit in judges:
            audit.resharding(before, after)
        await _operate(arena, lambda control: control.reshard(after, overlap))
        arena.shards = after
        arena.logouts.append((began, time.time()))
        await arena.connected(range(after))
        await arena.caught_up(range(after), list(arena.audits))
        await arena.until(lambda: len(arena.raw.ends(before)) == before, "the old count's ends")
        ends = arena.raw.ends(before)
        raw = arena.audits["raw"]
        await arena.until(
            lambda: (
                all(raw.places().get(key, (0, 0)) >= end for key, end in ends.items())
                and all(audit.has_left(before) for audit in judges)
            ),
            f"the old count is over: {ends}",
        )
        for audit in judges:
            audit.resharded(ends, arena.book)
        await _learn_slots(arena)


# -- subscribers -------------------------------------------------------------------------------


async def subscriber_stopped(arena: Arena, bot: str, seconds: float) -> None:
    """It reads nothing, and the hub drops what it must."""
    pid = arena.bots[bot].pid
    _signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    _signal(pid, signal.SIGCONT)


async def subscriber_busy(arena: Arena, bot: str, seconds: float) -> None:
    """It handles nothing for a while."""
    _signal(arena.bots[bot].pid, signal.SIGUSR1)
    await asyncio.sleep(seconds)


async def subscriber_restarted(arena: Arena, bot: str, slot: int) -> None:
    """The bot dies, a worker dies while it is away, and it goes on from what it saved."""
    slot = arena.slot(slot)
    its = arena.bots[bot]
    await its.kill()
    before = await _kill_worker(arena, slot)
    await its.start()
    await _next_worker(arena, slot, before)
    await asyncio.wait_for(its.joined.wait(), 60)


async def late_joiner(arena: Arena, seconds: float) -> None:
    late = await arena.add_late(None if seconds < 2 else SOME)
    await asyncio.wait_for(late.joined.wait(), 60)
    await asyncio.sleep(seconds)
    await arena.drop_late(late)


async def started_together(arena: Arena) -> None:
    """All of the cluster is stopped; then it and a subscriber start at the same moment."""
    async with _hub_away(arena):
        await arena.machine.cli("stop")
        late, _ = await asyncio.gather(arena.add_late(None), _start(arena))
        await asyncio.wait_for(late.joined.wait(), 60)
        await arena.connected(range(arena.shards))
        await arena.drop_late(late)


STRIKES: Final[dict[str, Strike]] = {
    "cut": connection("cut"),
    "half_open": connection("half_open"),
    "mute_heartbeats": connection("mute_heartbeats"),
    "op7": connection("op7"),
    "op9_resumable": connection("op9", resumable=True),
    "op9_lost": connection("op9", resumable=False),
    "close_resumable": connection("close"),
    "close_lost": connection("close"),
    "forgotten_session": connection("forget"),
    "corrupt": connection("corrupt"),
    "truncate": connection("truncate"),
    "stall": stall,
    "repeated_seq": repeated_seq,
    "refused_connections": refused_connections,
    "dead_resume_host": dead_resume_host,
    "replay_skips": replay_skips,
    "worker_killed": worker_killed,
    "worker_stopped": worker_stopped,
    "worker_hangs": worker_hangs,
    "two_workers_killed": two_workers_killed,
    "coordinator_killed": coordinator_killed,
    "coordinator_stopped": coordinator_stopped,
    "replay_killed": replay_killed,
    "replay_stopped": replay_stopped,
    "worker_and_coordinator_killed": worker_and_coordinator_killed,
    "worker_and_replay_killed": worker_and_replay_killed,
    "full_pipe": full_pipe,
    "rolling_restart": rolling_restart,
    "worker_restarted": worker_restarted,
    "shard_restarted": shard_restarted,
    "scaled": scaled,
    "resharded": resharded,
    "subscriber_stopped": subscriber_stopped,
    "subscriber_busy": subscriber_busy,
    "subscriber_restarted": subscriber_restarted,
    "late_joiner": late_joiner,
    "started_together": started_together,
}


def shards_of(arena: Arena, params: dict[str, Any]) -> Iterable[int]:
    """Whom a fault meets: its shard, or any."""
    return [params["shard"] % arena.shards] if "shard" in params else range(arena.shards)
