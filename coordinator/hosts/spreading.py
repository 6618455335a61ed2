"""Shards spread over the hosts that there are: when a host joins, and when one is drained.

With `workers = "auto"` there are as many workers as the hosts together would run, and never fewer
than there were: where a host is lost its slots go to the others one by one, and back when it is
there again. Who scaled by hand keeps that number.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from cluster.errors import ClusterError
from cluster.wire.operations import DrainArgs
from cluster.wire.states import HostState, OperationState
from cluster.wire.status import Operation
from coordinator.context import RunContext
from coordinator.hosts.hosts import Hosts
from coordinator.operations.runner import OperationProgress, OperationRunner, Work
from coordinator.operations.scaling import Scaling
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.placement import Spread, capacity, spread
from coordinator.verb import Verb, args_of

log = logging.getLogger(__name__)

SETTLE_S: Final = 3.0
"""For how long the hosts must be the same before shards move for their sake: where several join at
once they move once."""
AGAIN_S: Final = 60.0
"""Seconds until a spread that failed is tried again."""
LOOK_S: Final = 1.0


class HostGoals:
    """Says what so many workers are to have, on which hosts."""

    def __init__(self, context: RunContext, hosts: Hosts, assignments: Assignments) -> None:
        self._context = context
        self._hosts = hosts
        self._assignments = assignments

    @property
    def before(self) -> Spread:
        """The plan in force, with the places of its slots as they are now."""
        return Spread(self._assignments.plan, dict(self._assignments.where))

    def goal(self, workers: int) -> Spread:
        """Return the plan for so many workers. ClusterError: a host is away, or the hosts do not
        take all shards."""
        before = self.before
        used = {before.where[slot] for slot in before.plan.slots if slot in before.where}
        for name in sorted(used):
            if not self._hosts.by_name[name].here:
                raise ClusterError(
                    f"host {name} is not heard of, so its shards can't be moved",
                    "wait until it is back, or given up: `dcgw-cluster hosts` says when",
                )
        unfit = self._assignments.unfit(before.plan.shard_count)
        return spread(before, workers, self._hosts.rooms, unfit)

    def movable(self) -> bool:
        """Whether every host is known to be here or gone, and those that have shards are here."""
        hosts = self._hosts.by_name
        if any(host.state is HostState.AWAY for host in hosts.values()):
            return False
        placed = (self._assignments.where.get(slot) for slot in self._assignments.plan.slots)
        return all(name in hosts and hosts[name].here for name in placed)

    def workers(self) -> int:
        """Return how many workers there are to be."""
        spec, plan = self._context.spec, self._assignments.plan
        stored = self._context.store.plan()
        by_hand = stored is not None and stored.scaled and stored.asked_workers == spec.workers
        number = len(plan.slots)
        if not by_hand:
            wanted = spec.workers
            number = (
                max(number, capacity(self._hosts.rooms.values())) if wanted == "auto" else wanted
            )
        return min(number, len(plan.shards))


class Spreading:
    """Lets the plan follow who has joined, and drains hosts."""

    def __init__(
        self,
        hosts: Hosts,
        goals: HostGoals,
        scaling: Scaling,
        operations: OperationRunner,
        clock: Callable[[], float],
    ) -> None:
        """clock: monotonic seconds."""
        self._hosts = hosts
        self._goals = goals
        self._scaling = scaling
        self._operations = operations
        self._clock = clock
        self._seen: tuple[object, ...] = ()
        self._fits: tuple[object, ...] = ()
        """The hosts, the plan and its places with which there was nothing to do: to see that takes
        longer the larger the cluster is."""
        self._since = clock()
        self._failed_at = float("-inf")

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verbs by name."""
        return {"drain": self.drain}

    async def drain(self, args: dict[str, Any]) -> Operation:
        """Begin to drain a host, or let it get workers again. args: DrainArgs. ClusterError: there
        is none of this name, or no other one takes its shards; nothing has changed then."""
        asked = args_of(args, DrainArgs)
        if asked.host not in self._hosts.by_name:
            known = ", ".join(sorted(self._hosts.by_name))
            action = f"there are {known}" if known else "none has joined yet"
            raise ClusterError(f"there is no host {asked.host!r}", action)
        before = self._hosts.by_name[asked.host].draining
        self._hosts.drain(asked.host, draining=not asked.undo)
        kind = f"{'end of the drain' if asked.undo else 'drain'} of host {asked.host}"
        try:
            return self._operations.begin(kind, self._work(asked))
        except ClusterError:
            self._hosts.drain(asked.host, draining=before)
            raise

    def _work(self, asked: DrainArgs) -> Work:
        """Return what is to be done where a host is drained by now, or not any more. ClusterError:
        it has to have workers."""
        try:
            workers = self._goals.workers()
            self._goals.goal(workers)
        except ClusterError as error:
            if asked.undo or self._hosts.by_name[asked.host].state is HostState.GONE:
                # It may be what a host that was lost waits for, so it can't wait for that one
                return partial(_note, asked, error)
            if not self._hosts.rooms:
                raise self._no_other(asked.host) from error
            raise
        return lambda progress: self._scaling.spread(workers, progress)

    def _no_other(self, name: str) -> ClusterError:
        """Return why the only host that takes workers can't be drained."""
        hosts = self._hosts.by_name.values()
        idle = [one.name for one in hosts if one.here and one.draining and one.name != name]
        again = f"`dcgw-cluster drain {idle[0]} --undo`, or " if idle else ""
        return ClusterError(
            f"no other host takes the shards of {name}",
            f"{again}start one first: `dcgw-cluster host --keys FILE`",
        )

    async def run(self) -> None:
        """Look once a second whether shards are to be spread anew, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Begin to spread shards where the hosts have changed and are the same for a while."""
        now, seen = self._clock(), self._hosts_now()
        if seen != self._seen:
            self._seen, self._since = seen, now
        current = self._operations.current
        busy = current is not None and current.state is OperationState.RUNNING
        if busy or now - self._since < SETTLE_S or now - self._failed_at < AGAIN_S:
            return
        state = (seen, *self._goals.before)
        if state == self._fits or not self._goals.movable():
            return
        try:
            workers = self._goals.workers()
            if not self._scaling.differs(workers):
                self._fits = state
            else:
                self._operations.begin("spread over hosts", lambda p: self._spread(workers, p))
        except ClusterError as error:
            self._failed_at = now
            log.warning("shards stay where they are: %s", error)

    async def _spread(self, workers: int, progress: OperationProgress) -> str:
        try:
            return await self._scaling.spread(workers, progress)
        except ClusterError:
            self._failed_at = self._clock()
            raise

    def _hosts_now(self) -> tuple[object, ...]:
        """Return what shards are spread by."""
        rooms = self._hosts.rooms.items()
        return tuple((name, msgspec.structs.astuple(room)) for name, room in sorted(rooms))


async def _note(asked: DrainArgs, why: ClusterError, progress: OperationProgress) -> str:
    """Return what holds from now on, and why no shard moves for it."""
    gets = "gets workers again" if asked.undo else "gets no workers any more"
    return f"host {asked.host} {gets}; nothing moves now: {why.cause}"
