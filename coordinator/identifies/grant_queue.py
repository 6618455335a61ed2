"""What a coordinator asks of its identify queue, whichever it has, and who may ask the queue."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from cluster.decode_errors import worth_saying
from cluster.wire import link
from cluster.wire.status import BudgetStatus
from coordinator.sharding.assignments import Assignments
from coordinator.verb import Verb

log = logging.getLogger(__name__)

ASK_AGAIN_S: Final = 30.0
"""The wait after a ledger that could not be written, numbers that could not be fetched, a broker
that refused, or a reset that Discord says is now though nothing is left."""

REACH_AGAIN_S: Final = 1.0
"""The wait after a worker that took no grant: its pipe was full, or it is not connected."""

IdentifyWord = link.IdentifyRequest | link.IdentifySent | link.IdentifyUnused
"""What a worker says of an identify."""
Send = Callable[[int, link.ToWorker], bool]
"""Sends a message to the worker of a slot. False: none is connected, or it has stopped reading."""


class Claimant(NamedTuple):
    """A shard, and the slot of the worker that asks for it."""

    slot: int
    shard_id: int


class GrantQueue(Protocol):
    """Where the workers of a coordinator ask: it grants itself (queue.py), or asks a broker
    (brokered_queue.py)."""

    @property
    def known(self) -> bool:
        """Whether it is known how many identifies are left."""

    def require(self, needed: int) -> None:
        """BudgetError if so many identifies are not left. ClusterError: it is not known."""

    def handle(self, slot: int, message: IdentifyWord) -> None:
        """Take what a worker says of an identify."""

    def ready(self, slot: int, shards: Iterable[int]) -> None:
        """Take note that these shards of the worker of this slot are ready."""

    def withdraw(self, slot: int, shard: int) -> None:
        """Take note that this shard is no more with the worker of this slot."""

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot died."""

    def status(self) -> BudgetStatus:
        """Return the budget's numbers, who waits, and what keeps grants back."""

    def verbs(self) -> Mapping[str, Verb]:
        """Return what programs outside may ask, by name."""

    async def run(self) -> None:
        """Give grants as they fall due, until cancelled."""


class Owners:
    """Which worker speaks for which shard."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments
        self.refused = 0
        """How often workers spoke for shards that are not theirs."""

    def allow(self, slot: int, shard: int) -> bool:
        """Whether this worker may speak for this shard. One that had it may still have to say what
        became of a grant; what it asks for it will not use, and says so."""
        if self._assignments.had(slot, shard):
            return True
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("worker %d speaks for shard %d, which is not its own", slot, shard)
        return False

    def shard_count(self, slot: int) -> int:
        """Return the shard count that the shards of this worker are of."""
        return self._assignments.shard_count(slot)
