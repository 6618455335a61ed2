"""What a session was sent and has not acknowledged: for each s the place in the cluster's events,
so that a RESUME goes on exactly there. Pure.

Beside the places there are *marks*: all up to here was shown to the session's view, which had this
state then. Who goes back to an s begins at the last mark before it: a view that goes on from the
mark's state is shown again, without a dispatch, what lies between the mark and the place of s.

A place is one of the window (the number of an entry) as long as the window has it; after that, or
for what came from the journal, an event's position.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, NamedTuple

from cluster.proxy.sessions.positions import Key, Place, Positions
from cluster.proxy.sessions.window import Window

MOST_PLACES: Final = 65_536
"""Dispatches that were not acknowledged, of which the places are kept. Who resumes at one before
them gets once more what came after the mark before it."""
MARK_EVERY: Final = 512
"""A mark is made after so many entries at the latest: so many are shown again at most."""


class Had(NamedTuple):
    """The place of an event by its position."""

    key: Key
    place: Place


class Begun(NamedTuple):
    """The place of READY, or of a GUILD_CREATE from the cache."""

    done: int
    """GUILD_CREATEs that were sent by then, with this one."""


SentPlace = int | Had | Begun | None
"""int: the entry of the window. None: where the one before it was."""


class SentMark(NamedTuple):
    """A place by which all was shown to the view."""

    seq: int
    """The last s until there."""
    where: int | Positions
    """int: the number of the next entry of the window."""
    state: bytes
    """What the view had learnt."""
    skip: Positions | None = None
    """What is not shown to the view, since its state has that: what was had by this. None: there is
    nothing of it."""
    mute: Positions | None = None
    """What is shown to the view again, and was sent before. None: there is nothing of it."""
    mute_to: int = 0
    """The same by the window: entries up to this number."""
    begun: int | None = None
    """The session was told of so many of its guilds, and is told of the others before anything
    else. None: it was told of all."""


class Sent:
    """One session's; `seq` rises by one with each place that is added."""

    def __init__(self, mark: SentMark) -> None:
        self.places: list[SentPlace] = []
        """Whoever sends appends one a dispatch; `trim` is called now and then."""
        self.marks = [mark]
        """Ascending by s; the first is at or before what was acknowledged."""
        self._first = mark.seq + 1
        """The s of the first place."""

    @property
    def seq(self) -> int:
        """The last s that was sent."""
        return self._first + len(self.places) - 1

    @property
    def last(self) -> SentPlace:
        """The place of the last dispatch; None: it is at the last mark, or before that."""
        return self.places[-1] if self.seq > self.marks[-1].seq else None

    def mark(self, mark: SentMark) -> None:
        """Make a mark, at the last s."""
        if self.marks[-1].seq == mark.seq:
            self.marks[-1] = mark
        else:
            self.marks.append(mark)

    def acknowledge(self, seq: int, state: bytes) -> None:
        """Forget what is not needed any more, since the client has got as far as this. state: of
        the view, now. seq: no more than was sent."""
        number = self._before(seq)
        mark = self.marks[number]
        after = self.marks[number + 1].state if number + 1 < len(self.marks) else state
        place = self._place(seq, mark)
        if after is mark.state and place is not None:
            # Nothing was learnt in between, so the state is that of this place, too.
            if isinstance(place, int):
                mark = mark._replace(seq=seq, where=place + 1)
            elif isinstance(place, Had):
                mark = mark._replace(seq=seq, where=self._rolled(mark, seq))
            else:
                mark = mark._replace(seq=seq, begun=place.done)
        self.marks[: number + 1] = [mark]
        self._drop_places(mark.seq)

    def back_to(self, seq: int) -> SentMark:
        """Return from where to go on after an s, no more than was sent, and forget what came after
        it."""
        found = self.at(seq)
        del self.places[max(0, seq - self._first + 1) :]
        del self.marks[self._before(seq) + 1 :]
        if self.seq != seq:  # the places until there were dropped, and are none
            self.places.clear()
            self._first = seq + 1
        return found

    def at(self, seq: int) -> SentMark:
        """Return from where to go on after an s: the mark before it, with all muted that was sent
        until there."""
        mark = self.marks[self._before(seq)]
        place = self._place(seq, mark)
        if isinstance(place, Begun):
            return mark._replace(begun=place.done)
        if isinstance(place, int):
            return mark._replace(mute_to=max(mark.mute_to, place))
        if place is not None:
            return mark._replace(mute=self._rolled(mark, seq).joined(mark.mute))
        return mark

    def after(self, seq: int, window: Window | None) -> list[Had | None]:
        """Return the places by position of all that was sent after an s, in order; None: where the
        one before it was. Empty: not all are known, or are those of events."""
        start = seq + 1 - self._first
        places = self.places[start:] if start >= 0 else []
        if any(isinstance(place, Begun) for place in places):
            return []
        found: list[Had | None] = []
        for place in places:
            if isinstance(place, int):
                assert window is not None  # it is a place there
                found.append(_by_position(window, place))
            elif not isinstance(place, Begun):
                found.append(place)
        return found

    def leave(self, window: Window, cut: int) -> None:
        """Write down by position what is a place of the window before `cut`, where it will be cut,
        and with it what follows until the next mark."""
        for number, mark in enumerate(self.marks):
            if not isinstance(mark.where, int) or mark.where >= cut:
                continue
            mute = mark.mute
            if mark.mute_to >= mark.where:
                mute = window.positions(mark.mute_to + 1).joined(mute)
            where = window.positions(mark.where).joined(mark.skip)
            self.marks[number] = mark._replace(where=where, skip=None, mute=mute, mute_to=0)
            last = self.marks[number + 1].seq if number + 1 < len(self.marks) else self.seq
            for index in range(max(0, mark.seq + 1 - self._first), last - self._first + 1):
                place = self.places[index]
                if isinstance(place, int):
                    # One before the mark is that of a dispatch that had the place of another.
                    known = place >= mark.where
                    self.places[index] = _by_position(window, place) if known else None

    def oldest(self) -> int | None:
        """Return the lowest number of the window that is a place here; None: none is."""
        for mark in self.marks:
            if isinstance(mark.where, int):
                return mark.where
        return None

    def trim(self) -> None:
        """Forget places where there are too many."""
        if len(self.places) > MOST_PLACES:
            self._drop_places(self.seq - MOST_PLACES // 2)

    def _before(self, seq: int) -> int:
        """Return the index of the last mark at or before an s."""
        return max(0, bisect_right(self.marks, seq, key=_seq) - 1)

    def _place(self, seq: int, mark: SentMark) -> SentPlace:
        """Return the place of an s, or of the nearest before it that has one of its own; None: it
        is that of the mark, or nobody knows."""
        for number in range(seq - self._first, max(mark.seq - self._first, -1), -1):
            if number < len(self.places) and (place := self.places[number]) is not None:
                return place
        return None

    def _rolled(self, mark: SentMark, seq: int) -> Positions:
        assert isinstance(mark.where, Positions)
        found = mark.where.copy()
        start = max(0, mark.seq + 1 - self._first)
        for place in self.places[start : seq - self._first + 1]:
            if isinstance(place, Had):
                found.places[place.key] = max(place.place, found.places.get(place.key, place.place))
        return found

    def _drop_places(self, seq: int) -> None:
        """Forget the places up to an s."""
        if (count := seq + 1 - self._first) > 0:
            del self.places[:count]
            self._first = seq + 1


def _by_position(window: Window, g: int) -> Had:
    event = window.slice(g, 1)[0].event
    source = event.source
    return Had((source.shard_count, source.shard_id), (source.epoch, event.seq))


def _seq(mark: SentMark) -> int:
    return mark.seq
