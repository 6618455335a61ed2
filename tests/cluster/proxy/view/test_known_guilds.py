"""Which news of guilds a stream brings to a client: `KnownGuilds`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.proxy.view.known_guilds import KnownGuilds

ids = st.integers(0, 11).map(lambda number: number << 22 | 5)
shards = st.sampled_from([(0, 1), (0, 2), (1, 2), (2, 3), (-1, 0)])
steps = st.one_of(
    st.tuples(st.just("created"), ids, st.booleans()),
    st.tuples(st.just("deleted"), ids, st.booleans()),
    st.tuples(st.just("gap"), shards),
    st.tuples(st.just("listed"), shards.filter(lambda shard: shard[0] >= 0), st.sets(ids)),
)


class Model:
    """What KnownGuilds is to do, with a set for each thing that is known of a guild."""

    def __init__(self, guilds: set[int], hidden: set[int]) -> None:
        self.available = guilds - hidden
        self.hidden = guilds & hidden
        self.doubtful = set[int]()

    def created(self, guild: int, unavailable: bool) -> bool:
        if unavailable:
            return self.deleted(guild, True)
        news = guild not in self.available or guild in self.doubtful
        self.hidden.discard(guild)
        self.doubtful.discard(guild)
        self.available.add(guild)
        return news

    def deleted(self, guild: int, unavailable: bool) -> bool:
        news = not unavailable or guild not in self.hidden
        for kept in (self.available, self.hidden, self.doubtful):
            kept.discard(guild)
        if unavailable:
            self.hidden.add(guild)
        return news

    def gap(self, shard: tuple[int, int]) -> None:
        known = self.available | self.hidden
        self.doubtful |= {one for one in known if shard[0] < 0 or on(shard, one)}

    def listed(self, shard: tuple[int, int], guilds: set[int]) -> list[int]:
        gone = {one for one in self.doubtful if on(shard, one)} - guilds
        for kept in (self.available, self.hidden, self.doubtful):
            kept -= gone
        return sorted(gone)


def on(shard: tuple[int, int], guild: int) -> bool:
    return (guild >> 22) % shard[1] == shard[0]


def take(known: KnownGuilds, step: tuple[object, ...]) -> object:
    match step:
        case ("created", int(guild), bool(unavailable)):
            return known.created(guild, unavailable=unavailable)
        case ("deleted", int(guild), bool(unavailable)):
            return known.deleted(guild, unavailable=unavailable)
        case ("gap", (int(shard_id), int(count))):
            known.gap(shard_id, count)
            return None
        case ("listed", (int(shard_id), int(count)), set(guilds)):
            return known.listed(shard_id, count, guilds)
    raise AssertionError(step)


@given(st.sets(ids), st.sets(ids), st.lists(steps, max_size=25))
def test_it_brings_what_the_model_does(
    guilds: set[int], hidden: set[int], taken: list[tuple[object, ...]]
) -> None:
    known, model = KnownGuilds(1, guilds, hidden), Model(guilds, hidden)
    for step in taken:
        before = known.state
        name, *arguments = step
        assert take(known, step) == getattr(model, str(name))(*arguments), step
        assert list(known) == sorted(model.available | model.hidden)
        # Made of the state before, it comes to the same; and a state that is equal is no other.
        again = KnownGuilds.of(before)
        take(again, step)
        assert again.state == known.state
        assert (known.state is before) == (known.state == before)


def test_an_heir_takes_a_guild_for_news_that_came_after_what_it_goes_on_from() -> None:
    before = KnownGuilds(7, [1, 2])
    heir = KnownGuilds(7, [1, 2, 3])
    heir.expect(before)
    assert [heir.created(guild) for guild in (1, 2, 3)] == [False, False, True]
    assert not heir.created(3)


def test_a_guild_that_an_heir_expects_is_not_gone_for_not_being_listed() -> None:
    heir = KnownGuilds(7, [1, 3])
    heir.expect(KnownGuilds(7, [1]))
    assert heir.listed(0, 1, {1}) == []
    assert 3 in heir


def test_a_new_shard_count_brings_no_news() -> None:
    known = KnownGuilds(7, [4 << 22, 5 << 22, 6 << 22])
    assert known.listed(0, 2, {4 << 22}) == []  # 6 came after this READY, on the old count
    assert not known.created(4 << 22)
    assert not known.created(6 << 22)


def test_an_outage_that_is_told_of_ends_the_doubt() -> None:
    known = KnownGuilds(7, [1])
    known.gap(0, 1)
    assert known.deleted(1, unavailable=True)
    assert known.listed(0, 1, set()) == []
    assert 1 in known


def test_its_state_takes_nine_bytes_a_guild() -> None:
    known = KnownGuilds(1 << 60, range(1 << 60, (1 << 60) + 10_000))
    assert len(known.state) < 10_000 * 9 + 30
    assert KnownGuilds.of(known.state).own_id == 1 << 60


@pytest.mark.parametrize(
    "state", [b"", b"\xc1", b"\x90", b"\x93\x01\xc4\x01a\xc4\x00", b"\x93\x01\xc4\x00\xc4\x01a"]
)
def test_a_damaged_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="no state of a view"):
        KnownGuilds.of(state)
