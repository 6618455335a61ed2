"""What waits for a subscriber's consumer, in order, and how far it has come. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from cluster.subscriber.chain import Delivered, Event, Output, Reached
from cluster.subscriber.event_filter import EventFilter
from cluster.subscriber.items import Gap, Item, Stalled
from cluster.wire.position import WHOLE, ShardKey

ITEM_BYTES: Final = 256
"""What a Gap takes of memory, near enough."""


class _Place(NamedTuple):
    """A marker in the queue: everything of the shard up to here is before it."""

    key: ShardKey
    epoch: int
    seq: int


class DeliveryQueue:
    """``next`` gives the items one by one; calling it says that the one before was handled."""

    def __init__(self, event_filter: EventFilter) -> None:
        self.bytes = 0
        """Memory that the waiting items take, near enough."""
        self.gaps: Counter[str] = Counter()
        """How many gaps were put in since it began, by reason."""
        self.run: list[Event] = []
        """Events that are being given out, from one shard."""
        self.next_index = 0
        """Index in ``run`` of the next event. Whoever takes one from there adds one."""
        self._filter = event_filter
        self._items: deque[Delivered | _Place | Gap | Stalled] = deque()
        self._waiting = 0
        """Events of the runs that wait, or are being given out."""
        self._given = 0
        """Events of the runs that were given out."""
        self._handled: dict[tuple[int, int], tuple[int, int]] = {}
        """Per ShardKey the (epoch, seq) up to which all was handled."""
        self._run_bytes = 0

    def __bool__(self) -> bool:
        return bool(self._items) or self.next_index < len(self.run)

    def put(self, key: ShardKey, outputs: Iterable[Output]) -> None:
        """Append what a shard's chain put out."""
        handled = self._filter.handled
        end = None  # seq at which the run ends that was put in last
        for output in outputs:
            if isinstance(output, Delivered):
                end = self._put_events(self._filter.pick(output))
            elif handled and self._filter.was_handled(key, output):
                continue
            elif isinstance(output, Reached):
                if output.seq != end:  # Where a run ends it needs no marker.
                    self._items.append(_Place(key, output.epoch, output.seq))
                end = None
            else:
                self.put_item(Gap(key.shard_id, key.shard_count, *output))
                end = None

    def put_item(self, item: Gap | Stalled) -> None:
        """Append something that is no event."""
        self._items.append(item)
        self.bytes += ITEM_BYTES
        if isinstance(item, Gap):
            self.gaps[item.reason.value] += 1

    def retire(self, key: ShardKey, epoch: int) -> None:
        """Nothing more of this shard will come: it is handled whole once all before this is."""
        self._items.append(_Place(key, epoch, WHOLE))

    def begin_after(self, places: Mapping[ShardKey, tuple[int, int]]) -> None:
        """Take as handled what a saved position says: all up to (epoch, seq), by shard."""
        for key, place in places.items():
            self._handled[key] = place

    def read_again(self, key: ShardKey, place: tuple[int, int]) -> None:
        """Take a shard as handled up to (epoch, seq), though some of that is put in once more."""
        self._handled[key] = self._filter.handled[key] = place

    def forget_position(self, key: ShardKey) -> None:
        """Nothing of this shard will be read."""
        self._handled.pop(key, None)

    def forget_positions(self) -> None:
        """Another store: positions from before mean nothing in it. What waits is given out."""
        self._handled.clear()
        self._filter.handled.clear()

    def _put_events(self, picked: Delivered) -> int | None:
        """Append a run of events. Return the seq of the last; None: there is none."""
        events = picked.events
        if not events:
            return None
        self._items.append(picked)
        self.bytes += picked.bytes
        self._waiting += len(events)
        return events[-1].seq

    def next(self) -> Item | None:
        """Return the next item; None: there is none yet."""
        if self.next_index < len(self.run):
            self.next_index += 1
            return self.run[self.next_index - 1]
        if self.run:
            self._end_run()
        items = self._items
        while items:
            item = items.popleft()
            if isinstance(item, Delivered):
                self.run, self._run_bytes, self.next_index = item.events, item.bytes, 1
                return self.run[0]
            if isinstance(item, _Place):
                self._handled[item.key] = (item.epoch, item.seq)
            else:
                self.bytes -= ITEM_BYTES
                return item
        return None

    def drop_waiting(self) -> None:
        """Give nothing more out. The item at hand is handled once ``next`` is called."""
        self._items.clear()
        self.run = self.run[: self.next_index]

    def _end_run(self) -> None:
        """All events of the run were handled."""
        _note(self._handled, self.run[-1])
        count = len(self.run)
        self.bytes -= self._run_bytes
        self._waiting -= count
        self._given += count
        self.run, self.next_index = [], 0

    def positions(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the (epoch, seq) up to which all was handled, by ShardKey. The item that was given
        out last is not included."""
        handled = dict(self._handled)
        if self.next_index >= 2:
            _note(handled, self.run[self.next_index - 2])
        return handled

    @property
    def events(self) -> int:
        """How many events were given out, the one at hand included."""
        return self._given + self.next_index

    @property
    def events_left(self) -> int:
        """How many events were not given out yet."""
        return self._waiting - self.next_index


def _note(handled: dict[tuple[int, int], tuple[int, int]], event: Event) -> None:
    """Note that all of the event's shard up to it was handled."""
    source = event.source
    handled[source.shard_count, source.shard_id] = source.epoch, event.seq
