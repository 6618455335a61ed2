"""Where a shard that is held was some seconds ago."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shard_worker.delivery.recent_places import LOOK_BACK_S, STEP_S, RecentPlaces


def drain(*names: str, last: int) -> list[tuple[str, int, bytes]]:
    """Return events of these names; the last one's seq is ``last``."""
    return [(name, seq, b"{}") for seq, name in enumerate(names, last + 1 - len(names))]


def noted(steps: list[tuple[float, int]]) -> tuple[RecentPlaces, list[tuple[float, int]]]:
    """Return what is noted of a session, and (at, seq) of each of its drains. steps: seconds since
    the drain before, events in it."""
    places = RecentPlaces(0, 0, 0.0)
    at, seq, reached = 0.0, 0, [(0.0, 0)]
    for seconds, events in steps:
        at, seq = at + seconds, seq + events
        places.note(drain(*"A" * events, last=seq), seq, at)
        reached.append((at, seq))
        assert len(places._places) <= 2 * LOOK_BACK_S / STEP_S + 3
    return places, reached


SECONDS = st.one_of(st.floats(0, 2.5), st.floats(0, 2 * LOOK_BACK_S))


@given(st.lists(st.tuples(SECONDS, st.integers(1, 5)), max_size=80), SECONDS)
def test_it_is_where_the_session_was_then_or_a_little_before(
    steps: list[tuple[float, int]], later: float
) -> None:
    places, reached = noted(steps)
    now = reached[-1][0] + later
    seq = places.seq_before(now)
    assert seq <= max(seq for at, seq in reached if at <= max(0.0, now - LOOK_BACK_S))
    assert all(at > now - LOOK_BACK_S - STEP_S for at, reached_seq in reached if reached_seq > seq)


def test_a_busy_session_s_places_are_few_and_none_is_far_behind() -> None:
    """Drains that all come within a step of the one before are not taken for one moment."""
    places = RecentPlaces(0, 0, 0.0)
    for seq in range(1, 2000):
        at = seq * STEP_S / 10
        places.note(drain("A", last=seq), seq, at)
        assert len(places._places) <= 2 * LOOK_BACK_S / STEP_S + 3
    ago_s = at - places.seq_before(at) * STEP_S / 10
    assert LOOK_BACK_S - 0.001 <= ago_s <= LOOK_BACK_S + STEP_S + 0.2


def test_a_session_is_looked_back_to_its_ready_and_the_guilds_of_its_beginning() -> None:
    places = RecentPlaces(700, 5, 0.0)
    places.begin(guilds=2)
    assert places.seq_before(1.0) == -1
    places.note(drain("READY", last=1), 1, 1.0)
    assert places.seq_before(1.0) == 1
    places.note(drain("A", "GUILD_CREATE", "A", last=4), 4, 2.0)
    places.note(drain("A", last=5), 5, 4.0)
    assert places.seq_before(4.0) == 3
    places.note(drain("GUILD_CREATE", "A", last=7), 7, 6.0)
    assert places.seq_before(6.0) == 6
    places.note(drain("GUILD_CREATE", "A", last=9), 9, 8.0)  # the bot was added to another one
    assert places.seq_before(8.0) == 6
    assert places.seq_before(6.0 + LOOK_BACK_S) == 7
    assert places.seq_before(8.0 + LOOK_BACK_S) == 9


def test_what_a_process_before_received_is_not_looked_back_to() -> None:
    places = RecentPlaces(700, 0, 50.0)
    places.note(drain("A", last=701), 701, 51.0)
    assert places.seq_before(51.0) == 700
    assert places.seq_before(51.0 + LOOK_BACK_S) == 701
