"""A few are told at once; what comes beyond that is summed up, and nothing is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.happenings.summing import AT_ONCE, LONGEST_S, MOST_GROUPS, MOST_HELD, Summing


def tell(
    summing: Summing[int], moments: list[float]
) -> tuple[list[float], list[tuple[float, int]]]:
    """Let one thing happen at each of these seconds, with a look every second. Return when one was
    told alone, and when how many were told together."""
    alone, together = list[float](), list[tuple[float, int]]()
    end = int(max(moments)) + 2 * int(LONGEST_S)
    at = sorted(moments)
    for second in range(end):
        while at and at[0] <= second:
            if summing.take("kind", "cause", 0, at.pop(0)):
                alone.append(second)
        for held in summing.due(second):
            if held.total == 1:
                alone.append(second)
            else:
                together.append((second, held.total))
    return alone, together


def test_a_few_are_told_at_once_and_the_rest_within_ten_seconds() -> None:
    summing: Summing[int] = Summing()
    assert [summing.take("ready", "", n, 100.0) for n in range(40)] == [True] * 5 + [False] * 35
    assert summing.due(109.9) == []
    (held,) = summing.due(110.0)
    assert (held.items, held.total, held.more) == (list(range(5, 40)), 35, True)
    for number in range(6):
        summing.take("ready", "", number, 111.0)
    (held,) = summing.due(131.0)
    assert (held.total, held.more) == (6, False), "none of these was told one by one"
    assert summing.due(200.0) == []


def test_few_that_were_held_are_told_one_by_one() -> None:
    summing: Summing[int] = Summing()
    for number in range(AT_ONCE + 2):
        summing.take("lost", "", number, 0.0)
    assert [held.items for held in summing.due(10.0)] == [[5], [6]]


def test_a_start_of_a_thousand_shards_is_a_few_sentences() -> None:
    """One in 5 s (83 min), and 16 in 5 s (5 min)."""
    alone, together = tell(Summing(), [5.25 * n for n in range(1000)])
    assert len(alone) + sum(count for _, count in together) == 1000
    assert len(alone) + len(together) < 100
    alone, together = tell(Summing(), [5.25 * (n // 16) for n in range(1000)])
    assert (len(alone), alone[-1]) == (AT_ONCE, 0)
    assert len(together) <= 9
    assert sum(count for _, count in together) == 995


def test_another_cause_is_another_group() -> None:
    summing: Summing[int] = Summing()
    for number in range(AT_ONCE):
        assert summing.take("lost", "op 7", number, 0.0)
    assert not summing.take("lost", "op 7", 5, 0.0)
    assert summing.take("lost", "op 9", 6, 0.0)


def test_after_a_quiet_minute_it_is_told_at_once_again() -> None:
    summing: Summing[int] = Summing()
    for number in range(AT_ONCE):
        summing.take("lost", "", number, 0.0)
    assert summing.due(LONGEST_S - 1) == []
    assert not summing.take("lost", "", 5, LONGEST_S - 1)
    assert len(summing.due(LONGEST_S + 9)) == 1
    assert summing.due(2 * LONGEST_S) == []
    assert summing.take("lost", "", 6, 2 * LONGEST_S)


def test_causes_that_servers_make_up_take_no_memory() -> None:
    summing: Summing[int] = Summing()
    told = sum(summing.take("lost", f"closed {code}", code, 0.0) for code in range(10_000))
    assert told == MOST_GROUPS + AT_ONCE
    (held,) = summing.due(10.0)
    assert (len(held.items), held.total) == (MOST_HELD, 10_000 - told)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 300)), max_size=60))
def test_nothing_is_left_out(events: list[tuple[str, float]]) -> None:
    summing: Summing[int] = Summing()
    told, number = list[int](), 0
    for kind, at in sorted(events, key=lambda one: one[1]):
        for held in summing.due(at):
            told += held.items
            assert held.total == len(held.items)
        if summing.take(kind, "", number, at):
            told.append(number)
        number += 1
    for held in summing.due(300.0, everything=True):
        told += held.items
    assert sorted(told) == list(range(number))
    assert summing.due(1e9) == []
