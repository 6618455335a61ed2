"""Another shard count while the cluster runs; lossless where the old sessions lag less behind the
new ones than these are ready before the old ones log out.

A second generation of workers is started with the new count and identified within the budget; what
it receives is journalled and shown to nobody. An overlap after all of its shards are ready it
publishes, both do so for another overlap, and the old generation logs out. Until then everything
can be taken back: the old one has gone on all the while.

Subscribers are told before the first event of the new count (cluster.wire.reshard).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from cluster.config.shards import ShardRange, parse_shards
from cluster.errors import ClusterError
from cluster.wire import link, reshard
from cluster.wire.batch import FORMAT, RESHARDED
from cluster.wire.states import ReshardStage, SessionState, WorkerState
from coordinator.context import RunContext
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.operations.runner import OperationProgress
from coordinator.sharding.plan import Plan, make_plan
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.workers.fleet import Fleet
from coordinator.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

STALL_S: Final = 120.0
"""How long nothing may come nearer to being ready, beyond the wait that the limiter reckons
with."""
PUBLISH_S: Final = 30.0
EMPTY_S: Final = 10.0
LEAVE_S: Final = 20.0
ANNOUNCE_S: Final = 1.0
DONE_TIMES: Final = 2
_GOODBYE: Final = link.Stop(logout=True, cause=RESHARDED)


class Resharding:
    """Exchanges the plan in force for one of another shard count."""

    def __init__(
        self,
        context: RunContext,
        fleet: Fleet,
        supervisor: Supervisor,
        identifies: GuardedQueue,
        plan_keeper: PlanKeeper,
        publish: Callable[[bytes], None],
    ) -> None:
        """publish: sends a message to the subscribers."""
        self._context = context
        self._assignments = fleet.assignments
        self._slots = fleet.slots
        self._reports = fleet.reports
        self._changes = fleet.changes
        self._send = fleet.send
        self._supervisor = supervisor
        self._identifies = identifies
        self._plan_keeper = plan_keeper
        self._publish = publish

    async def reshard(self, shards: int, overlap_s: float, progress: OperationProgress) -> str:
        """Go over to so many shards; 0: as many as Discord recommends. Return what was done.
        ClusterError (BudgetError): it can't be done, or a shard of the new count failed; all is as
        it was before."""
        before = self._assignments.plan
        shards = shards or (await self._context.api.ask()).shards
        self._check(shards)
        if shards == before.shard_count:
            return f"there are {shards} shards already"
        self._identifies.require(shards)
        after = self._plan(shards)
        progress.steps(shards)
        announcing = asyncio.create_task(self._announce(before, after, overlap_s))
        try:
            await self._prepare(after, overlap_s, progress)
            # Who listens remembers what it is to compare with, and what the new sessions receive
            # now counts when the old ones, which may lag, end before they have had it.
            progress.step(f"the new shards receive for {overlap_s:g} s before they publish")
            progress.left(2 * overlap_s)
            await asyncio.sleep(overlap_s)
            await self._make_public(after, overlap_s, progress)
            await self._overlap(after, overlap_s, progress)
            await self._end(before)
        except asyncio.CancelledError:  # the cluster stops, and waits for its workers itself
            for slot in self._assignments.beside.slots if self._assignments.beside else ():
                self._send(slot, _GOODBYE)
            raise
        finally:
            announcing.cancel()
            await asyncio.gather(announcing, return_exceptions=True)
        for _ in range(DONE_TIMES):  # who missed the last words of a shard looks for them then
            self._say(before, after, overlap_s, ReshardStage.DONE)
            await asyncio.sleep(ANNOUNCE_S)
        return f"{shards} shards now, {before.shard_count} before"

    def _check(self, shards: int) -> None:
        part = parse_shards(self._context.spec.shards)
        if part is not None and not part.whole:
            raise ClusterError(
                f"this cluster runs a part of its bot (shards = {self._context.spec.shards!r})",
                "all parts have one shard count: stop them, change it, start them",
            )
        if self._context.spec.account == "user" and shards != 1:
            raise ClusterError("a user account's session is not sharded")

    def _plan(self, shards: int) -> Plan:
        """Plan for as many workers as there are now, and for more where one would carry too many
        shards."""
        workers = len(self._assignments.plan.slots)
        if self._context.spec.workers == "auto":
            workers = max(workers, -(-shards // self._context.spec.shards_per_worker))
        workers = min(workers, shards)
        first = self._assignments.free_slots(workers, shards)
        return make_plan(ShardRange(0, shards - 1, shards), workers, first)

    # -- the new generation ---------------------------------------------------------------------

    async def _prepare(self, plan: Plan, overlap_s: float, progress: OperationProgress) -> None:
        """Start the new generation and wait until all of it is ready, or take it back."""
        self._assignments.put_beside(plan, int(overlap_s * 1e9))
        self._supervisor.start(plan.slots)
        try:
            progress.step(f"{len(plan.shards)} shards identify beside those in force")
            await self._until_ready(plan, 2 * overlap_s, progress)
        except ClusterError:
            await self._take_back(plan)
            raise

    async def _until_ready(self, plan: Plan, after_s: float, progress: OperationProgress) -> None:
        """Wait until all shards of a plan are ready. after_s: how long it takes from then on.
        ClusterError: they will not be, or nothing comes nearer to it for too long."""
        most, since = 0, time.monotonic()
        while not self._reports.all_ready(plan):
            ready = len(self._reports.ready(plan))
            if ready > most:
                progress.did(f"{ready} of {len(plan.shards)} new shards are ready", ready)
                most, since = ready, time.monotonic()
            progress.left(self._identifies.status().wait_s + after_s)
            self._look(plan, since)
            await self._changes.until(lambda: self._reports.all_ready(plan), ANNOUNCE_S)
        progress.did(f"all {len(plan.shards)} new shards are ready", len(plan.shards))
        self._look(plan, since)

    def _look(self, plan: Plan, since: float) -> None:
        """Raise ClusterError if the new generation will not get ready. since: when it came nearer
        to it last."""
        for slot in plan.slots:
            worker = self._slots[slot]
            if worker.state is WorkerState.FAILED:
                raise ClusterError(
                    f"worker {slot} of the new shard count failed ({worker.detail})",
                    f"see worker-{slot}.log; the old shards go on",
                )
            if not self._reports.journals(slot):
                raise ClusterError(
                    f"worker {slot} of the new shard count can't write its journal",
                    "make room: each worker takes twice journal.bytes; the old shards go on",
                )
        for shard in plan.shards:
            if self._reports.state(plan.shard_count, shard) is SessionState.FATAL:
                raise ClusterError(
                    f"shard {shard} of {plan.shard_count} was refused "
                    f"({self._reports.detail(plan.shard_count, shard)})",
                    "the old shards go on",
                )
        if time.monotonic() - since > STALL_S + self._identifies.status().wait_s:
            raise ClusterError(
                f"only {len(self._reports.ready(plan))} of {len(plan.shards)} new shards got ready",
                "see `dcgw-cluster status` and the workers' logs; the old shards go on",
            )

    async def _make_public(self, plan: Plan, overlap_s: float, progress: OperationProgress) -> None:
        """Let the new generation publish, and put the new count in force."""
        progress.step("the new shards come into force")

        def all_public() -> bool:
            return all(self._reports.held(slot) is False for slot in plan.slots)

        try:
            for _ in range(int(PUBLISH_S / ANNOUNCE_S)):
                for slot in plan.slots:
                    self._send(slot, link.Publish(overlap_ns=int(overlap_s * 1e9)))
                if await self._changes.until(all_public, ANNOUNCE_S):
                    break
            else:
                raise ClusterError(
                    "a worker of the new shard count does not answer", "the old shards go on"
                )
            self._look(plan, time.monotonic())
        except ClusterError:
            await self._take_back(plan)
            raise
        self._assignments.exchange()
        try:
            self._plan_keeper.save(resharded=True)
        except ClusterError:
            self._assignments.exchange()
            await self._take_back(plan)
            raise

    async def _overlap(self, after: Plan, overlap_s: float, progress: OperationProgress) -> None:
        """Let both generations publish. The old shards go only when all of the new ones are there;
        if one of these fails for good, the old ones, which have had everything, stay."""
        progress.step(f"both publish for {overlap_s:g} s")
        await asyncio.sleep(overlap_s)
        try:
            await self._until_ready(after, 0.0, progress)
        except ClusterError:
            self._assignments.exchange()
            self._plan_keeper.save(resharded=True)
            await self._take_back(after)
            raise

    async def _take_back(self, plan: Plan) -> None:
        log.warning("the new shard count is given up")
        await self._retire(plan)

    # -- the old generation ---------------------------------------------------------------------

    async def _end(self, plan: Plan) -> None:
        """End the old generation: it logs out, when what it received is published."""

        def all_out() -> bool:
            return not any(self._reports.unpublished(slot) for slot in plan.slots)

        await self._changes.until(all_out, EMPTY_S)
        await self._retire(plan)

    async def _retire(self, plan: Plan) -> None:
        """End the workers of the plan beside the one in force, and their sessions at Discord."""

        def tell(slot: int) -> bool:
            return self._send(slot, _GOODBYE)

        restart = self._supervisor.restart
        await asyncio.gather(*(restart(n, tell, LEAVE_S, retire=True) for n in plan.slots))
        for slot in plan.slots:
            self._reports.retired(slot)
        self._assignments.drop_beside()

    # -- what subscribers are told --------------------------------------------------------------

    async def _announce(self, before: Plan, after: Plan, overlap_s: float) -> None:
        while True:
            preparing = self._assignments.plan is before
            stage = ReshardStage.PREPARING if preparing else ReshardStage.OVERLAP
            self._say(before, after, overlap_s, stage)
            await asyncio.sleep(ANNOUNCE_S)

    def _say(self, before: Plan, after: Plan, overlap_s: float, stage: ReshardStage) -> None:
        word = reshard.Reshard(
            FORMAT,
            self._context.store_id,
            before.shard_count,
            after.shard_count,
            int(overlap_s * 1e9),
            stage,
            time.time_ns(),
        )
        self._publish(reshard.encode(word))
