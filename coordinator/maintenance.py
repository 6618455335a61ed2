"""What a running coordinator does once a second, and now and then."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cluster.endpoints.paths import ClusterPaths
from cluster.errors import ClusterError
from cluster.wire import link
from coordinator.hub.hub import Hub
from coordinator.hub.last_out import LastOut
from coordinator.sharding.assignments import Assignments
from coordinator.state import folders
from coordinator.state.store import Store
from coordinator.workers.reports import WorkerReports
from coordinator.workers.supervisor import TICK_S, Supervisor

log = logging.getLogger(__name__)

SEEN_EVERY_S: Final = 30.0
"""How often it is written down which shards have a session."""
CLEAR_EVERY_S: Final = 3600.0
"""How often it is looked for journals that are no more of use."""


class Maintenance(NamedTuple):
    """Looks after the other parts while they run."""

    paths: ClusterPaths
    assignments: Assignments
    reports: WorkerReports
    store: Store
    supervisor: Supervisor
    hub: Hub
    last_out: LastOut
    send: Callable[[int, link.ToWorker], bool]

    async def run(self) -> None:
        """Until cancelled. ClusterError: the hub has ended."""
        seen_at, seen = time.monotonic(), self.ready
        cleared_at = float("-inf")
        while True:
            now = time.monotonic()
            if now - cleared_at >= CLEAR_EVERY_S:
                cleared_at = now
                for slot in folders.clear_retired(self.paths, self.assignments.slots, time.time()):
                    self.assignments.cleared(slot)
            await asyncio.sleep(TICK_S)
            self.supervisor.tick()
            if not self.hub.alive:
                raise ClusterError("the hub's thread has ended")
            # At once where that changes: a start that knows of no session asks for identifies.
            if now - seen_at >= SEEN_EVERY_S or self.ready != seen:
                seen_at, seen = now, self.ready
                self.write_seen()
            self.tell_out()

    @property
    def ready(self) -> tuple[int, list[int]]:
        """The shard count in force, and the shards that are ready."""
        return self.assignments.plan.shard_count, self.reports.ready(self.assignments.plan)

    def tell_out(self) -> None:
        """Which watermarks have come out of the hub. Only to those that have greeted: a worker that
        hears nothing greets, and is found so."""
        for slot, sent_ns in self.last_out.slots.items():
            if self.supervisor.knows(slot):
                self.send(slot, link.Out(sent_ns=sent_ns))
        self.last_out.slots.clear()

    def write_seen(self) -> None:
        """Which shards have a session. What is not written costs a resume, so it stops nothing."""
        try:
            self.store.seen(*self.ready, time.time())
        except sqlite3.Error as error:
            log.error("the store can't be written: %s", error)
