"""Questions are answered one of each reader in a round, whoever asks how many."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from coordinator.replay.fair_queue import Address, FairQueue

GREEDY, MODEST = (b"greedy",), (b"modest",)


def test_one_who_asks_much_holds_up_nobody() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(50):
        assert queue.add(GREEDY, number)
    assert queue.add(MODEST, 1)
    assert [queued.reader for _ in range(3) if (queued := queue.take())] == [GREEDY, MODEST, GREEDY]


def test_what_may_wait_is_bounded() -> None:
    queue: FairQueue[int] = FairQueue(each=2, all_readers=3)
    assert [queue.add(GREEDY, number) for number in range(3)] == [True, True, False]
    assert [queue.add(MODEST, number) for number in range(2)] == [True, False]
    assert (queue.waiting, queue.readers) == (3, 2)


def test_what_was_put_back_is_asked_first_when_its_reader_is_next() -> None:
    queue: FairQueue[int] = FairQueue()
    for reader, number in ((GREEDY, 1), (GREEDY, 2), (MODEST, 3)):
        queue.add(reader, number)
    first = queue.take()
    assert first is not None
    queue.put_back(first)
    assert [queued.question for _ in range(4) if (queued := queue.take())] == [3, 1, 2]
    assert queue.take() is None
    assert queue.waiting == 0


@given(st.lists(st.integers(0, 4)))
def test_no_reader_is_a_turn_ahead_of_another_that_waits(asking: list[int]) -> None:
    queue: FairQueue[int] = FairQueue()
    for number, reader in enumerate(asking):
        queue.add((b"%d" % reader,), number)
    left: Counter[Address] = Counter((b"%d" % reader,) for reader in asking)
    answered: Counter[Address] = Counter()
    asked: dict[Address, int] = {}
    while queued := queue.take():
        assert queued.question > asked.get(queued.reader, -1), "each reader's in their order"
        asked[queued.reader] = queued.question
        left[queued.reader] -= 1
        answered[queued.reader] += 1
        waiting = [answered[reader] for reader, count in left.items() if count]
        assert not waiting or answered[queued.reader] - min(waiting) <= 1
    assert not +left
