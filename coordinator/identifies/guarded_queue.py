"""GuardedQueue: puts FatalHold before a GrantQueue. While a shared refusal stands, requests are not
passed on."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping

import msgspec

from cluster.wire import link
from cluster.wire.states import SessionState
from cluster.wire.status import BudgetStatus
from coordinator.identifies.fatal_hold import FatalHold
from coordinator.identifies.grant_queue import GrantQueue, IdentifyWord, Send
from coordinator.sharding.assignments import Assignments
from coordinator.verb import Verb

log = logging.getLogger(__name__)


class GuardedQueue:
    """Passes on what workers say of identifies, but for requests while there is a fatal hold.

    There is a hold for each shard count: while the bot is resharded, another count may be what
    helps."""

    def __init__(self, queue: GrantQueue, assignments: Assignments, send: Send) -> None:
        self._queue = queue
        self._assignments = assignments
        self._send = send
        self._holds: defaultdict[int, FatalHold] = defaultdict(FatalHold)
        """Shard count -> its hold."""
        self._unwelcomed: set[int] = set()
        """Workers that could not be told that their hold is over."""

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left."""
        self._queue.require(needed)

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """Take what a worker says of an identify."""
        if isinstance(message, link.IdentifyRequest) and self._hold(slot).reason:
            return  # it asks again when it is welcomed again
        self._queue.handle(slot, message)

    def report(self, slot: int, shards: Collection[link.ShardReport]) -> None:
        """Take a worker's report of its shards."""
        ready = (shard for shard in shards if shard.state is SessionState.READY)
        self._queue.ready(slot, [shard.shard_id for shard in ready])
        if self._hold(slot).report(shards):
            self._hold_changed(slot)
        elif slot in self._unwelcomed:
            self._welcome(slot)

    def withdraw(self, slot: int, shard: int) -> None:
        """Take note that this shard is no more with the worker of this slot."""
        self._queue.withdraw(slot, shard)

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot died."""
        self._queue.gone(slot)
        self._unwelcomed.discard(slot)
        if self._hold(slot).gone(self._assignments.shards(slot)):
            self._hold_changed(slot)

    def status(self) -> BudgetStatus:
        """Return the queue's numbers, with what holds grants back in the plan in force."""
        budget = self._queue.status()
        reason = self._holds[self._assignments.plan.shard_count].reason
        trouble = "; ".join(text for text in (reason, budget.trouble) if text)
        return msgspec.structs.replace(budget, trouble=trouble)

    def verbs(self) -> Mapping[str, Verb]:
        """Return what programs outside may ask, by name."""
        return self._queue.verbs()

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""
        await self._queue.run()

    def _hold(self, slot: int) -> FatalHold:
        """Return the hold of the shard count that this worker's shards have."""
        return self._holds[self._assignments.shard_count(slot)]

    def _hold_changed(self, slot: int) -> None:
        """Let nobody of this shard count wait for a grant any more, or all who do ask again."""
        hold, plan = self._hold(slot), self._assignments.plan_of(slot)
        if hold.reason:
            log.error("%s", hold.reason)
        for other in plan.slots if plan else ():
            if hold.reason:
                self._queue.gone(other)
                self._unwelcomed.discard(other)
            else:
                self._welcome(other)

    def _welcome(self, slot: int) -> None:
        """Let a worker ask again for what it waits for; where its pipe is full, at its next
        report."""
        if self._send(slot, link.Welcome()):
            self._unwelcomed.discard(slot)
        else:
            self._unwelcomed.add(slot)
