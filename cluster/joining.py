"""Where each shard begins for a subscriber that joins. Pure."""

from __future__ import annotations

from typing import NamedTuple

from cluster.subscribed import Gap
from cluster.wire.position import Saved
from cluster.wire.replay import HeadsAnswer


class Start(NamedTuple):
    """Everything of a shard up to (epoch, seq) was delivered, or is not wanted."""

    key: tuple[int, int]
    """Shard count, shard id."""
    epoch: int
    seq: int
    behind: bool
    """What follows is in the journals, and has to be asked for."""


class Starts(NamedTuple):
    """Of all shards, and what can't be had of those that were saved."""

    shards: list[Start]
    gaps: list[Gap]
    unknown: dict[tuple[int, int], tuple[int, int]]
    """Saved places of shards that no journal knows: of use if one comes again."""


def starts(heads: HeadsAnswer, saved: Saved | None, *, oldest: bool) -> Starts:
    """From the saved place; a shard that it does not know, or all of them if it was saved under
    another store, from the oldest that is held; without a saved one from now, or the oldest.

    A saved shard that no journal knows is gone. One whose epoch lies ahead of what the journals
    know was saved before the store was replaced by an older copy: epochs are counted anew since
    then, so its place means nothing, and it comes from the oldest too. What lies before a shard's
    count came into force is not wanted: the other count has delivered it.
    """
    places = {}
    if saved is not None and saved.store == heads.cluster:
        places = {(s.shard_count, s.shard_id): (s.epoch, s.seq) for s in saved.shards}
    found, gaps = [], []
    for row in heads.shards:
        key = (row.shard_count, row.shard_id)
        place = places.pop(key, None)
        if row.state == "held" or (row.state == "retired" and place is None and not oldest):
            continue  # Not in force yet, or no more: of use only to who has begun to read it.
        if place is not None and place[0] > row.epoch:
            gaps.append(_gap(key, place, "ahead"))
            place = None
        if place is not None:
            found.append(Start(key, *place, behind=True))
        elif (oldest or saved is not None) and row.oldest is not None:
            epoch, first = row.oldest
            start = epoch, first - 1
            if row.public is not None:
                start = max(start, (row.public.epoch, row.public.seq))
            found.append(Start(key, *start, behind=True))
        else:
            found.append(Start(key, row.epoch, row.seq, behind=False))
    gaps += [_gap(key, place, "gone") for key, place in places.items()]
    return Starts(found, gaps, places)


def _gap(key: tuple[int, int], place: tuple[int, int], reason: str) -> Gap:
    count, shard_id = key
    epoch, seq = place
    return Gap(shard_id, count, epoch, None, seq + 1, None, reason)
