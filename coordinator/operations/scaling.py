"""Another number of workers: shards move between running ones, one connection in a
thousand at a time.

The assignments are changed and saved first; coordinator.workers.reconciler sees that the workers
follow. A shard that moves is resumed from its newest state in any journal of the host, so it costs
a resume, and its history stays readable where it was received.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from cluster.errors import ClusterError
from cluster.wire import link
from cluster.wire.states import SessionState, WorkerState
from cluster.words import count
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.operations.runner import OperationProgress
from coordinator.sharding.placement import Spread
from coordinator.sharding.plan import Plan, replan
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.workers.fleet import Fleet
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.supervisor import Supervisor

SHARDS_TO_ONE: Final = 1000
"""For each so many shards one moves at a time: a host of a large cluster is not drained for hours,
and a small one has but one shard without a connection."""
START_S: Final = 60.0
MOVE_S: Final = 60.0
IDENTIFY_S: Final = 10.0
EMPTY_S: Final = 10.0
"""How long a worker that has no shards any more may take to publish what it still has."""
LEAVE_S: Final = 20.0


class Scaling:
    """Brings the cluster to another number of workers."""

    def __init__(
        self,
        fleet: Fleet,
        supervisor: Supervisor,
        identifies: GuardedQueue,
        reconciler: Reconciler,
        plan_keeper: PlanKeeper,
        goal: Callable[[int], Spread] | None = None,
    ) -> None:
        """goal: returns what so many workers are to have, on which hosts; None: workers run on this
        host. It raises ClusterError where that can't be."""
        self._goal = goal or self._local_goal
        self._assignments = fleet.assignments
        self._slots = fleet.slots
        self._reports = fleet.reports
        self._changes = fleet.changes
        self._send = fleet.send
        self._supervisor = supervisor
        self._identifies = identifies
        self._reconciler = reconciler
        self._plan_keeper = plan_keeper

    async def scale(self, workers: int, progress: OperationProgress) -> str:
        """Scale to so many workers. Return what was done. ClusterError: a worker does not start, or
        a shard that was ready does not get ready where it goes; what was moved until then stays
        moved."""
        before = self._assignments.plan
        if workers > len(before.shards):
            if len(before.shards) == 1:
                raise ClusterError(f"{workers} workers for 1 shard: it is on one", "give 1")
            raise ClusterError(
                f"{workers} workers for {len(before.shards)} shards: some would have none",
                f"give at most {len(before.shards)}",
            )
        if not self.differs(workers):
            return f"there are {workers} workers already"
        moved = await self._go_to(self._goal(workers), progress, scaled=True)
        return f"{workers} workers now, {len(before.slots)} before: {moved} shards moved"

    async def spread(self, workers: int, progress: OperationProgress) -> str:
        """Spread the shards over so many workers on the hosts that there are now. Return what was
        done. ClusterError as `scale`; the number of workers is nobody's wish."""
        moved = await self._go_to(self._goal(workers), progress, scaled=False)
        hosts = len(set(self._assignments.where.values()))
        on = f"{count(workers, 'worker')} on {count(hosts, 'host')}"
        return f"{on}: {count(moved, 'shard')} moved"

    def differs(self, workers: int) -> bool:
        """Whether so many workers are another plan. ClusterError: it can't be done."""
        goal = self._goal(workers)
        return goal != Spread(self._assignments.plan, self._assignments.where)

    def _local_goal(self, workers: int) -> Spread:
        plan = self._assignments.plan
        if workers == len(plan.slots):
            return Spread(plan, {})
        return Spread(replan(plan, workers, self._assignments.unfit(plan.shard_count)), {})

    async def _go_to(self, goal: Spread, progress: OperationProgress, *, scaled: bool) -> int:
        """Let shards move until the plan is another. Return how many did. scaled: somebody wants
        this number of workers."""
        before = self._assignments.plan
        moves = _moves(before, goal.plan)
        progress.steps(len(moves))
        new = {slot: goal.where.get(slot) for slot in goal.plan.slots if slot not in before.slots}
        try:
            await self._open(new)
            self._plan_keeper.save(scaled=scaled)
            await self._move_all(moves, progress, scaled=scaled)
        except ClusterError:
            await self._close_empty(scaled=scaled)
            raise
        await self._close_empty(scaled=scaled)
        return len(moves)

    async def _open(self, slots: Mapping[int, str | None]) -> None:
        """Start workers that have no shards yet. slots: with the host of each; None: this one."""
        for slot, host in slots.items():
            self._assignments.open_slot(slot, host)
        self._supervisor.start(slots)

        def all_run() -> bool:
            return all(self._slots[slot].state is WorkerState.RUNNING for slot in slots)

        def is_settled() -> bool:
            return all_run() or any(self._slots[s].state is WorkerState.FAILED for s in slots)

        await self._changes.until(is_settled, START_S)
        if not all_run():
            late = next(s for s in slots if self._slots[s].state is not WorkerState.RUNNING)
            raise ClusterError(
                f"worker {late} did not start "
                f"({self._slots[late].detail or self._slots[late].state})",
                f"see worker-{late}.log; no shard was moved",
            )

    async def _move_all(
        self, moves: list[tuple[int, int]], progress: OperationProgress, *, scaled: bool
    ) -> None:
        """Move shards to slots, some at a time. ClusterError: one has failed; those that were under
        way are moved, and no other."""
        left, failed = iter(moves), list[ClusterError]()

        async def move_some() -> None:
            for shard, to in left:
                progress.step(f"shard {shard} moves to worker {to}")
                try:
                    await self._move(shard, to, scaled=scaled)
                except ClusterError as error:
                    failed.append(error)
                if failed:
                    return
                progress.did(f"shard {shard} is with worker {to}")

        async with asyncio.TaskGroup() as group:
            for _ in range(max(1, len(self._assignments.plan.shards) // SHARDS_TO_ONE)):
                group.create_task(move_some())
        if failed:
            raise failed[0]

    async def _move(self, shard: int, to: int, *, scaled: bool) -> None:
        """Move a shard to a slot and wait until it is ready there. ClusterError: it is not."""
        plan = self._assignments.plan
        count, former = plan.shard_count, plan.slot_of[shard]
        # An identify that is under way would be lost with its connection.
        await self._changes.until(
            lambda: self._reports.state(count, shard) is not SessionState.IDENTIFYING, IDENTIFY_S
        )
        was_ready = self._reports.state(count, shard) is SessionState.READY
        self._assignments.move(shard, to)
        self._plan_keeper.save(scaled=scaled)
        self._identifies.withdraw(former, shard)
        self._reconciler.settle()

        def has_arrived() -> bool:
            ready = not was_ready or self._reports.state(count, shard) is SessionState.READY
            return ready and self._reconciler.has(to, shard)

        if not await self._changes.until(has_arrived, MOVE_S):
            detail = self._reports.detail(count, shard) or self._slots[to].detail
            raise ClusterError(
                f"shard {shard} is not ready on worker {to} after {MOVE_S:g} s"
                f"{f' ({detail})' if detail else ''}",
                "the shards that come after it were left where they are; try again later",
            )

    async def _close_empty(self, *, scaled: bool) -> None:
        """End workers that have no shards any more."""
        for slot in [slot for slot, shards in self._assignments.plan.slots.items() if not shards]:
            await self._close(slot)
        self._plan_keeper.save(scaled=scaled)

    async def _close(self, slot: int) -> None:
        """End a worker without shards, when all that it received is published."""
        await self._changes.until(lambda: self._reports.unpublished(slot) == 0, EMPTY_S)
        stop = link.Stop()
        await self._supervisor.restart(slot, lambda n: self._send(n, stop), LEAVE_S, retire=True)
        self._reports.retired(slot)
        self._assignments.close_slot(slot)


def _moves(before: Plan, after: Plan) -> list[tuple[int, int]]:
    """Return (shard, slot) of each shard that is in another slot, ascending."""
    return [(s, to) for s, to in sorted(after.slot_of.items()) if before.slot_of[s] != to]
