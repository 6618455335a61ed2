"""Positions: the name of an event for ever, and what a subscriber saves.

A position is (store id, shard count, shard, epoch, seq). The epoch counts the shard's identifies;
seq is Discord's. Duplicates have equal positions. The store id is random, made with the store: a
position saved under another store says nothing about this one.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from cluster.errors import ConfigError

WHOLE: Final = (1 << 53) - 1
"""Saved in place of a seq: the whole shard was handled, and its shard count is no longer in force.
It is the largest integer that every language's JSON keeps."""


class ShardKey(NamedTuple):
    """One shard, identified by count and id together: two counts run beside each other while a
    cluster is resharded."""

    shard_count: int
    shard_id: int


class Position(NamedTuple):
    """The position of one event."""

    store: str
    shard_count: int
    shard_id: int
    epoch: int
    seq: int


class SavedShard(msgspec.Struct, frozen=True, array_like=True):
    """How far one shard was handled."""

    shard_count: int
    shard_id: int
    epoch: int
    seq: int


class Saved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a subscriber got: {"store": "...", "shards": [[count, id, epoch, seq], ...]}."""

    store: str
    shards: list[SavedShard]

    def plain(self) -> dict[str, Any]:
        """Return the position as data that json.dumps takes."""
        return {
            "store": self.store,
            "shards": [[s.shard_count, s.shard_id, s.epoch, s.seq] for s in self.shards],
        }


def read_saved(value: object) -> Saved:
    """Return what Saved.plain made, after any trip through JSON. Raises ConfigError."""
    try:
        return msgspec.convert(value, Saved)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"this is no saved position: {error}",
            'give what Subscriber.position returned, or "now" or "oldest"',
        ) from None
