"""What operators do, while other things break."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial

from cluster.control import ControlClient
from cluster.errors import ClusterError
from tests.chaos.arena import Arena, Stuck
from tests.chaos.evidence import Key, Place
from tests.chaos.hands import hub_away, send
from tests.chaos.verdict import Audit


async def _operate(arena: Arena, ask: Callable[[ControlClient], Awaitable[str]]) -> None:
    """As an operator does: again, if something else went wrong in the midst of it."""
    where = arena.machine.paths
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
    async with hub_away(arena):  # a shard's new worker may be heard before the last of its old one
        for count in (workers, len(arena.slots)):
            await _operate(arena, partial(_scale, count))
            if kill and count == workers:
                send(arena.machine.worker(arena.slots[0]), signal.SIGKILL)
        await _learn_slots(arena)


async def _learn_slots(arena: Arena) -> None:
    async with ControlClient(arena.machine.paths.control) as control:
        arena.slots = [worker.slot for worker in (await control.status()).workers]


async def _old_count_over(arena: Arena, count: int, judges: list[Audit]) -> dict[Key, Place]:
    """Wait until all that a shard count brought is judged; where its shards ended."""
    raw = arena.audits["raw"]

    def left() -> list[str]:
        ends = arena.raw.ends(count)
        late = [
            f"raw: {key} is at {raw.places().get(key)}, of {end}"
            for key, end in ends.items()
            if raw.places().get(key, (0, 0)) < end
        ]
        late += [f"{audit.who}: {key}" for audit in judges for key in audit.not_left(count)]
        return late + ["an end is not known"] * (count - len(ends))

    try:
        await arena.until(lambda: not left(), "")
    except Stuck:
        raise Stuck(f"the old count is not over: {left()}") from None
    return arena.raw.ends(count)


async def resharded(arena: Arena, shards: int, overlap: float) -> None:
    """Another shard count; nothing else is broken meanwhile (Tempest sees to it), since sessions
    that lag more than the overlap cost duplicates or losses, as is documented."""
    before = arena.shards
    after = shards if shards != before else before + 2
    judges = [audit for name, audit in arena.audits.items() if name != "raw"]
    async with hub_away(arena):
        for audit in judges:
            audit.resharding(before, after)
        await _operate(arena, lambda control: control.reshard(after, overlap))
        arena.shards = after
        arena.logouts.append((before, time.time()))
        await arena.connected(range(after))
        await arena.caught_up(range(after), list(arena.audits))
        ends = await _old_count_over(arena, before, judges)
        for audit in judges:
            audit.resharded(ends, arena.book)
        await _learn_slots(arena)
