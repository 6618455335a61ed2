"""Which news of guilds a session gets: of GUILD_CREATE, GUILD_DELETE and the cluster's READY."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.proxy.entry import Entry, gap_entry
from cluster.proxy.view.known_guilds import KnownGuilds
from cluster.proxy.view.session_view import SessionView
from tests.cluster.proxy.view.events import OWN, a_view, entry, identify


def create(guild_id: int, shard_id: int = 0, shard_count: int = 1) -> Entry:
    data = b'{"id":"%d","member_count":1,"members":[],"rest":"%b"}' % (guild_id, b"x" * 300)
    return entry("GUILD_CREATE", data, shard_id, shard_count)


def outage(guild_id: int) -> Entry:
    return entry("GUILD_DELETE", b'{"id":"%d","unavailable":true}' % guild_id)


def listing(*guild_ids: int, shard: tuple[int, int] = (0, 1)) -> Entry:
    guilds = ",".join(f'{{"id":"{one}","unavailable":true}}' for one in guild_ids)
    return entry("READY", f'{{"guilds":[{guilds}]}}'.encode(), *shard)


def test_a_guild_that_a_client_has_is_told_of_again_after_an_outage_or_a_gap() -> None:
    view = a_view(KnownGuilds(OWN, [1, 2]))
    assert view.see(create(1)) is None
    assert view.see(create(3)) == create(3).tail
    assert view.see(outage(1)) == outage(1).tail
    assert view.see(outage(1)) is None
    assert view.see(create(1)) == create(1).tail
    assert view.see(gap_entry(1, 0, 1)) is None
    assert [view.see(create(one)) is not None for one in (1, 2, 3, 1)] == [True, True, True, False]


def test_a_guild_that_a_ready_after_a_gap_does_not_list_is_deleted() -> None:
    view = a_view(KnownGuilds(OWN, [1, 2, 3]))
    assert view.see(listing(2)) is None  # nothing was missed
    assert view.see(gap_entry(1, 0, 2)) is None
    ready = listing(2)
    assert view.see(ready) == b""
    assert view.made_up(ready) == [("GUILD_DELETE", b'{"id":"1"}'), ("GUILD_DELETE", b'{"id":"3"}')]
    assert view.made_up(ready) == []
    assert view.see(listing(2)) is None
    assert view.see(entry("READY", b"no JSON")) is None


def test_a_gap_of_one_shard_says_nothing_of_anothers_guilds() -> None:
    one, two = 4 << 22, 5 << 22
    view = a_view(KnownGuilds(OWN, [one, two]))
    view.see(gap_entry(2, 1, 1))
    assert view.see(listing(shard=(0, 2))) is None
    assert view.see(listing(shard=(1, 2))) == b""
    assert view.made_up(listing()) == [("GUILD_DELETE", b'{"id":"%d"}' % two)]
    view.see(gap_entry(0, -1, 0))  # of all shards
    assert view.see(create(one, 0, 2))


def test_a_guild_create_may_say_that_the_guild_is_unavailable() -> None:
    view = a_view(KnownGuilds(OWN, [1]))
    hidden = entry("GUILD_CREATE", b'{"id":"1","unavailable":true}')
    assert view.see(hidden) == hidden.tail
    assert view.see(hidden) is None
    assert view.see(create(1)) == create(1).tail


def test_without_the_guilds_intent_nothing_is_learnt_of_guilds() -> None:
    view = a_view(intents=int(ALL_INTENTS & ~Intents.GUILDS))
    before = view.state
    for made in (create(1), outage(2), listing(3), gap_entry(1, 0, 1)):
        assert view.see(made) is None
    assert view.state is before


guild_entries = st.one_of(
    st.builds(create, st.integers(1, 4)),
    st.builds(outage, st.integers(1, 4)),
    st.builds(lambda guild: entry("GUILD_DELETE", b'{"id":"%d"}' % guild), st.integers(1, 4)),
    st.builds(lambda guilds: listing(*guilds), st.sets(st.integers(1, 4))),
    st.just(gap_entry(1, 0, 1)),
)


@given(st.lists(guild_entries, max_size=20), st.integers(0, 20))
def test_a_view_of_an_earlier_state_comes_to_the_same(entries: list[Entry], at: int) -> None:
    view = a_view(KnownGuilds(OWN, [1, 2]))
    for one in entries[:at]:
        view.see(one)
        view.made_up(one)
    again = SessionView(identify(), KnownGuilds.of(view.state))
    for one in entries[at:]:
        assert again.see(one) == view.see(one)
        assert again.made_up(one) == view.made_up(one)
    assert again.state == view.state
