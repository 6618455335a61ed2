"""What a running coordinator does once a second, and now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from cluster.errors import ClusterError
from cluster.wire import link
from coordinator.context import RunContext
from coordinator.hub.hub import Hub
from coordinator.hub.last_out import LastOut
from coordinator.state import folders
from coordinator.state.database import StoreError
from coordinator.workers.fleet import Fleet
from coordinator.workers.slots import TICK_S

log = logging.getLogger(__name__)

SEEN_EVERY_S: Final = 30.0
"""How often it is written down which shards have a session."""
CLEAR_EVERY_S: Final = 3600.0
"""How often journals that are no more of use are looked for."""


class Maintenance(NamedTuple):
    """Looks after the other parts while they run."""

    context: RunContext
    fleet: Fleet
    hub: Hub
    last_out: LastOut
    ending: Callable[[], bool]
    """Whether the cluster ends: what it leaves was noted when that began."""

    async def run(self) -> None:
        """Look after them until cancelled. ClusterError: the hub has ended."""
        clock = self.context.clock
        seen_at, seen = clock(), self.sessions
        cleared_at = float("-inf")
        while True:
            now = clock()
            if now - cleared_at >= CLEAR_EVERY_S:
                cleared_at = now
                self.clear_journals()
            await asyncio.sleep(TICK_S)
            self.fleet.slots.tick()
            if not self.hub.alive:
                raise ClusterError("the hub's thread has ended")
            # Write at once when it changes: the next start reckons with an identify for each shard
            # without a session.
            is_due = now - seen_at >= SEEN_EVERY_S or self.sessions != seen
            if is_due and not self.ending():
                seen_at, seen = now, self.sessions
                self.write_seen()
            self.tell_out()

    @property
    def sessions(self) -> tuple[int, list[int], list[int]]:
        """The shard count in force, the shards that are ready, and those that lost their
        session."""
        plan, reports = self.fleet.assignments.plan, self.fleet.reports
        return plan.shard_count, reports.ready(plan), reports.without_session(plan)

    def clear_journals(self) -> None:
        """Remove the journals of slots that are no more, when nobody will ask for them."""
        assignments, store = self.fleet.assignments, self.context.store
        try:
            since = store.retired
            before = dict(since)
            now = store.time.now()
            for slot in folders.clear_retired(self.context.paths, assignments.slots, since, now):
                assignments.cleared(slot)
            if since != before:
                store.set_retired(since)
        except StoreError as error:
            log.error("journals that are no more in use stay longer, the store fails: %s", error)

    def tell_out(self) -> None:
        """Tell workers which of their watermarks came out of the hub. Only those that have
        greeted: a worker that hears nothing greets, and is found so."""
        for slot, sent_ns in self.last_out.slots.items():
            if self.fleet.slots.has_greeted(slot):
                self.fleet.send(slot, link.Out(sent_ns=sent_ns))
        self.last_out.slots.clear()

    def write_seen(self) -> None:
        """Write down which shards have a session. What is not written costs a resume, so it stops
        nothing."""
        count, ready, lost = self.sessions
        try:
            store = self.context.store
            store.seen(count, ready, store.time.now(), lost=lost)
        except StoreError as error:
            log.error("the store can't be written: %s", error)

    def write_logout(self) -> None:
        """Write down that no shard will have a session: they are about to be logged out."""
        try:
            self.context.store.forget_sessions()
        except StoreError as error:
            log.error(
                "the store can't be written, and the next start will reckon with sessions "
                "that are over: %s",
                error,
            )
