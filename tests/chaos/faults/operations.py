"""Operations that people ask a cluster for, while other things break."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial

from cluster.control import ControlClient
from cluster.errors import ClusterError
from tests.chaos.cluster_under_test import ClusterUnderTest, Stuck
from tests.chaos.faults.process_control import hub_away, send_signal
from tests.chaos.judgement.records import Key, Place
from tests.chaos.judgement.verdict import Audit


async def operate(tested: ClusterUnderTest, ask: Callable[[ControlClient], Awaitable[str]]) -> None:
    """Ask as an operator does: again, if something else went wrong in the midst of it."""
    paths = tested.processes.paths
    deadline = time.monotonic() + 90
    while True:
        async with ControlClient(paths.control, lock=paths.lock) as control:
            try:
                await asyncio.wait_for(ask(control), 90)
                break
            except (ClusterError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise Stuck(f"not in 90 s: {error}") from None
        await asyncio.sleep(0.3)


async def rolling_restart(tested: ClusterUnderTest) -> None:
    await operate(tested, lambda control: control.restart_rolling())


async def worker_restarted(tested: ClusterUnderTest, slot: int) -> None:
    await operate(tested, lambda control: control.restart_worker(tested.slot(slot)))


async def shard_restarted(tested: ClusterUnderTest, shard: int) -> None:
    await operate(tested, lambda control: control.restart_shard(shard % tested.shards))


async def _scale(workers: int, control: ControlClient) -> str:
    return await control.scale(workers)


async def scaled(tested: ClusterUnderTest, workers: int, kill: bool) -> None:
    """Scale to another number of workers, and back; an old owner that dies in between takes nothing
    back."""
    async with hub_away(tested):  # a shard's new worker may be heard before the last of its old one
        for count in (workers, len(tested.slots)):
            await operate(tested, partial(_scale, count))
            if kill and count == workers:
                send_signal(tested.processes.worker(tested.slots[0]), signal.SIGKILL)
        await _learn_slots(tested)


async def _learn_slots(tested: ClusterUnderTest) -> None:
    async with ControlClient(tested.processes.paths.control) as control:
        tested.slots = [worker.slot for worker in (await control.status()).workers]


async def _old_count_over(
    tested: ClusterUnderTest, count: int, judges: list[Audit]
) -> dict[Key, Place]:
    """Wait until all that a shard count brought is judged; return where its shards ended."""
    raw = tested.audits["raw"]

    def unfinished() -> list[str]:
        ends = tested.raw.ends(count)
        late = [
            f"raw: {key} is at {raw.places().get(key)}, of {end}"
            for key, end in ends.items()
            if raw.places().get(key, (0, 0)) < end
        ]
        late += [f"{audit.who}: {key}" for audit in judges for key in audit.unfinished(count)]
        return late + ["an end is not known"] * (count - len(ends))

    try:
        await tested.until(lambda: not unfinished(), "")
    except Stuck:
        raise Stuck(f"the old count is not over: {unfinished()}") from None
    return tested.raw.ends(count)


async def resharded(tested: ClusterUnderTest, shards: int, overlap: float) -> None:
    """Go over to another shard count.

    Nothing else is broken meanwhile (ChaosRun sees to it), since old sessions that lag more than
    two overlaps cost losses, as is documented.
    """
    before = tested.shards
    after = shards if shards != before else before + 2
    judges = [audit for name, audit in tested.audits.items() if name != "raw"]
    async with hub_away(tested):
        for audit in judges:
            audit.resharding(before, after)
        for client in tested.clients:
            client.audit.orders(False)
        await operate(tested, lambda control: control.reshard(after, overlap))
        tested.shards = after
        tested.logouts.append((before, time.time()))
        await tested.connected(range(after))
        await tested.caught_up(range(after), list(tested.audits))
        ends = await _old_count_over(tested, before, judges)
        for audit in judges:
            audit.resharded(ends, tested.ledger)
        for client in tested.clients:
            client.audit.orders(True)
        await _learn_slots(tested)
