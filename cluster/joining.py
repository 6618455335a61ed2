"""Where each shard begins for a subscriber that joins. Pure."""

from __future__ import annotations

from typing import NamedTuple

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


def starts(heads: HeadsAnswer, saved: Saved | None, *, oldest: bool) -> list[Start]:
    """From the saved place; a shard that it does not know, or all of them if it was saved under
    another store, from the oldest that is held; without a saved one from now, or the oldest."""
    places = {}
    if saved is not None and saved.store == heads.cluster:
        places = {(s.shard_count, s.shard_id): (s.epoch, s.seq) for s in saved.shards}
    found = []
    for row in heads.shards:
        key = (row.shard_count, row.shard_id)
        if key in places:
            found.append(Start(key, *places[key], behind=True))
        elif (oldest or saved is not None) and row.oldest is not None:
            epoch, first = row.oldest
            found.append(Start(key, epoch, first - 1, behind=True))
        else:
            found.append(Start(key, row.epoch, row.seq, behind=False))
    return found
