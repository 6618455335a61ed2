"""Which gaps are made of a range that can't be had: exactly what may be missing of it."""

from __future__ import annotations

from cluster.subscriber.chain.held_events import HeldEvents
from cluster.subscriber.chain.missing import missing
from cluster.subscriber.chain.shard_chain import ShardChain
from cluster.subscriber.chain.types import Mark, RangeAsk, RangeReply
from cluster.wire.batch import Batch
from cluster.wire.states import GapReason
from cluster.wire.topic import HOLE
from tests.cluster.subscriber.chain.test_asking import batches, drained


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


def test_the_mark_that_reaches_furthest_tells() -> None:
    """All tell the same; so the gaps are as few as can be."""
    assert spans(3, 9, mark(0, 9, ("A", 9)), mark(2, 5, ("A", 5))) == [(3, 9)]


def test_two_marks_that_meet_leave_nothing_between_them_untold() -> None:
    assert spans(1, 9, mark(0, 5), mark(5, 9)) == []
    assert spans(1, 9, mark(0, 4), mark(5, 9)) == [(5, 5)]


def named(
    first: int, last: int, *held: tuple[str, Batch], marks: list[Mark], names: str | None = None,
    floor: int = -1,
) -> list[tuple[tuple[str, ...] | None, int, int | None]]:  # fmt: skip
    """The gaps of a range, with their names, where these batches are held."""
    have = HeldEvents(frozenset(names) | {HOLE} if names else None, floor)
    for name, batch in held:
        have.take(name, batch)
    gaps = missing(1, first, last, GapReason.GONE, have, marks)
    return [(gap.names, gap.first, gap.last) for gap in gaps]


def test_a_gap_names_what_is_missing_of_it_unless_that_is_all() -> None:
    a, b = drained("A", 5)[0], drained("B", 3)[0]
    both = mark(-1, 9, ("A", 9), ("B", 9))
    for marks in ([both], []):  # told of by a mark, or by nobody
        assert named(0, 9, marks=marks, names="AB") == [(None, 0, 9)]
        assert named(0, 9, a, marks=marks, names="AB") == [(("B",), 0, 9), (("A",), 5, 9)]
        assert named(0, 4, a, marks=marks, names="AB") == [(("B",), 0, 4)]
        assert named(0, 9, marks=marks, names="A") == [(None, 0, 9)]
    assert named(0, 9, b, marks=[both]) == [(("A",), 0, 9), (("B",), 3, 9)]
    assert named(0, 9, b, marks=[]) == [(None, 3, 9)]
    assert named(0, 9, marks=[mark(-1, 9, ("B", 4), ("C", 7))], names="AB") == [(("B",), 0, 4)]


def test_which_names_were_skipped_nobody_knows() -> None:
    """So what is not held of a row of holes is a gap for all names, but where an event is held."""
    _, *first, hole, a = batches([("A", 0, b"{}")], [("A", 3, b"{}")], [("A", 6, b"{}")])
    assert (hole[0], hole[1].base, hole[1].last) == (HOLE, 2, 6)
    told = [mark(-1, 8, (HOLE, 8))]
    assert named(0, 8, hole, marks=told) == [(None, 0, 2), (None, 7, 8)]
    assert named(0, 8, first[1], hole, a, marks=told) == [(None, 0, 2), (None, 7, 8)]
    assert named(0, 8, *first, hole, marks=told) == [(None, 7, 8)]


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
