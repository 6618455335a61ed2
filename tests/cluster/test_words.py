"""Numbers, spans of time and lists of numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (7260, "2 h 1 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_span(seconds: float | None, said: str) -> None:
    assert words.span(seconds) == said


def test_roughly() -> None:
    assert [words.roughly(n) for n in (4.2, 75, 7300, 100_000)] == ["4.2 s", "1 min", "2 h", "1 d"]


def test_named() -> None:
    assert [words.named(ids) for ids in ([3], [3, 4])] == ["shard 3", "shards 3-4"]


def test_ranges() -> None:
    assert words.ranges([]) == ""
    assert words.ranges([3]) == "3"
    assert words.ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
    assert words.ranges([0, 2, 4, 6, 7], most=2) == "0, 2 and 3 others"
    assert words.ranges([0, 2, 4], most=2) == "0, 2 and 1 other"


def test_size_and_rate() -> None:
    assert [words.size(n) for n in (0, 2048, 5 << 20, 3 << 30)] == [
        "0 KiB",
        "2 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]
    assert [words.rate(n) for n in (0.0, 0.25, 12.4, 12_345.0)] == ["0", "0.2", "12", "12,345"]


@given(st.sets(st.integers(0, 30)))
def test_ranges_name_what_they_stand_for(numbers: set[int]) -> None:
    text, _, others = words.ranges(sorted(numbers), most=6).partition(" and ")
    named = set[int]()
    for part in text.split(", ") if text else ():
        low, _, high = part.partition("-")
        named |= set(range(int(low), int(high or low) + 1))
    assert named <= numbers
    assert len(numbers - named) == int(others.split()[0] if others else 0)
