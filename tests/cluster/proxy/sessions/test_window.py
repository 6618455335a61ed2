"""Window and Positions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.proxy.entry import Entry, gap_entry
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.window import ENTRY_BYTES, MOST_SERVED_BYTES, Window
from cluster.wire.batch import Event
from cluster.wire.position import WHOLE
from tests.cluster.proxy.sessions.played import STORE, event

PLACES = st.dictionaries(
    st.tuples(st.just(2), st.integers(0, 2)), st.tuples(st.integers(1, 2), st.integers(0, 4))
)


def filled(shards: list[int], max_bytes: int, mark_every: int) -> Window:
    """A window of events of these shards, marked now and then, and cut."""
    window = Window(Positions(STORE, {(2, 0): (1, 0)}), max_bytes)
    seqs = [0, 0]
    for number, shard in enumerate(shards, 1):
        seqs[shard] += 1
        window.add(Entry(event(shard, seqs[shard])))
        if number % mark_every == 0:
            window.mark(window.now.copy())
        while (cut := window.due_cut()) is not None:
            window.cut(cut)
    return window


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=60), st.integers(700, 20_000), st.integers(1, 7))
def test_whoever_joins_misses_nothing(shards: list[int], max_bytes: int, mark_every: int) -> None:
    window = filled(shards, max_bytes, mark_every)
    assert window.head == len(shards) + 1
    for g in range(window.base, window.head + 1):
        positions = window.positions(g)
        joined = window.join(positions)
        assert joined is not None
        for entry in window.slice(joined, 1000):
            assert positions.has(entry.event) == (entry.g < g)
        events = [entry.event for entry in window.slice(window.base, g - window.base)]
        assert all(positions.has(one) for one in events)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=40, max_size=60))
def test_who_lacks_what_was_cut_does_not_join(shards: list[int]) -> None:
    window = filled(shards, 10 * ENTRY_BYTES, 2)
    assert window.base > 1
    assert window.join(Positions(STORE, {(2, 0): (1, 0)})) is None
    assert window.join(Positions("another", window.now.places)) is None


@settings(max_examples=40, deadline=None)
@given(PLACES, PLACES)
def test_positions_that_are_joined_cover_both(one: object, two: object) -> None:
    first, second = Positions(STORE, one), Positions(STORE, two)  # type: ignore[arg-type]
    both = first.joined(second)
    assert both.covers(first)
    assert both.covers(second)
    least = first.met(second)
    assert first.covers(least)
    assert least.places.keys() == first.places.keys()
    assert Positions.read(both.plain()) == both


def test_a_shard_that_is_no_more_and_was_never_read_is_missed_by_nobody() -> None:
    new = Positions(STORE, {(4, 0): (1, 9)})
    assert new.covers(Positions(STORE, {(2, 0): (3, WHOLE), (4, 0): (1, 9)}))
    assert not new.covers(Positions(STORE, {(2, 0): (3, 7)}))
    assert not Positions(STORE, {(2, 0): (3, 7)}).covers(Positions(STORE, {(2, 0): (3, WHOLE)}))


def test_events_of_another_store_begin_anew() -> None:
    positions = Positions(STORE, {(2, 0): (1, 9)})
    other = Event.make("MESSAGE_CREATE", 1, 2, 1, 4, b"{}", 0, "another")
    assert not Positions(STORE, {(2, 1): (1, 9)}).has(other)
    positions.reach(other)
    assert positions.store == STORE
    positions.add(other)
    assert positions == Positions("another", {(2, 1): (1, 4)})
    assert positions.joined(Positions(STORE, {(2, 0): (1, 9)})) is positions


def test_a_turn_is_bounded_in_bytes_and_shared() -> None:
    window = Window(Positions(STORE))
    big = b'{"x":"%b"}' % (b"x" * (MOST_SERVED_BYTES // 3))
    for seq in range(7):
        window.add(Entry(Event.make("GUILD_CREATE", 0, 2, 1, seq, big, 0, STORE)))
    assert len(window.serving(1)) == 2
    assert window.serving(1) is window.serving(1)
    huge = b'{"x":"%b"}' % (b"x" * MOST_SERVED_BYTES)
    window.add(Entry(Event.make("GUILD_CREATE", 0, 2, 1, 7, huge, 0, STORE)))
    assert [entry.g for entry in window.serving(8)] == [8]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=40), st.integers(1, 41), st.integers(2, 5))
def test_who_takes_some_names_is_as_far_as_the_next_of_them(
    shards: list[int], g: int, every: int
) -> None:
    window = Window(Positions(STORE, {(2, 0): (1, 0), (2, 1): (1, 0)}))
    seqs = [0, 0]
    for number, shard in enumerate(shards):
        seqs[shard] += 1
        window.add(Entry(event(shard, seqs[shard], "TAKEN" if number % every == 0 else "OTHER")))
    start = window.positions(min(g, window.head))
    found = window.beyond(start, {"TAKEN"})
    assert found.covers(start)
    for shard in (0, 1):
        left = [e for e in window.slice(1, 100) if e.event.shard_id == shard]
        left = [e for e in left if not start.has(e.event)]
        upto = next((i for i, e in enumerate(left) if e.name == "TAKEN"), len(left))
        assert [found.has(e.event) for e in left] == [i < upto for i in range(len(left))]


def test_nobody_is_beyond_a_gap_that_takes_no_events() -> None:
    start = Positions(STORE, {(2, 0): (1, 0), (2, 1): (1, 0)})
    window = Window(start.copy())
    for entry in (gap_entry(2, 0, 1), Entry(event(0, 5)), Entry(event(1, 1))):
        window.add(entry)
    found = window.beyond(start, ())
    assert found.places == {(2, 0): (1, 0), (2, 1): (1, 1)}
    window.add(gap_entry(0, -1, 0))
    window.add(Entry(event(1, 2)))
    assert window.beyond(start, ()).places == {(2, 0): (1, 0), (2, 1): (1, 1)}


def test_a_gap_has_a_place_and_no_position() -> None:
    window = Window(Positions(STORE, {(2, 0): (1, 0)}))
    window.add(gap_entry(2, 0, 1))
    window.add(Entry(event(0, 5)))
    assert window.positions(2) == Positions(STORE, {(2, 0): (1, 0)})
    assert window.positions(3) == Positions(STORE, {(2, 0): (1, 5)})
