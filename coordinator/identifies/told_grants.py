"""Grants on their way to the workers, told as they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cluster.wire import link
from cluster.wire.happenings import HappeningKind
from coordinator.happenings.record import HappeningRecord
from coordinator.identifies.grant_queue import Send

SPARE: Final = 64
"""How many grants are remembered at least before those of former claimants are looked for."""


class ToldGrants:
    """Sends what a queue says to workers, and tells of each grant once: one may be said again."""

    def __init__(
        self, send: Send, record: HappeningRecord, owns: Callable[[int, int], bool]
    ) -> None:
        """owns: whether the worker of this slot is the one that has this shard."""
        self._send = send
        self._record = record
        self._owns = owns
        self._told: dict[tuple[int, int], int] = {}
        """(worker, shard) -> the last grant that was told."""
        self._most = SPARE
        """Beyond so many, those that have the shard no more are forgotten."""

    def __call__(self, slot: int, message: link.ToWorker) -> bool:
        """Send a message to the worker of a slot. False: it was not sent."""
        sent = self._send(slot, message)
        if sent and isinstance(message, link.IdentifyGrant):
            claimant = slot, message.shard_id
            if self._told.get(claimant) != message.grant_id:
                self._told[claimant] = message.grant_id
                if len(self._told) > self._most:
                    self._forget_former()
                self._record.tell(
                    HappeningKind.IDENTIFY_GRANTED,
                    worker=slot,
                    shard=message.shard_id,
                    epoch=message.epoch,
                )
        return sent

    def _forget_former(self) -> None:
        """Forget the grants of those whose shards have moved, or are of no plan any more. The bound
        doubles with what is left, so that a start of many shards looks a few times alone."""
        self._told = {who: grant for who, grant in self._told.items() if self._owns(*who)}
        self._most = 2 * len(self._told) + SPARE
