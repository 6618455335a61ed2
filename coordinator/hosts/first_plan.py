"""The first plan of a start on other hosts: made when the hosts are there that it is for.

Until then `status` shows the shards with workers that wait. What was stored of a cluster that ran
before holds on; a new one's workers are as many as its hosts would run.
"""

from __future__ import annotations

import logging
from typing import Final

from cluster.words import count
from coordinator.context import RunContext
from coordinator.hosts.hosts import Hosts
from coordinator.sharding.placement import capacity
from coordinator.sharding.plan import plan_for_hosts
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.workers.fleet import Fleet
from coordinator.workers.slots import Slot
from coordinator.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

LOOK_S: Final = 5.0


class FirstPlan:
    """Waits for the hosts, makes the plan, and starts its workers."""

    def __init__(
        self,
        context: RunContext,
        hosts: Hosts,
        fleet: Fleet,
        supervisor: Supervisor,
        plan_keeper: PlanKeeper,
    ) -> None:
        self._context = context
        self._hosts = hosts
        self._fleet = fleet
        self._supervisor = supervisor
        self._plan_keeper = plan_keeper

    def show_waiting(self) -> None:
        """Let the slots of the plan so far be seen, as workers that wait."""
        for number in self._fleet.assignments.plan.slots:
            slot = self._fleet.slots[number] = Slot(number)
            slot.detail = self._waits_for()

    async def run(self) -> None:
        """Wait for the hosts and start. ClusterError: the plan can't be written."""
        expected = self._context.spec.hosts.expected
        while not await self._fleet.changes.until(lambda: self._hosts.gathered(expected), LOOK_S):
            for slot in self._fleet.slots.values():
                slot.detail = self._waits_for()
        assignments, stored = self._fleet.assignments, self._context.store.plan()
        plan = plan_for_hosts(
            self._context.spec,
            self._context.gateway.shards,
            capacity(self._hosts.rooms.values()),
            stored,
        )
        assignments.begin(plan)
        self._plan_keeper.save()
        self._fleet.slots.clear()
        log.info("%s have joined", count(self._hosts.joined, "host"))
        self._supervisor.start(plan.slots)

    def _waits_for(self) -> str:
        away = [name for name, host in self._hosts.by_name.items() if not host.here]
        if not self._hosts.settled:
            is_ = "is" if len(away) == 1 else "are"
            return f"waits until {', '.join(away)} {is_} back or given up"
        joined, expected = self._hosts.joined, self._context.spec.hosts.expected
        how = "`dcgw-cluster host --keys FILE` joins one"
        return f"waits for hosts: {joined} of {expected} have joined; {how}"
