"""What waits for a subscriber's consumer, in order, and how far it has come. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cluster.subscriber.chain import Delivered, Event, Output, Reached, measured
from cluster.subscriber.guild_filter import GuildFilter
from cluster.subscriber.items import Gap, Item, Stalled
from cluster.subscriber.reshards import Reshards
from cluster.wire.position import WHOLE, ShardKey

ITEM_BYTES = 256
"""What a Gap takes of memory, near enough."""


class _Run(NamedTuple):
    """Events of one shard and epoch, in order."""

    key: ShardKey
    events: list[Event]
    bytes: int


class _Place(NamedTuple):
    """All of a shard up to here stands before."""

    key: ShardKey
    epoch: int
    seq: int


class DeliveryQueue:
    """``next`` gives the items one by one; calling it says that the one before was handled."""

    def __init__(
        self, filtered: GuildFilter | None = None, generations: Reshards | None = None
    ) -> None:
        """generations: of which only one's events are to be given out; None: there is one."""
        self._generations = generations or Reshards()
        self.bytes = 0
        """What waits takes so much of memory."""
        self.gaps = 0
        """Put in since it began."""
        self._waiting = self._given = 0
        """Events of the runs that wait, or are being given out; of those before."""
        self._filter = filtered
        self._items: deque[_Run | _Place | Gap | Stalled] = deque()
        self._positions: dict[ShardKey, tuple[int, int]] = {}
        self.run: list[Event] = []
        """Events that are being given out."""
        self.at = 0
        """Index of the next one of them. Whoever takes it from there adds one."""
        self._key: ShardKey = ShardKey(0, 0)
        self._run_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items) or self.at < len(self.run)

    def put(self, key: ShardKey, outputs: Iterable[Output]) -> None:
        """What a shard's chain put out."""
        for item in outputs:
            if isinstance(item, Delivered):
                self._put_events(key, item)
            elif isinstance(item, Reached):
                self._items.append(_Place(key, item.epoch, item.seq))
            else:
                self.say(Gap(key[1], key[0], *item))

    def retire(self, key: ShardKey, epoch: int) -> None:
        """Nothing more of this shard will come."""
        self._items.append(_Place(key, epoch, WHOLE))

    def handled(self, positions: Mapping[ShardKey, tuple[int, int]]) -> None:
        """All up to there was handled before."""
        self._positions.update(positions)

    def say(self, item: Gap | Stalled) -> None:
        """Something that is no event."""
        self._items.append(item)
        self.bytes += ITEM_BYTES
        self.gaps += isinstance(item, Gap)

    def _put_events(self, key: ShardKey, item: Delivered) -> None:
        if self._generations.matchings:
            matched = self._generations.takes
            item = measured([event for event in item.events if matched(event)])
        if self._filter is not None:
            takes = self._filter.takes
            item = measured([event for event in item.events if takes(event.name, event.data)])
        if item.events:
            self._items.append(_Run(key, *item))
            self.bytes += item.bytes
            self._waiting += len(item.events)

    def next(self) -> Item | None:
        """The next item; None: there is none yet."""
        if self.at < len(self.run):
            self.at += 1
            return self.run[self.at - 1]
        self._end_run()
        while self._items:
            item = self._items.popleft()
            if isinstance(item, _Place):
                self._positions[item.key] = (item.epoch, item.seq)
            elif isinstance(item, _Run):
                self._key, self.run, self._run_bytes = item
                self.at = 1
                return self.run[0]
            else:
                self.bytes -= ITEM_BYTES
                return item
        return None

    def _end_run(self) -> None:
        """All of it was handled."""
        if self.run:
            last = self.run[-1]
            self._positions[self._key] = (last.epoch, last.seq)
            self.bytes -= self._run_bytes
            self._waiting -= len(self.run)
            self._given += len(self.run)
            self.run, self.at = [], 0

    def positions(self) -> dict[ShardKey, tuple[int, int]]:
        """Up to where all was handled, by shard: (epoch, seq). The item that was given out last is
        not included."""
        handled = dict(self._positions)
        if self.at >= 2:
            event = self.run[self.at - 2]
            handled[self._key] = (event.epoch, event.seq)
        return handled

    @property
    def events(self) -> int:
        """Given out, the one at hand included."""
        return self._given + self.at

    @property
    def left(self) -> int:
        """Events that were not given out yet."""
        return self._waiting - self.at

    def forget(self) -> None:
        """Another store: positions of before mean nothing here. What waits is given out."""
        self._positions.clear()
