"""Identify buckets and the daily budget, on a clock of our own."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cluster.sandbox.sessions.identify_limit import IdentifyLimit, Verdict


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def limit_on(clock: Clock, **changes: float) -> IdentifyLimit:
    values: dict[str, float] = {
        "max_concurrency": 2,
        "total": 5,
        "remaining": 5,
        "window_s": 5.0,
        "jitter_s": 0.3,
        "reset_s": 86_400.0,
    }
    values |= changes
    return IdentifyLimit(
        max_concurrency=int(values["max_concurrency"]),
        total=int(values["total"]),
        remaining=int(values["remaining"]),
        window_s=values["window_s"],
        jitter_s=values["jitter_s"],
        reset_s=values["reset_s"],
        now=clock,
        rng=random.Random(1),
    )


def test_a_bucket_admits_one_in_its_window() -> None:
    clock = Clock()
    limit = limit_on(clock)
    assert limit.admit(0) is Verdict.ADMITTED
    assert limit.admit(2) is Verdict.EARLY  # 2 % 2 is bucket 0 too
    assert limit.admit(1) is Verdict.ADMITTED
    clock.time += 4.999
    assert limit.admit(2) is Verdict.EARLY
    clock.time += 0.001
    assert limit.admit(2) is Verdict.ADMITTED


def test_an_early_identify_costs_no_session_start_and_does_not_move_the_window() -> None:
    clock = Clock()
    limit = limit_on(clock)
    limit.admit(0)
    clock.time += 4.9
    assert limit.admit(0) is Verdict.EARLY
    assert limit.remaining == 4
    assert round(limit.earliest_s, 6) == 0.1
    clock.time += 0.1
    assert limit.admit(0) is Verdict.ADMITTED


def test_the_budget_ends_and_comes_back_with_its_reset() -> None:
    clock = Clock()
    limit = limit_on(clock, remaining=1, reset_s=100.0)
    assert limit.admit(0) is Verdict.ADMITTED
    assert limit.session_start_limit() == {
        "total": 5,
        "remaining": 0,
        "reset_after": 100_000,
        "max_concurrency": 2,
    }
    clock.time += 50.0
    assert limit.admit(0) is Verdict.EXHAUSTED
    clock.time += 250.0
    assert limit.session_start_limit()["remaining"] == 5
    assert limit.session_start_limit()["reset_after"] == 100_000
    assert limit.admit(0) is Verdict.ADMITTED


@given(st.lists(st.tuples(st.floats(0, 12), st.integers(0, 9)), max_size=60), st.integers(1, 4))
def test_no_bucket_starts_two_sessions_within_its_window(
    arrivals: list[tuple[float, int]], concurrency: int
) -> None:
    clock = Clock()
    limit = limit_on(clock, max_concurrency=concurrency, total=1000, remaining=1000)
    started: dict[int, float] = {}
    for pause, shard in arrivals:
        clock.time += pause
        bucket = shard % concurrency
        free = bucket not in started or clock.time - started[bucket] >= 5.0
        assert (limit.admit(shard) is Verdict.ADMITTED) is free
        if free:
            started[bucket] = clock.time


def test_arrivals_are_jittered_within_the_bound() -> None:
    delays = [limit_on(Clock()).arrival_delay() for _ in range(2)]
    assert delays[0] == delays[1]  # the randomness is the one that was passed in
    limit = limit_on(Clock())
    many = [limit.arrival_delay() for _ in range(500)]
    assert min(many) < 0.02
    assert 0.28 < max(many) <= 0.3
