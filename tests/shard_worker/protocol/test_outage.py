"""An outage: which tries get a line in the log, and how long the pauses are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shard_worker.protocol.outage import LEAST_PAUSE_S, LONGEST_PAUSE_S, MAX_CAUSES, Outage


def day(cause: str, *, denied: bool = False) -> tuple[list[float], list[float]]:
    """Return when it is tried in a day without HELLO, and when a line is written, in seconds."""
    outage, now = Outage(0.0), 0.0
    tried, told = [], []
    while now < 86_400:
        tried.append(now)
        if outage.failed(cause, now, denied=denied):
            told.append(now)
        now += outage.pause(now)
    return tried, told


def test_a_day_without_hello_is_a_dozen_lines() -> None:
    tried, told = day("no answer")
    assert len(tried) > 2000
    assert len(told) <= 12
    assert told[:4] == [0.0, 0.5, 1.5, 3.5]


def test_a_no_is_asked_for_less_and_less_often() -> None:
    tried, told = day("CONNECT was answered with 407", denied=True)
    assert tried[:8] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    assert {later - earlier for earlier, later in pairwise(tried[8:])} == {LONGEST_PAUSE_S}
    assert len(told) <= 11


def test_a_no_in_a_long_outage_counts_from_when_it_was_first_said() -> None:
    outage = Outage(0.0)
    outage.failed("refused", 0.0)
    assert outage.pause(100.0) == LEAST_PAUSE_S
    outage.failed("407", 100.0, denied=True)
    assert outage.pause(100.0) == LEAST_PAUSE_S
    outage.failed("407", 108.0, denied=True)
    assert outage.pause(108.0) == 8.0
    outage.failed("refused", 109.0)
    assert outage.pause(109.0) == LEAST_PAUSE_S, "somebody mended it, or made it worse"


def test_a_new_cause_is_told_of_at_once_and_once() -> None:
    outage = Outage(0.0)
    told = [
        outage.failed(cause, 0.0)
        for cause in ["a"] * 8 + ["b", "a", "b", "timed out after 31 ms", "timed out after 7 ms"]
    ]
    assert told == [True, True, False, True, False, False, False, True, True, *[False] * 2,
                    True, False]  # fmt: skip


def test_causes_that_are_always_new_are_told_of_for_a_while() -> None:
    outage = Outage(0.0)
    told = [n for n in range(1, 1025) if outage.failed(f"answered {n}", 0.0)]
    assert told == [*range(1, MAX_CAUSES + 1), 32, 64, 128, 256, 512, 1024]


@given(st.lists(st.text(max_size=3), max_size=300))
def test_whatever_the_causes_are_the_lines_are_few(causes: list[str]) -> None:
    outage = Outage(0.0)
    told = sum(outage.failed(cause, 0.0) for cause in causes)
    assert told <= MAX_CAUSES + len(causes).bit_length()
    assert (outage.tries, outage.cause) == (len(causes), causes[-1] if causes else "")
