"""What is known of the workers at this moment, and how they are spoken to."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cluster.wire.status import HostStatus, WorkerStatus
from coordinator.changes import Changes
from coordinator.sharding.assignments import Assignments
from coordinator.workers.link import Send
from coordinator.workers.reports import WorkerReports
from coordinator.workers.slots import WorkerSlots


class Fleet(NamedTuple):
    """All workers of the cluster, as those that act on them share it."""

    assignments: Assignments
    """Which worker should have which shards."""
    slots: WorkerSlots
    """The process of each worker, and whether it is heard of."""
    reports: WorkerReports
    """What each said last."""
    changes: Changes
    """Told whenever one of these changed."""
    send: Send
    hosts: Callable[[list[WorkerStatus], float], list[HostStatus]] = lambda workers, now: []
    """Returns what is shown of the hosts that workers run on, given what is shown of workers, and
    the monotonic seconds; none where they run on this one."""

    @classmethod
    def start_with(
        cls,
        assignments: Assignments,
        send: Send,
        clock: Callable[[], float],
        changes: Changes | None = None,
    ) -> Fleet:
        """Make the fleet of which nothing is known yet. clock: monotonic seconds. changes: told of
        what is new."""
        reports = WorkerReports(assignments)
        return cls(assignments, WorkerSlots(clock), reports, changes or Changes(), send)
