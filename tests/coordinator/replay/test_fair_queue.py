"""Questions are answered one of each reader in turn, whoever asks how many."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from coordinator.replay.fair_queue import Address, FairQueue

GREEDY, MODEST = (b"greedy",), (b"modest",)


def test_one_who_asks_much_holds_up_nobody() -> None:
    turns: FairQueue[int] = FairQueue()
    for number in range(50):
        assert turns.add(GREEDY, number)
    assert turns.add(MODEST, 1)
    assert [turn.reader for _ in range(3) if (turn := turns.take())] == [GREEDY, MODEST, GREEDY]


def test_what_may_wait_is_bounded() -> None:
    turns: FairQueue[int] = FairQueue(each=2, all_readers=3)
    assert [turns.add(GREEDY, number) for number in range(3)] == [True, True, False]
    assert [turns.add(MODEST, number) for number in range(2)] == [True, False]
    assert (turns.waiting, turns.readers) == (3, 2)


def test_what_was_put_back_is_asked_first_when_its_reader_is_next() -> None:
    turns: FairQueue[int] = FairQueue()
    for reader, number in ((GREEDY, 1), (GREEDY, 2), (MODEST, 3)):
        turns.add(reader, number)
    first = turns.take()
    assert first is not None
    turns.put_back(first)
    assert [turn.question for _ in range(4) if (turn := turns.take())] == [3, 1, 2]
    assert turns.take() is None
    assert turns.waiting == 0


@given(st.lists(st.integers(0, 4)))
def test_no_reader_is_a_turn_ahead_of_another_that_waits(asking: list[int]) -> None:
    turns: FairQueue[int] = FairQueue()
    for number, reader in enumerate(asking):
        turns.add((b"%d" % reader,), number)
    left: Counter[Address] = Counter((b"%d" % reader,) for reader in asking)
    answered: Counter[Address] = Counter()
    asked: dict[Address, int] = {}
    while turn := turns.take():
        assert turn.question > asked.get(turn.reader, -1), "each reader's in their order"
        asked[turn.reader] = turn.question
        left[turn.reader] -= 1
        answered[turn.reader] += 1
        waiting = [answered[reader] for reader, count in left.items() if count]
        assert not waiting or answered[turn.reader] - min(waiting) <= 1
    assert not +left
