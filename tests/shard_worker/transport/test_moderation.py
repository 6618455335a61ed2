"""When turns are followed by a rest, and for how long: a played clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shard_worker.transport.moderation import BUSY_PER_S, QUIET_PER_S, WINDOW_S, Moderation

TURN_S = 0.0002
"""Seconds that a played turn takes."""


class Played:
    """A moderation, the time, and the rests that it made."""

    def __init__(self, latency_ms: int = 5) -> None:
        self.now = 1000.0
        self.moderation = Moderation(latency_ms, self.now)

    def turn(self, ready: int = 1, takes: float = TURN_S) -> int:
        asked_at, self.now = self.now, self.now + takes
        return self.moderation.rest_ms(ready, asked_at, self.now)

    def steady(self, rate: float, seconds: float) -> list[int]:
        """Play events one by one, evenly, each with a turn of its own."""
        rests = []
        until = self.now + seconds
        while self.now < until:
            rests.append(self.turn())
            self.now += 1 / rate - TURN_S
        return rests


def test_much_rests_and_little_does_not() -> None:
    played = Played()
    assert not any(played.steady(BUSY_PER_S * 0.9, 2))
    assert any(played.steady(BUSY_PER_S * 1.1, 2 * WINDOW_S))
    assert all(played.steady(BUSY_PER_S * 1.1, 2))
    assert all(played.steady(QUIET_PER_S * 1.1, 2)), "between the two nothing changes"
    played.steady(QUIET_PER_S * 0.9, 2 * WINDOW_S)
    assert not any(played.steady(QUIET_PER_S * 0.9, 2))
    assert not any(played.steady(BUSY_PER_S * 0.9, 2)), "between the two nothing changes"


def test_a_silence_ends_it() -> None:
    played = Played()
    played.steady(1000, 1)
    assert played.moderation.busy
    played.now += 1
    assert played.turn() == 0


def test_a_rest_that_brought_nothing_is_the_last() -> None:
    played = Played()
    played.steady(1000, 1)
    assert played.turn(ready=0) == 0
    assert played.turn(ready=1) in (4, 5)


def test_several_at_once_count_as_several() -> None:
    played = Played()
    for _ in range(30):
        played.turn(ready=100)
        played.now += 0.01
    assert played.moderation.busy


@pytest.mark.parametrize(
    ("latency_ms", "takes", "rest"),
    [(0, 0.0, 0), (5, 0.0, 5), (5, 0.0004, 5), (5, 0.0006, 4), (5, 0.0016, 3), (5, 0.2, 0)],
)
def test_the_turn_itself_is_part_of_the_wait(latency_ms: int, takes: float, rest: int) -> None:
    played = Played(latency_ms)
    played.steady(1000, 1)
    played.now = (math.floor(played.now * 1000) + 1.5) / 1000  # what uvloop's clock does not show
    assert played.turn(ready=1, takes=takes) == rest


turns = st.lists(
    st.tuples(
        st.integers(0, 128),  # ready
        st.floats(0, 0.1),  # seconds that the turn takes
        st.floats(0, 1),  # seconds until the next event, from the turn's end
    ),
    max_size=60,
)


@given(st.integers(0, 100), turns)
def test_nothing_waits_longer_than_it_may(
    latency_ms: int, turns: Iterable[tuple[int, float, float]]
) -> None:
    played = Played(latency_ms)
    played.steady(1000, 0.2)
    for ready, takes, gap in turns:
        rest = played.turn(ready, takes)
        rings_at = math.floor(played.now * 1000) + rest
        waited_ms = rings_at - (played.now - takes) * 1000
        assert rest >= 0
        assert rest == 0 or latency_ms - 1 < waited_ms + 1e-6 <= latency_ms + 2e-6
        assert rest == 0 or ready
        played.now += gap


@given(st.lists(st.floats(1 / QUIET_PER_S, 1), max_size=200))
def test_events_that_come_one_by_one_and_seldom_never_wait(gaps: list[float]) -> None:
    played = Played(100)
    for gap in gaps:
        played.now += gap
        assert played.turn() == 0
