"""Waits that double."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.backoff import Backoff

CHANCE = st.floats(0, 1, exclude_max=True)


def test_waits_double_up_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(0.5, 30.0)
    assert [backoff.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    backoff.reset()
    assert [backoff.next(), backoff.next()] == [0.5, 1]


def test_a_lower_bound_holds_the_waits_after_it_down_too() -> None:
    backoff = Backoff(1.0, 30.0)
    assert [backoff.next(2.0) for _ in range(6)] == [1, 2, 2, 2, 2, 2]
    assert [backoff.next(), backoff.next()] == [4, 8]


@pytest.mark.parametrize("failures", [7, 99, 100_000])
def test_after_many_failures_a_wait_is_the_longest(failures: int) -> None:
    assert Backoff(0.5, 30.0).after(failures) == 30.0


@given(failures=st.integers(1, 50), chance=CHANCE, least=st.floats(0, 1))
def test_chance_takes_away_no_more_than_its_share(
    failures: int, chance: float, least: float
) -> None:
    whole = Backoff(0.5, 30.0).after(failures)
    wait = Backoff(0.5, 30.0, lambda: chance, least=least).after(failures)
    assert whole * least <= wait <= whole


@given(failures=st.integers(1, 50), chance=CHANCE)
def test_counting_oneself_comes_to_the_same(failures: int, chance: float) -> None:
    backoff = Backoff(0.5, 30.0, lambda: chance)
    waits = [backoff.next() for _ in range(failures)]
    assert waits[-1] == Backoff(0.5, 30.0, lambda: chance).after(failures)
