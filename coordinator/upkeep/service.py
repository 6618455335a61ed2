"""What systemd is told of a running cluster: that it is ready, how it is, and that the loop that
grants identifies and looks after workers turns."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import Final

from cluster.service_manager import ServiceManager
from cluster.wire.status import BudgetStatus
from cluster.words import count, ranges
from coordinator.http.readiness import enough
from coordinator.workers.fleet import Fleet

MOST_RANGES: Final = 6
"""Ranges of shards that are named."""
TELL_S: Final = 1.0
"""Seconds between two notifications, or less where the watchdog wants it."""
EXTEND_US: Final = 60_000_000
"""So many microseconds more a start may take, said anew each time: identifies take their turns, and
a start that is given up for want of one shard would end all others."""


class Service:
    """Tells a service manager how the cluster is. A watchdog that hears nothing kills the
    coordinator, and the next one takes the workers over."""

    def __init__(
        self,
        manager: ServiceManager,
        fleet: Fleet,
        budget: Callable[[], BudgetStatus],
        *,
        ready_shards: int,
    ) -> None:
        """budget: returns who waits for an identify, and how long. ready_shards: so many ready
        shards make the cluster ready; 0: all."""
        self._manager = manager
        self._fleet = fleet
        self._budget = budget
        self._ready_shards = ready_shards
        self._was_ready = False
        self._stopping = False
        self._said = ""

    @property
    def pause_s(self) -> float:
        """Seconds until the next notification."""
        watchdog_s = self._manager.watchdog_s
        return min(TELL_S, watchdog_s / 3) if watchdog_s else TELL_S

    def begin(self) -> None:
        """Say which process is the service: the command that systemd started may end (`--detach`),
        and if it were watched in the coordinator's place, killing it would mend nothing."""
        self._manager.tell(MAINPID=os.getpid())

    async def run(self) -> None:
        """Tell until cancelled."""
        if not self._manager.is_there:
            return
        while True:
            self.tell()
            await asyncio.sleep(self.pause_s)

    def tell(self) -> None:
        """Tell once how the cluster is."""
        plan = self._fleet.assignments.plan
        ready = self._fleet.reports.ready(plan)
        all_shards = len(plan.shards)
        fields: dict[str, str | int] = {"WATCHDOG": 1}
        if not self._was_ready and not self._stopping:
            if self._is_ready(len(ready), all_shards):
                self._was_ready = True
                fields["READY"] = 1
            else:
                fields["EXTEND_TIMEOUT_USEC"] = EXTEND_US
        text = "stopping" if self._stopping else self._words(ready, plan.shards)
        if text != self._said:
            fields["STATUS"] = text
        if self._manager.tell(**fields):
            self._said = text
        elif "READY" in fields:
            self._was_ready = False

    def _is_ready(self, ready: int, all_shards: int) -> bool:
        """Whether the cluster is ready, as `/readyz` has it (coordinator.http.readiness)."""
        slots, plan = self._fleet.slots, self._fleet.assignments.plan
        if ready < enough(self._ready_shards, all_shards):
            return False
        return bool(self._ready_shards) or all(map(slots.is_running, plan.slots))

    def _words(self, ready: list[int], shards: Sequence[int]) -> str:
        workers = len(self._fleet.assignments.plan.slots)
        on = f"on {count(workers, 'worker')}"
        if len(ready) == len(shards):
            return f"ready: {count(len(shards), 'shard')} {on}"
        missing = ranges(sorted(set(shards) - set(ready)), MOST_RANGES)
        text = f"{len(ready):,} of {len(shards):,} shards are ready {on}; not ready: {missing}"
        budget = self._budget()
        if budget.trouble:
            return f"{text}; {budget.trouble}"
        if budget.waiting:
            return f"{text}; identifies take {budget.wait_s:.0f} s more"
        return text

    def reloading(self) -> None:
        """Say that the configuration is being read again. Of a start that is still under way it is
        not said: the READY that has to follow would end the start."""
        if not self._tells_reloads:
            return
        self._manager.tell(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)

    def reloaded(self) -> None:
        """Say that it was."""
        if self._tells_reloads:
            self._manager.tell(READY=1)

    @property
    def _tells_reloads(self) -> bool:
        return self._was_ready and not self._stopping

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._stopping = True
        self._manager.tell(STOPPING=1, STATUS="stopping")
