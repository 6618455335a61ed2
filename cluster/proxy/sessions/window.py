"""The window: the newest events of the cluster, in the order in which this process got them, shared
by all its sessions. Pure.

Each entry has a number, g, which rises by one an entry. A session is a g in it: all before that was
had. At *marks* the window knows its positions, and so where one whose positions are known can join.
It is cut at marks alone, the oldest entries first, once it holds more than its bound.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container
from typing import Final, NamedTuple

from cluster.proxy.entry import GAP, Entry
from cluster.proxy.interfaces import ANSWERS
from cluster.proxy.sessions.positions import Key, Positions

MAX_BYTES: Final = 32 * 1024 * 1024
ENTRY_BYTES: Final = 600
"""What an entry takes of memory beside the bytes of its event, which are there twice: as they came,
and within the tail."""
MARKS: Final = 32
"""About so many marks there are in a window that is full."""
MOST_BETWEEN: Final = 2048
"""Entries between two marks."""
MOST_SERVED: Final = 512
"""Entries that a session takes in one turn."""
MOST_SERVED_BYTES: Final = 512 * 1024
"""Bytes of the events that a session takes in one turn, unless one alone has more."""


class Mark(NamedTuple):
    """A place in the window with its positions."""

    g: int
    positions: Positions
    """All that was had before the entry g."""


class Window:
    """A list of entries that grows at one end, and is cut at the other."""

    def __init__(self, start: Positions, max_bytes: int = MAX_BYTES) -> None:
        """start: where the events begin that are added."""
        self.base = 1
        """The number of the oldest entry; `head`, if there is none."""
        self.bytes = 0
        """Memory that the entries take, near enough."""
        self.now = start
        """The positions at the head. Not to be kept: they change."""
        self._max_bytes = max_bytes
        self._entries: list[Entry] = []
        self._marks = [Mark(1, start.copy())]
        """Ascending; the first is at the base."""
        self._unmarked_bytes = 0
        self._serving: list[Entry] = []
        self._serving_at = (0, 0)
        """Number of its first entry, and the head then."""

    @property
    def head(self) -> int:
        """The number that the next entry gets."""
        return self.base + len(self._entries)

    def add(self, entry: Entry) -> None:
        """Add an entry, which gets its number."""
        entry.g = self.base + len(self._entries)
        entry.is_answer = entry.name in ANSWERS
        self._entries.append(entry)
        size = _size(entry)
        self.bytes += size
        self._unmarked_bytes += size
        if entry.name != GAP:
            self.now.add(entry.event)

    @property
    def is_mark_due(self) -> bool:
        """Whether `mark` is to be called."""
        return (
            self._unmarked_bytes * MARKS >= self._max_bytes
            or self.head - self._marks[-1].g >= MOST_BETWEEN
        )

    def mark(self, positions: Positions) -> None:
        """Take these as the positions at the head, for good: also shards of which no event came
        are in them, and those that are no more are not."""
        self.now = positions
        if self.head > self._marks[-1].g:
            self._marks.append(Mark(self.head, positions.copy()))
        self._unmarked_bytes = 0

    def slice(self, g: int, count: int) -> list[Entry]:
        """Return up to so many entries from g on. g: at the base or beyond."""
        start = g - self.base
        assert start >= 0, (g, self.base)
        return self._entries[start : start + count]

    def serving(self, g: int) -> list[Entry]:
        """Return the entries from g on that a session takes in one turn; the list is not to be
        changed, since all sessions that are equally far get the same."""
        if self._serving_at != (g, self.head):
            found, size = self.slice(g, MOST_SERVED), 0
            for number, entry in enumerate(found):
                size += len(entry.data)
                if size > MOST_SERVED_BYTES:
                    del found[max(number, 1) :]
                    break
            self._serving_at, self._serving = (g, self.head), found
        return self._serving

    def positions(self, g: int) -> Positions:
        """Return all that was had before the entry g. g: at the base or beyond."""
        if g == self.head:
            return self.now.copy()
        mark = self._marks[bisect_right(self._marks, g, key=_g) - 1]
        found = mark.positions.copy()
        for entry in self.slice(mark.g, g - mark.g):
            if entry.name != GAP:
                found.add(entry.event)
        return found

    def join(self, positions: Positions) -> int | None:
        """Return the newest g that somebody may go on from who had this, without what it has: all
        before it was had. None: what is missing is no more in the window."""
        if positions.covers(self.now):
            return self.head
        for mark in reversed(self._marks):
            if positions.covers(mark.positions):
                return mark.g
        return None

    def beyond(self, positions: Positions, names: Container[str]) -> Positions:
        """Return how far one has come who is at these positions and takes no other events but of
        these names: in each shard up to the next of them, or a Gap, as far as the window knows."""
        g = self.join(positions)
        if g is None:
            return positions
        found, stopped = positions.copy(), set[Key]()
        for entry in self.slice(g, self.head - g):
            event = entry.event
            key = event.source.shard_count, event.source.shard_id
            if entry.name == GAP:
                if event.shard_id < 0:
                    break
                stopped.add(key)
            if entry.name == GAP or positions.has(event):
                continue
            if entry.name in names:
                stopped.add(key)
            elif key not in stopped:
                found.add(event)
        return found

    def due_cut(self) -> int | None:
        """Return the number up to which the window is to be cut now; None: it is within its bound,
        or can't be cut."""
        if self.bytes <= self._max_bytes or len(self._marks) < 2:
            return None
        return self._marks[1].g

    def cut(self, g: int) -> None:
        """Drop what is before g, which `due_cut` has said."""
        gone = g - self.base
        self.bytes -= sum(map(_size, self._entries[:gone]))
        del self._entries[:gone]
        self.base = g
        self._serving, self._serving_at = [], (0, 0)
        while self._marks[0].g < g:
            del self._marks[0]


def _size(entry: Entry) -> int:
    return 2 * len(entry.data) + ENTRY_BYTES


def _g(mark: Mark) -> int:
    return mark.g
