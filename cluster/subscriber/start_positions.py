"""Where each shard begins for a subscriber that joins. Pure."""

from __future__ import annotations

from typing import NamedTuple

from cluster.subscriber.items import Gap
from cluster.wire.position import WHOLE, Saved, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.states import GapReason, HeadState


class Start(NamedTuple):
    """Where one shard begins: everything up to (epoch, seq) was delivered, or is not wanted."""

    key: ShardKey
    epoch: int
    seq: int
    lagging: bool
    """What follows is in the journals, and has to be asked for."""


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
    count came into force is not wanted: the other count has delivered it.
    """
    positions: dict[ShardKey, tuple[int, int]] = {}
    if saved is not None and saved.store == heads.cluster:
        positions = {ShardKey(s.shard_count, s.shard_id): (s.epoch, s.seq) for s in saved.shards}
    newest = max((_since(row) for row in heads.shards if _key(row) in positions), default=0)
    found, gaps, whole = [], [], {}
    for row in heads.shards:
        key, public = _key(row), row.public
        place = positions.pop(key, None)
        if row.state is HeadState.HELD:
            # What there was of it before is not read past what is held now.
            if place is not None and place[1] == WHOLE:
                whole[key] = place
            elif place is not None:
                gaps.append(_gap(key, place, GapReason.GONE))
            continue
        if place is not None and place[0] > row.epoch:
            gaps.append(_gap(key, place, GapReason.AHEAD))
            place = None
        if place is not None and place[1] == WHOLE:
            if place[0] == row.epoch:
                whole[key] = place
                continue
            place = None if public is None else (public.epoch, public.seq)  # in force once more
        unread = saved is not None and _since(row) >= newest  # It has come and gone since.
        if place is None and row.state is HeadState.RETIRED and not oldest and not unread:
            continue
        if place is not None:
            found.append(Start(key, *place, lagging=True))
        elif (oldest or saved is not None) and row.oldest is not None:
            epoch, first = row.oldest
            start = epoch, first - 1
            if public is not None:
                start = max(start, (public.epoch, public.seq))
            found.append(Start(key, *start, lagging=True))
        else:
            found.append(Start(key, row.epoch, row.seq, lagging=False))
    unknown = {key: place for key, place in positions.items() if place[1] != WHOLE}
    gaps += [_gap(key, place, GapReason.GONE) for key, place in unknown.items()]
    return Starts(found, gaps, unknown, whole)


def _key(row: HeadRow) -> ShardKey:
    return ShardKey(row.shard_count, row.shard_id)


def _since(row: HeadRow) -> int:
    """Return when its shard count came into force: Unix ns; 0: it always was."""
    return row.public.since_ns if row.public is not None else 0


def _gap(key: tuple[int, int], place: tuple[int, int], reason: GapReason) -> Gap:
    count, shard_id = key
    epoch, seq = place
    return Gap(shard_id, count, epoch, None, seq + 1, None, reason)
