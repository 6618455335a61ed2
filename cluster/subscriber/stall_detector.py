"""StallDetector: notices workers whose watermarks stay away. Pure; seconds are passed in."""

from __future__ import annotations

from typing import Final

from cluster.subscriber.items import Stalled
from cluster.wire.position import ShardKey

STALL_SECONDS: Final = 3.0
"""A worker that publishes no watermark for so long is stalled: it sends one a second."""


class StallDetector:
    """Knows when each worker was heard last."""

    def __init__(self, now: float) -> None:
        self.slots: dict[int, float] = {}
        """Slot -> when its last watermark came."""
        self._since = now
        """Since when messages are read."""
        self._stalled: set[int | None] = set()
        """Slots that were returned as stalled, and not heard since."""
        self._shards: dict[ShardKey, int] = {}
        """Shard -> the slot that named it last."""

    def heard(self, slot: int, now: float) -> None:
        """A worker's watermark came."""
        self.slots[slot] = now
        self._stalled -= {slot, None}

    def names_shard(self, slot: int, key: ShardKey) -> None:
        """A worker names a shard as its own. One whose shards are all named by others is no
        more."""
        before = self._shards.get(key)
        self._shards[key] = slot
        if before is not None and before != slot:
            self._forget_if_empty(before)

    def shard_ended(self, key: ShardKey) -> None:
        """A shard is no more."""
        slot = self._shards.pop(key, None)
        if slot is not None:
            self._forget_if_empty(slot)

    def _forget_if_empty(self, slot: int) -> None:
        if slot not in self._shards.values():
            self.slots.pop(slot, None)
            self._stalled.discard(slot)

    def forget(self, now: float) -> None:
        """Another store: the workers of the one before are not waited for."""
        self.slots.clear()
        self._stalled.clear()
        self._shards.clear()
        self._since = now

    def newly_stalled(self, now: float, *, listening: bool) -> list[Stalled]:
        """Return who fell silent since the last call; each once, until it is heard again.
        listening: whether messages were read at all meanwhile."""
        if not listening:
            # Nothing was read: that nothing was heard says nothing.
            self._since = now
            self.slots = dict.fromkeys(self.slots, now)
            return []
        silent: dict[int | None, float] = {slot: now - heard for slot, heard in self.slots.items()}
        if not silent:
            silent[None] = now - self._since
        found = [
            Stalled(slot, seconds)
            for slot, seconds in silent.items()
            if seconds > STALL_SECONDS and slot not in self._stalled
        ]
        self._stalled |= {stalled.slot for stalled in found}
        return found
