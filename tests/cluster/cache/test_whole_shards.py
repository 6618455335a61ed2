"""Of which shards every guild is known: since their READY, until something is missed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.cache.census import (
    Census,
    KnownShard,
    KnownShards,
    some,
    take_census,
    unseen,
)
from cluster.cache.store import Store, share_guilds
from cluster.subscriber.items import OTHER_STORE
from cluster.wire.position import ShardKey
from tests.cluster.cache.played import event, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "cache")
    yield made
    made.close()


def guild(number: int) -> int:
    """Return the id of the guild whose shard is this number modulo the shard count."""
    return number << 22


def ready(store: Store, shard: int, count: int, *guilds: int) -> None:
    said = {
        "user": {"id": "1"}, "guilds": [{"id": str(one), "unavailable": True} for one in guilds],
        "shard": [shard, count],
    }  # fmt: skip
    with store.turn() as turn:
        turn.apply(event("READY", json.dumps(said).encode(), 1, shard, count))


def create(store: Store, guild_id: int, shard: int, count: int) -> None:
    data = json.dumps({"id": str(guild_id), "member_count": 1}).encode()
    with store.turn() as turn:
        turn.apply(event("GUILD_CREATE", data, 2, shard, count))


def doubt(store: Store, shard: int, count: int) -> None:
    with store.turn() as turn:
        turn.doubt(shard, count, 9)


def whole(store: Store) -> set[tuple[int, int]]:
    with store.snapshot() as view:
        return {(shard.shard_count, shard.shard_id) for shard in view.whole_shards()}


def census(store: Store) -> Census:
    with store.snapshot() as view:
        return take_census(view)


def test_since_ready_until_something_is_missed(store: Store) -> None:
    create(store, guild(1), 1, 2)
    assert whole(store) == set()
    ready(store, 0, 2, guild(2))
    ready(store, 1, 2, guild(1))
    assert whole(store) == {(2, 0), (2, 1)}
    doubt(store, 1, 2)
    assert whole(store) == {(2, 0)}
    ready(store, 1, 2, guild(1))
    with store.turn() as turn:
        turn.doubt(OTHER_STORE.shard_id, OTHER_STORE.shard_count, 9)
    assert whole(store) == set()


def test_a_ready_that_is_none_changes_nothing(store: Store) -> None:
    with store.turn() as turn:
        turn.apply(event("READY", b'{"user": 1}'))
    assert whole(store) == set()


def test_another_shard_count_has_what_all_shards_before_it_had(store: Store) -> None:
    ready(store, 0, 2, guild(2))
    create(store, guild(4), 0, 4)
    assert whole(store) == set(), "shard 1 of 2 was not known"
    for shard in range(4):
        ready(store, shard, 4)
    create(store, guild(6), 0, 3)
    assert whole(store) == {(3, 0), (3, 1), (3, 2)}


@pytest.mark.parametrize(
    ("one", "other", "can"),
    [
        ((4, 1), (4, 1), True),
        ((4, 1), (4, 3), False),
        ((2, 1), (4, 3), True),
        ((2, 0), (4, 3), False),
        ((2, 0), (3, 1), True),
    ],
)
def test_shards_that_can_have_a_guild_in_common(
    one: tuple[int, int], other: tuple[int, int], can: bool
) -> None:
    assert share_guilds(one, other) == share_guilds(other, one) == can
    found = any(n % one[0] == one[1] and n % other[0] == other[1] for n in range(12))
    assert found == can


def test_a_gap_of_the_count_before_leaves_those_that_share_its_guilds(store: Store) -> None:
    for shard in range(4):
        ready(store, shard, 4)
    doubt(store, 1, 2)
    assert whole(store) == {(4, 0), (4, 2)}


def test_a_census(store: Store) -> None:
    ready(store, 1, 2, guild(1), guild(3))
    create(store, guild(1), 1, 2)
    create(store, guild(2), 0, 2)
    doubt(store, 0, 2)
    taken = census(store)
    assert taken.shard_count == 2
    assert taken.guilds == Counter({0: 1, 1: 2})
    assert taken.unavailable == 1, "that of READY alone"
    assert taken.stale == Counter({0: 1})
    assert taken.whole == {ShardKey(2, 1)}
    assert some(taken.guilds, 1) == [0]


def test_what_was_never_seen_is_told_from_what_has_gone(store: Store) -> None:
    def known(*guilds: int, count: int = 2) -> KnownShards:
        return KnownShards(count, [KnownShard(*row) for row in enumerate(guilds)])

    assert unseen(census(store), known(3, 2)) == Counter({0: 3, 1: 2}), "nothing has come yet"
    ready(store, 1, 2, guild(1))
    create(store, guild(2), 0, 2)
    assert unseen(census(store), known(3, 5)) == Counter({0: 2}), "the bot has left 4 of shard 1"
    assert unseen(census(store), known(0, 5)) == Counter()
    assert unseen(census(store), known(3, 3, 3, count=3)) == Counter(), "other shards' numbers"
