"""Which gaps are made of a range that can't be had: exactly what may be missing of it."""

from __future__ import annotations

from cluster.subscriber.chain.held_events import HeldEvents
from cluster.subscriber.chain.missing import missing
from cluster.subscriber.chain.shard_chain import ShardChain
from cluster.subscriber.chain.types import Mark, RangeAsk, RangeReply
from cluster.wire.states import GapReason


def spans(first: int, last: int, *marks: Mark, floor: int = 0) -> list[tuple[int, int | None]]:
    """The ranges that are told of, if nothing is held."""
    held = HeldEvents(None, floor)
    return [(gap.first, gap.last) for gap in missing(1, first, last, GapReason.GONE, held, marks)]


def mark(base: int, seq: int, *table: tuple[str, int]) -> Mark:
    return Mark(1, None, base, seq, list(table))


def test_a_mark_says_nothing_of_its_base() -> None:
    """What is to be told of it lies above: a lost event at the base is in a gap."""
    assert spans(5, 9, mark(5, 9)) == [(5, 5)]
    assert spans(5, 9, mark(4, 9)) == []
    assert spans(3, 9, mark(5, 9, ("A", 7))) == [(3, 5), (6, 7)]


def test_a_mark_tells_of_its_seq() -> None:
    """Nothing is missing where it knows of nothing, up to its last seq."""
    assert spans(9, 9, mark(5, 9)) == []
    assert spans(9, 9, mark(5, 9, ("A", 9))) == [(9, 9)]
    assert spans(6, 10, mark(5, 9)) == [(10, 10)]


def test_two_marks_that_meet_leave_nothing_between_them_untold() -> None:
    assert spans(1, 9, mark(0, 5), mark(5, 9)) == []
    assert spans(1, 9, mark(0, 4), mark(5, 9)) == [(5, 5)]


def test_an_answer_to_a_question_from_further_on_changes_nothing() -> None:
    """What lies between where the chain is and where it was asked from would be in no gap."""
    chain = ShardChain(None, 1 << 20)
    chain.begin(1, 10)
    chain.mark(mark(10, 30, ("A", 30)))
    chain.take()
    ask = RangeAsk(1, 20, 30)
    chain.answer(RangeReply(ask, [], 30, [(25, 30)], False, None, None))
    assert (chain.take(), chain.seq) == ([], 10)
    assert chain.wanted() == RangeAsk(1, 10, 30)
