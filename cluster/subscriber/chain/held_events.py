"""What a chain holds of one epoch: events, and how far each name is whole."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from operator import attrgetter

from cluster.subscriber.chain.types import EVENT_BYTES, Delivered, Names
from cluster.wire.batch import Batch, Event, Source
from cluster.wire.topic import HOLE

Span = tuple[int, int]
_seq = attrgetter("seq")


class HeldEvents:
    """Events above a seq, the ``floor``, and per name how far an unbroken row of its batches goes
    on from there (its reach)."""

    def __init__(self, names: Names, floor: int) -> None:
        self.names = names
        self.floor = floor
        self.bytes = 0
        """Memory that the held events take, near enough."""
        self.holes = False
        """Whether holes may be among what is held."""
        self._runs: list[list[Event]] = []
        """Events, each list in order; none is held twice."""
        self._seqs: set[int] | None = None
        """Seqs of all held events, once there may be duplicates; None: nobody has needed them."""
        self._reach: dict[str, int] = {}
        self._loose: dict[str, list[Span]] = {}
        """Per name the batches (base, last] that do not join on to its reach."""

    def take(self, name: str, batch: Batch) -> None:
        """Hold a batch of a subscribed name. What is below the floor, or held, is a duplicate."""
        base, last, reach = batch.base, batch.last, self.reach(name)
        self.holes = self.holes or name == HOLE
        delivered = events_above(name, batch, self.floor)
        events = delivered.events
        if events and (events[0].seq <= reach or name in self._loose):  # else none can be held
            held = self._known_seqs()
            delivered = measured([event for event in events if event.seq not in held])
        if delivered.events:
            self._runs.append(delivered.events)
            self.bytes += delivered.bytes
            if self._seqs is not None:
                self._seqs.update([event.seq for event in delivered.events])
        if base > reach:
            self._loose.setdefault(name, []).append((base, last))
        else:
            self._reach[name] = max(reach, last)
            if name in self._loose:
                self._join(name)

    def _known_seqs(self) -> set[int]:
        if self._seqs is None:
            self._seqs = {event.seq for run in self._runs for event in run}
        return self._seqs

    def reach(self, name: str) -> int:
        """Return the seq up to which all events of this name are held, or below the floor."""
        return max(self._reach.get(name, self.floor), self.floor)

    def has(self, table: list[tuple[str, int]]) -> bool:
        """Return whether each subscribed name of a mark's table is held up to its seq."""
        names, reach, floor = self.names, self._reach, self.floor
        for name, seq in table:
            if seq > floor and (names is None or name in names) and reach.get(name, -1) < seq:
                return False
        return True

    def pass_by(self, upto: int) -> None:
        """Move the floor; nothing is held."""
        self.floor = upto

    def release(self, upto: int) -> Delivered:
        """Return the held events up to a seq, in order, and move the floor there."""
        runs, self._seqs = self._runs, None
        # One run is in order: a matter of time alone.
        events = (
            runs[0] if len(runs) == 1 else sorted(itertools.chain.from_iterable(runs), key=_seq)
        )
        if not events or events[-1].seq <= upto:
            delivered = Delivered(events, self.bytes)
            self._runs, self.bytes, self.holes = [], 0, False
        else:
            end = bisect_right(events, upto, key=_seq)
            delivered = measured(events[:end])
            self._runs = [events[end:]]
            self.bytes -= delivered.bytes
        self.floor = upto
        self._reach = {name: reach for name, reach in self._reach.items() if reach > upto}
        for name in list(self._loose):
            self._join(name)
        return delivered

    def _join(self, name: str) -> None:
        """Add to a name's reach the loose batches that now join on to it."""
        reach, rest = self.reach(name), []
        for base, last in sorted(self._loose.pop(name)):
            if base <= reach:
                reach = max(reach, last)
            else:
                rest.append((base, last))
        self._reach[name] = reach
        if rest:
            self._loose[name] = rest

    def not_covered(self, name: str, first: int, last: int) -> list[Span]:
        """Return the parts of first..last in which events of a name may be missing."""
        spans = [(self.floor, self.reach(name)), *sorted(self._loose.get(name, []))]
        return between(first, last, spans)

    def no_event(self, first: int, last: int) -> list[Span]:
        """Return the parts of first..last in which no event is held."""
        seqs = sorted(
            event.seq for run in self._runs for event in run if first <= event.seq <= last
        )
        return between(first, last, [(seq - 1, seq) for seq in seqs])


def events_above(name: str, batch: Batch, floor: int) -> Delivered:
    """Return a batch's events above a seq, each with its source."""
    events = batch.events
    whole = not events or events[0].seq > floor  # they are in order
    if not whole:
        events = [event for event in events if event.seq > floor]
    source = Source(
        name, batch.shard_id, batch.shard_count, batch.epoch, batch.received_ns, batch.cluster
    )
    for event in events:
        event.source = source
    return Delivered(events, batch_bytes(batch)) if whole else measured(events)


def batch_bytes(batch: Batch) -> int:
    """Return the memory that a batch takes, near enough."""
    return batch.size + EVENT_BYTES * len(batch.events)


def measured(events: list[Event]) -> Delivered:
    """Return the events with the memory that they take."""
    return Delivered(events, sum([len(event.data) for event in events]) + EVENT_BYTES * len(events))


def between(first: int, last: int, spans: list[Span]) -> list[Span]:
    """Return the parts of first..last that lie in none of the spans (a, b], which are sorted."""
    rest = []
    for a, b in spans:
        if a >= first and first <= last:
            rest.append((first, min(a, last)))
        first = max(first, b + 1)
    if first <= last:
        rest.append((first, last))
    return rest
