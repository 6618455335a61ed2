"""OverlapDedup: which events of a new shard count the old one has delivered before. Pure.

While a bot is resharded, sessions of two shard counts receive the same events. A subscriber gives
out those of the old count as they come, and remembers a digest of each; those of the new count it
gives out when the old one has ended (reshards.py), without the ones that it has had.

Which these are, order says: the events of a guild come in the same order in both sessions. A
content that the old session delivered once (most events have an id or a time in them) is an
*anchor*: it tells how far the new session is in the old one's order, and that all before it is
behind. A content that it delivered several times is the one that lies between the anchors around
it. Neither the sessions' lag nor anybody's clock is asked.

Where order says nothing, since a guild has had no anchor yet, the place nearest to where the new
shard has come in the old shard's events counts, over all guilds. Only where that is not known
either, the nearest in time does, by when the workers received them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.subscriber.chain import Event
from cluster.subscriber.guild_filter import GUILD_EVENTS
from cluster.wire.shard_state import LOOK_BACK_NS

MAX_KEPT: Final = 500_000
"""Events of the old count that are remembered; at most some 70 MB. Beyond that the oldest are
forgotten, and what equals them is given out again."""
LONGEST_LAG_NS: Final = 60_000_000_000
"""No session lags more than this and two overlaps behind another: what is older, where the new
count begins, is not remembered. It bounds memory, and is a limit where nothing but time can be
asked."""


SESSION_EVENTS: Final = frozenset(
    {"GUILD_CREATE", "GUILD_MEMBERS_CHUNK", "READY", "RESUMED", "SESSIONS_REPLACE"}
)
"""What one session gets by itself: that another one did not get it says nothing of how far that
is."""
_BEYOND: Final = 1 << 62
"""A place after all."""


class _Origin(msgspec.Struct):
    guild_id: str | int | None = None
    channel_id: str | int | None = None
    id: str | int | None = None


_origin = msgspec.json.Decoder(_Origin)

_Stream = tuple[bool, str | int | None]
"""Whose events come in one order: (True, guild id), or (False, channel id) outside of guilds."""


class _Index(NamedTuple):
    """What the old count has delivered, in order."""

    once: dict[int, int]
    """Digest -> its place in the order, of contents that were delivered once."""
    again: dict[int, list[int]]
    """Digest -> its places, ascending, of all others."""
    times: array[int]
    """Place -> when it was received."""
    shards: array[int]
    """Place -> the shard that received it."""


class _Candidate(NamedTuple):
    """An event of the new count that the old one may have delivered."""

    number: int
    """Its index in the run that is looked at."""
    places: list[int]
    """Where the old count has delivered this content, ascending."""
    first: int
    """Index in ``places`` of the first one that is not too far back."""
    expected: int
    """The place of these in which the order of other streams, or time, expects it; -1: none."""
    is_new: bool
    """The old count has not delivered this content: in its stream, the old count has ended."""

    def after(self, low: int) -> int:
        """Return the first place after one of its stream; -1: there is none."""
        index = bisect_right(self.places, low)
        return self.places[index] if index < len(self.places) else -1


class OverlapDedup:
    """One resharding, as a subscriber sees it. ``remember`` what the old count delivers, then
    ``complete``, then ask for the ``fresh`` ones of the new count's events."""

    def __init__(self, old_count: int, new_count: int, overlap_ns: int, since_ns: int = 0) -> None:
        """overlap_ns: for so long both counts publish, and by less the events of two guilds come in
        another order. since_ns: when the new count came into force, Unix ns by its workers; 0: not
        known yet."""
        self.old_count = old_count
        self.new_count = new_count
        self.since_ns = since_ns
        self.is_complete = False
        """All of the old count was delivered."""
        self.left_out = 0
        """How many events of the new count were left out."""
        self.forgotten = 0
        """How many events were forgotten for want of room."""
        self._disorder_ns = overlap_ns
        self._lag_ns = LONGEST_LAG_NS + 2 * overlap_ns
        self._digests: deque[int] = deque()
        self._times: deque[int] = deque()
        """When each was received: Unix ns by the old count's workers."""
        self._shards: deque[int] = deque()
        self._index = _Index({}, {}, array("q"), array("q"))
        self._anchors: dict[_Stream, int] = {}
        """Place of each stream's last anchor: nothing up to it comes again."""
        self._last: dict[_Stream, int] = {}
        """Place of what was matched last in each stream."""
        self._pointers: dict[tuple[int, int], int] = {}
        """(old shard, new shard) -> the furthest anchor of any stream."""
        self._furthest_ns: dict[int, int] = {}
        """New shard -> when the last of its anchors was received: Unix ns by the old count."""

    def remember(self, events: list[Event]) -> None:
        """Note what the old count delivers: events of one shard, in order."""
        if self.is_complete:
            return
        digests, times, shards = self._digests, self._times, self._shards
        for event in events:
            source = event.source
            digests.append(_digest(event))
            times.append(source.received_ns)
            shards.append(source.shard_id)
        first_ns = (self.since_ns or times[-1]) - LOOK_BACK_NS - self._lag_ns
        while times and (times[0] < first_ns or len(times) > MAX_KEPT):
            self.forgotten += times[0] >= first_ns
            digests.popleft()
            times.popleft()
            shards.popleft()

    def complete(self) -> None:
        """All of the old count was delivered; what still comes of it is not compared."""
        if self.is_complete:
            return
        self.is_complete = True
        once: dict[int, int] = {}
        again: dict[int, list[int]] = {}
        for place, digest in enumerate(self._digests):
            if digest in again:
                again[digest].append(place)
            elif (before := once.pop(digest, None)) is not None:
                again[digest] = [before, place]
            else:
                once[digest] = place
        self._index = _Index(once, again, array("q", self._times), array("q", self._shards))
        for kept in (self._digests, self._times, self._shards):
            kept.clear()

    def fresh(self, events: list[Event]) -> list[Event]:
        """Return those that the old count has not delivered. events: of one shard of the new
        count, in order."""
        known = [self._places(_digest(event)) for event in events]
        if not any(known):  # as most are when the old count's end is past
            self._last.update((_stream(event), _BEYOND) for event in events if _is_common(event))
            return events
        anchors: dict[int, int] = {}
        streams: dict[_Stream, list[_Candidate]] = {}
        for number, (event, places) in enumerate(zip(events, known, strict=True)):
            item = self._candidate(number, event, places)
            streams.setdefault(_stream(event), []).append(item)
            if len(places) == 1 and item.first == 0:
                anchors[number] = places[0]
                self._see_anchor(event.source.shard_id, places[0])
        had = {
            number
            for stream, items in streams.items()
            for number in self._match(stream, items, anchors)
        }
        if not had:
            return events
        self.left_out += len(had)
        return [event for number, event in enumerate(events) if number not in had]

    def _places(self, digest: int) -> list[int]:
        index = self._index
        return [index.once[digest]] if digest in index.once else index.again.get(digest, [])

    def _see_anchor(self, shard: int, place: int) -> None:
        """Note how far a new shard has come. place: of an anchor in one of its guilds."""
        pair = self._index.shards[place], shard
        self._pointers[pair] = max(place, self._pointers.get(pair, -1))
        anchor_ns = self._index.times[place]
        self._furthest_ns[shard] = max(anchor_ns, self._furthest_ns.get(shard, anchor_ns))

    def _candidate(self, number: int, event: Event, places: list[int]) -> _Candidate:
        """Return what is known of an event. places: all in which the old count has delivered its
        content."""
        if not places:
            return _Candidate(number, [], 0, -1, _is_common(event))
        times, source = self._index.times, event.source
        received_ns = source.received_ns
        pointer = self._pointers.get((self._index.shards[places[0]], source.shard_id))
        if pointer is not None:
            first_ns = times[pointer] - self._disorder_ns
        else:
            first_ns = received_ns - self._lag_ns
            if source.shard_id in self._furthest_ns:
                # Two old sessions may lag by an overlap behind each other.
                first_ns = max(first_ns, self._furthest_ns[source.shard_id] - 2 * self._disorder_ns)
        first = bisect_left(places, first_ns, key=times.__getitem__)
        if pointer is not None:
            near = bisect_left(places, pointer, first)
        else:
            near = bisect_left(places, received_ns, first, key=times.__getitem__)
        # The nearest is one of the two around it; of two that are equally near, the later.
        around = places[max(first, near - 1) : near + 1]
        expected = min(
            around,
            key=lambda p: (abs(times[p] - received_ns if pointer is None else p - pointer), -p),
            default=-1,
        )
        return _Candidate(number, places, first, expected, False)

    def _match(
        self, stream: _Stream, items: list[_Candidate], anchors: dict[int, int]
    ) -> Iterator[int]:
        """Yield the numbers of a stream's events that the old count has delivered. anchors: number
        -> place."""
        low = self._last.get(stream, -1)
        before: list[_Candidate] = []
        for item in items:
            place = anchors.get(item.number, -1)
            if place <= self._anchors.get(stream, -1):
                before.append(item)  # What it is, the next anchor says.
                continue
            yield item.number
            if low >= place:  # What was taken for it before was not, or was missed by the old one.
                low = self._anchors.get(stream, -1)
            bound = place
            for earlier in reversed(before):
                index = bisect_left(earlier.places, bound) - 1
                first = earlier.first if low < 0 else 0  # Its own stream's order says more.
                if index >= first and earlier.places[index] > low:
                    bound = earlier.places[index]
                    yield earlier.number
            before = []
            self._anchors[stream] = low = place
        for item in before:  # No anchor follows.
            if item.is_new:
                low = _BEYOND
            place = item.expected if low < 0 else item.after(low)
            if place >= 0:
                low = place
                yield item.number
        self._last[stream] = low


def _is_common(event: Event) -> bool:
    """Return whether other sessions get this event as well."""
    return event.source.name not in SESSION_EVENTS


def _digest(event: Event) -> int:
    return hash((event.source.name, event.data))


def _stream(event: Event) -> _Stream:
    try:
        origin = _origin.decode(event.data)
    except MALFORMED:
        return False, None
    guild_id = origin.id if event.source.name in GUILD_EVENTS else origin.guild_id
    return (True, guild_id) if guild_id is not None else (False, origin.channel_id)
