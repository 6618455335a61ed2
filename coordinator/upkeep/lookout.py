"""Looks once a second for what no part of the coordinator tells by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cluster.wire.happenings import HappeningKind
from cluster.wire.states import WorkerState
from cluster.wire.status import BudgetStatus
from coordinator.control.subscribers import Subscribers
from coordinator.happenings.record import HappeningRecord
from coordinator.workers.fleet import Fleet

LOOK_S: Final = 1.0
BUDGET_EVERY: Final = 10
"""In so many looks the budget is looked at once: its numbers go over all who wait."""


class Lookout:
    """Tells of workers that report no more, of shards that are all ready, of an identify budget
    that would not do for a restart, and of subscribers that went without a word."""

    def __init__(
        self,
        record: HappeningRecord,
        fleet: Fleet,
        budget: Callable[[], BudgetStatus],
        subscribers: Subscribers,
        clock: Callable[[], float],
        reserve: int = 0,
    ) -> None:
        """budget: returns how many identifies are left. clock: monotonic seconds. reserve:
        identifies that are never granted."""
        self._record = record
        self._fleet = fleet
        self._budget = budget
        self._subscribers = subscribers
        self._clock = clock
        self._reserve = reserve
        self._looks = 0
        self._missing: set[int] = set()
        self._all_ready = self._budget_low = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Look once."""
        self._look_at_workers()
        self._look_at_shards()
        if self._looks % BUDGET_EVERY == 0:
            self._look_at_budget()
        self._looks += 1
        self._subscribers.forget_silent(self._clock())
        self._record.tick()

    def _look_at_workers(self) -> None:
        slots = self._fleet.slots
        missing = {n for n, slot in slots.items() if slot.state is WorkerState.MISSING}
        for number in sorted(missing - self._missing):
            kind = HappeningKind.WORKER_MISSING
            self._record.tell(kind, worker=number, cause=slots[number].detail)
        self._missing = missing

    def _look_at_shards(self) -> None:
        plan = self._fleet.assignments.plan
        ready = self._fleet.reports.all_ready(plan)
        if ready and not self._all_ready:
            count = len(plan.shards)
            what = f"all {count:,} shards are ready" if count > 1 else "the shard is ready"
            self._record.flush()
            self._record.tell(HappeningKind.ALL_READY, what)
        self._all_ready = ready

    def _look_at_budget(self) -> None:
        """Tell when fewer identifies are left than a start without sessions would need, unless such
        a start is under way."""
        budget, shards = self._budget(), len(self._fleet.assignments.plan.shards)
        left = max(0, budget.remaining - self._reserve)  # as the warning in `status` has it
        low = budget.known and left < shards and not budget.waiting
        if low and not self._budget_low:
            what = (
                f"{left:,} of {budget.total:,} identifies are left for "
                f"{budget.reset_after_s / 3600:.1f} h: too few for {shards:,} shards"
            )
            self._record.tell(HappeningKind.BUDGET_LOW, what)
        self._budget_low = low
