"""Grants on their way to the workers, told as they go."""

from __future__ import annotations

from cluster.wire import link
from cluster.wire.happenings import HappeningKind
from coordinator.happenings.record import HappeningRecord
from coordinator.identifies.grant_queue import Send


class ToldGrants:
    """Sends what a queue says to workers, and tells of each grant once: one may be said again."""

    def __init__(self, send: Send, record: HappeningRecord) -> None:
        self._send = send
        self._record = record
        self._told: dict[tuple[int, int], int] = {}
        """(worker, shard) -> the last grant that was told."""

    def __call__(self, slot: int, message: link.ToWorker) -> bool:
        """Send a message to the worker of a slot. False: it was not sent."""
        sent = self._send(slot, message)
        if sent and isinstance(message, link.IdentifyGrant):
            claimant = slot, message.shard_id
            if self._told.get(claimant) != message.grant_id:
                self._told[claimant] = message.grant_id
                self._record.tell(
                    HappeningKind.IDENTIFY_GRANTED,
                    worker=slot,
                    shard=message.shard_id,
                    epoch=message.epoch,
                )
        return sent
