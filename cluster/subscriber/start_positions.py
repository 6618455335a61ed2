"""Where each shard begins for a subscriber that joins. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import gcd
from typing import Final, NamedTuple

from cluster.subscriber.items import Gap
from cluster.wire.position import WHOLE, Saved, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.states import GapReason, HeadState

READ_AGAIN: Final = 1000
"""Events of a shard that are read once more beside those that others have received meanwhile."""


class Start(NamedTuple):
    """Where one shard begins: everything up to (epoch, seq) was delivered, or is not wanted."""

    key: ShardKey
    epoch: int
    seq: int
    lagging: bool
    """What follows is in the journals, and has to be asked for."""
    handled: tuple[int, int] | None = None
    """What lies between there and this (epoch, seq) was handled, and is read once more to know what
    another shard count need not deliver."""


class Starts(NamedTuple):
    """Where all shards begin, and what can't be had of those that were saved."""

    shards: list[Start]
    gaps: list[Gap]
    unknown: dict[ShardKey, tuple[int, int]]
    """Saved places of shards that no journal knows: of use if one comes again."""
    whole: dict[ShardKey, tuple[int, int]]
    """Saved places of shards that are no more, and of which all was handled."""


def starts(heads: HeadsAnswer, saved: Saved | None, *, oldest: bool) -> Starts:
    """Return where each shard begins: at its saved place; a shard that the saved position does not
    know, or all of them if it was saved under another store, at the oldest that is held; without a
    saved position now, or at the oldest.

    A saved shard that no journal knows is gone. One whose epoch lies ahead of what the journals
    know was saved before the store was replaced by an older copy: epochs are counted anew since
    then, so its place means nothing, and it comes from the oldest too. What lies before a shard's
    count came into force is not wanted: the other count has delivered it. Neither is a count that
    was taken back: the one before it has gone on. Where the saved position is from before a count
    that has followed another one was read, some of the other one is read once more.
    """
    positions: dict[ShardKey, tuple[int, int]] = {}
    if saved is not None and saved.store == heads.cluster:
        positions = {ShardKey(s.shard_count, s.shard_id): (s.epoch, s.seq) for s in saved.shards}
    saved_places = dict(positions)
    newest = max((_since(row) for row in heads.shards if _key(row) in positions), default=0)
    found = Starts([], [], {}, {})
    given_up = taken_back(heads.shards)
    for row in heads.shards:
        place = _place_in(row, positions.pop(_key(row), None), found)
        if row.shard_count in given_up:
            continue
        if _key(row) in found.whole or row.state is HeadState.HELD:
            continue
        unread = saved is not None and _since(row) >= newest  # It has come and gone since.
        if place is None and row.state is HeadState.RETIRED and not oldest and not unread:
            continue
        found.shards.append(_start(row, place, from_oldest=oldest or saved is not None))
    _read_again(found, heads.shards, saved_places)
    found.unknown.update({key: place for key, place in positions.items() if place[1] != WHOLE})
    found.gaps.extend(_gap(key, place, GapReason.GONE) for key, place in found.unknown.items())
    return found


def _read_again(
    found: Starts, rows: list[HeadRow], saved: Mapping[ShardKey, tuple[int, int]]
) -> None:
    """Begin earlier in shards of a count that another one follows, or is being prepared for, of
    which nothing was handled yet: with what they received since the other one's events count, as
    far as it is held."""
    numbers = {start.key: number for number, start in enumerate(found.shards)}
    received = _Received(row for row in rows if _key(row) in numbers or row.state is HeadState.HELD)
    unread = _Received(
        row
        for row in rows
        if row.public is not None
        and (number := numbers.get(_key(row))) is not None
        and found.shards[number][1:3] <= (row.public.epoch, row.public.seq)
    )
    for row in rows:
        key = _key(row)
        place = saved.get(key)
        if place is None or place[0] != row.epoch or row.oldest is None:
            continue
        is_whole = place[1] == WHOLE
        last = row.seq if is_whole else place[1]
        length = (unread if is_whole else received).most(key)
        oldest = row.oldest[1] - 1 if row.oldest[0] == row.epoch else -1
        seq = max(oldest, last - length)
        if not length or seq >= last:
            continue
        start = Start(key, row.epoch, seq, lagging=True, handled=place)
        if key in numbers:
            found.shards[numbers[key]] = start
        elif found.whole.pop(key, None) is not None:
            found.shards.append(start)


class _Received:
    """How many events shards have received since their count came into force, by the count before
    it, of which they have the guilds."""

    def __init__(self, rows: Iterable[HeadRow]) -> None:
        self._events: dict[int, Counter[tuple[int, int]]] = {}
        """Old count -> (common divisor of both counts, remainder of the shard id) -> events. Those
        of an old shard's guilds are in shards with its remainder."""
        for row in rows:
            if row.public is not None:
                is_same = row.epoch == row.public.epoch
                events = row.seq - row.public.seq if is_same else row.seq + 1
                divisor = gcd(row.shard_count, row.public.old_count)
                by_remainder = self._events.setdefault(row.public.old_count, Counter())
                by_remainder[divisor, row.shard_id % divisor] += events

    def most(self, key: ShardKey) -> int:
        """Return how many events an old shard has received at most since then, near enough; 0: its
        count has not been followed."""
        by_remainder = self._events.get(key.shard_count)
        if by_remainder is None:
            return 0
        sharing = sum(
            events
            for (divisor, remainder), events in by_remainder.items()
            if key.shard_id % divisor == remainder
        )
        usual = 2 * by_remainder.total() // key.shard_count
        return 2 * min(sharing, usual) + READ_AGAIN


def taken_back(rows: Iterable[HeadRow]) -> set[int]:
    """Return the shard counts that came into force and were taken back: their shards are no more,
    the count before them goes on, and no other has followed them."""
    rows = list(rows)
    going_on = {row.shard_count for row in rows if not row.state}
    followed = {
        row.public.old_count
        for row in rows
        if row.public is not None and row.state is not HeadState.HELD
    }
    retired = {
        row.shard_count: row.public.old_count
        for row in rows
        if row.state is HeadState.RETIRED and row.public is not None
    }
    return {
        new for new, old in retired.items() if old in going_on and new not in followed | going_on
    }


def _place_in(row: HeadRow, place: tuple[int, int] | None, found: Starts) -> tuple[int, int] | None:
    """Return where to go on by a shard's saved place; None: nowhere. What can't be had of it, or
    was handled whole, is noted."""
    key, public = _key(row), row.public
    if place is None:
        return None
    if row.state is HeadState.HELD:
        # What there was of it before is not read past what is held now.
        if place[1] == WHOLE:
            found.whole[key] = place
        else:
            found.gaps.append(_gap(key, place, GapReason.GONE))
        return None
    if place[0] > row.epoch:
        found.gaps.append(_gap(key, place, GapReason.AHEAD))
        return None
    if place[1] != WHOLE:
        return place
    if place[0] == row.epoch:
        found.whole[key] = place
        return None
    return None if public is None else (public.epoch, public.seq)  # in force once more


def _start(row: HeadRow, place: tuple[int, int] | None, *, from_oldest: bool) -> Start:
    """Return where a shard begins: at a saved place, at the oldest that is held, or now."""
    if place is not None:
        return Start(_key(row), *place, lagging=True)
    if not from_oldest or row.oldest is None:
        return Start(_key(row), row.epoch, row.seq, lagging=False)
    epoch, first = row.oldest
    start = epoch, first - 1
    if row.public is not None:
        start = max(start, (row.public.epoch, row.public.seq))
    return Start(_key(row), *start, lagging=True)


def _key(row: HeadRow) -> ShardKey:
    return ShardKey(row.shard_count, row.shard_id)


def _since(row: HeadRow) -> int:
    """Return when its shard count came into force: Unix ns; 0: it always was."""
    return row.public.since_ns if row.public is not None else 0


def _gap(key: tuple[int, int], place: tuple[int, int], reason: GapReason) -> Gap:
    count, shard_id = key
    epoch, seq = place
    return Gap(shard_id, count, epoch, None, seq + 1, None, reason)
