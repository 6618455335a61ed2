"""How many guilds the cache has, in which state, and how many it lacks. Pure, but for the snapshot
that it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from cluster.cache.reading.snapshot import Snapshot
from cluster.wire.position import ShardKey


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """The guilds of the cache at one moment."""

    shard_count: int
    guilds: Counter[int]
    """Shard id -> guilds."""
    unavailable: int
    stale: Counter[int]
    """Shard id -> guilds of unknown age."""
    whole: frozenset[ShardKey]
    """Shards of which every guild is known."""


class KnownShard(msgspec.Struct, frozen=True):
    """A shard in `status`, with how many guilds its READY named."""

    shard_id: int
    guilds: int


class KnownShards(msgspec.Struct, frozen=True):
    """What of `status` says how many guilds there are."""

    shard_count: int
    shards: list[KnownShard]


def take_census(view: Snapshot) -> Census:
    """Count what is in a snapshot."""
    guilds, stale, unavailable = Counter[int](), Counter[int](), 0
    for guild in view.guilds():
        guilds[guild.shard_id] += 1
        state = guild.state
        unavailable += state.unavailable or not state.known
        if state.unknown_since_ns:
            stale[guild.shard_id] += 1
    return Census(
        shard_count=view.shard_count(), guilds=guilds, unavailable=unavailable, stale=stale,
        whole=frozenset(view.whole_shards()),
    )  # fmt: skip


def unseen(census: Census, known: KnownShards) -> Counter[int]:
    """Return, by shard id, how many guilds of shards that are not whole the cache lacks, as far as
    the numbers say: guilds that the bot has left since READY are among them."""
    lacks = Counter[int]()
    if known.shard_count != census.shard_count and census.guilds:
        return lacks  # it is being resharded: the numbers are of other shards
    for shard in known.shards:
        if ShardKey(known.shard_count, shard.shard_id) not in census.whole:
            lacks[shard.shard_id] = max(0, shard.guilds - census.guilds[shard.shard_id])
    return +lacks


def some(counts: Mapping[int, int], most: int) -> list[int]:
    """Return the first shards, in order, of those that have any."""
    return sorted(shard for shard, count in counts.items() if count)[:most]
