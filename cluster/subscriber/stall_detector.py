"""Silence is not health: workers whose watermarks stay away. Pure; seconds are passed in."""

from __future__ import annotations

from typing import Final

from cluster.subscriber.items import Stalled
from cluster.wire.position import ShardKey

STALL_SECONDS: Final = 3.0


class StallDetector:
    """When each worker was heard last."""

    def __init__(self, now: float) -> None:
        self.slots: dict[int, float] = {}
        """Slot -> when its last watermark came."""
        self._since = now
        self._told: set[int | None] = set()
        self._shards: dict[ShardKey, int] = {}
        """Shard -> the slot that spoke of it last."""

    def heard(self, slot: int, now: float) -> None:
        self.slots[slot] = now
        self._told -= {slot, None}

    def speaks_of(self, slot: int, key: ShardKey) -> None:
        """A worker names a shard. One whose shards are all named by others is no more."""
        before = self._shards.get(key)
        self._shards[key] = slot
        if before is not None and before != slot:
            self._look_at(before)

    def ended(self, key: ShardKey) -> None:
        """A shard is no more."""
        slot = self._shards.pop(key, None)
        if slot is not None:
            self._look_at(slot)

    def _look_at(self, slot: int) -> None:
        if slot not in self._shards.values():
            self.slots.pop(slot, None)
            self._told.discard(slot)

    def tell(self, now: float, *, listening: bool) -> list[Stalled]:
        """Who fell silent since the last call; each is told once, until it is heard again."""
        if not listening:
            # Nothing was read: silence says nothing.
            self._since = now
            self.slots = dict.fromkeys(self.slots, now)
            return []
        silent: dict[int | None, float] = {slot: now - at for slot, at in self.slots.items()}
        if not silent:
            silent[None] = now - self._since
        told = [
            Stalled(slot, seconds)
            for slot, seconds in silent.items()
            if seconds > STALL_SECONDS and slot not in self._told
        ]
        self._told |= {stalled.slot for stalled in told}
        return told
