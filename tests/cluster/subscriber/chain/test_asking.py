"""What a chain asks for, and what it makes of answers, by example: when it has patience, when it
gives up, and how it leaves an epoch."""

from __future__ import annotations

import itertools

import msgspec

from cluster.subscriber.chain import (
    Delivered,
    Mark,
    Missing,
    Output,
    RangeAsk,
    RangeReply,
    Reached,
    ShardChain,
)
from cluster.subscriber.chain.held_events import batch_bytes
from cluster.subscriber.chain.shard_chain import PATIENCE
from cluster.subscriber.chain.types import NAME_BYTES
from cluster.wire import topic
from cluster.wire.batch import Batch, decode_batch
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.shard_state import ShardState
from cluster.wire.states import GapReason

GONE, LOST = GapReason.GONE, GapReason.SESSION_LOST


def chain(seq: int = -1, *, lagging: bool = False, names: frozenset[str] | None = None,
          max_bytes: int = 1 << 20) -> ShardChain:  # fmt: skip
    """One that stands at a seq of epoch 1."""
    made = ShardChain(names, max_bytes)
    assert (made.seq, made.lagging, made.behind, made.wanted()) == (-1, False, 0, None)
    assert (made.finished, made.first_epoch, made.newest) == (False, None, None)
    assert made.held_bytes == 0
    made.begin(1, seq, lagging=lagging)
    assert made.finished is False
    assert made.take() == [Reached(1, seq)]
    return made


def mark(base: int, seq: int, *, epoch: int = 1, final: bool = False) -> Mark:
    return Mark(epoch, None, base, seq, [("A", seq)], final)


def reply(
    ask: RangeAsk | None, reached: int, *batches: tuple[str, Batch], end: int | None = None,
    following: int | None = None, final: bool = False, more: bool = False, away: bool = False,
) -> RangeReply:  # fmt: skip
    assert ask is not None
    return RangeReply(ask, list(batches), reached, [], more, end, following, final, away)


def batches(*drains: list[tuple[str, int, bytes]], epoch: int = 1) -> list[tuple[str, Batch]]:
    """The batches of an epoch's drains."""
    writer = ShardWriter("0" * 16, ShardState(shard_id=0, shard_count=1))
    writer.begin_epoch(epoch)
    made = []
    for message in itertools.chain.from_iterable(writer.drain(drain, 1) for drain in drains):
        found, _, payload = topic.split(message)
        made.append((found, decode_batch(payload)))
    return made


def drained(name: str, count: int, epoch: int = 1) -> list[tuple[str, Batch]]:
    """The batch of a drain with so many events, seqs from 0 on."""
    return batches([(name, seq, b"{}") for seq in range(count)], epoch=epoch)


def seqs(outputs: list[Output]) -> list[int]:
    return [event.seq for one in outputs if isinstance(one, Delivered) for event in one.events]


def test_an_answer_without_what_is_wanted_is_borne_a_few_times() -> None:
    """It may be on its way to the journal. The range that was asked for is given up, no more."""
    one = chain()
    one.mark(mark(-1, 9))
    ask = one.wanted()
    assert ask == RangeAsk(1, -1, 9)
    one.mark(mark(9, 19))
    for _ in range(PATIENCE - 1):
        one.answer(reply(ask, -1))
        assert one.take() == []
    one.answer(reply(ask, -1, more=True))
    assert one.take() == [], "one that was cut short says nothing of what follows"
    one.answer(reply(ask, -1))
    assert one.take() == [Missing(1, ("A",), 0, 9, GONE), Reached(1, 9)]
    ask = one.wanted()
    assert ask == RangeAsk(1, 9, 19)
    for _ in range(PATIENCE - 1):
        one.answer(reply(ask, 9))
        assert one.take() == [], "patience begins anew"
    one.answer(reply(ask, 9))
    assert one.take() == [Missing(1, ("A",), 10, 19, GONE), Reached(1, 19)]
    assert one.wanted() is None


def test_while_who_may_hold_it_is_away_it_is_not_gone() -> None:
    one = chain()
    one.mark(mark(-1, 9))
    for _ in range(3 * PATIENCE):
        one.answer(reply(one.wanted(), -1, away=True))
        assert one.take() == []
    assert one.wanted() == RangeAsk(1, -1, 9)
    for _ in range(PATIENCE):
        assert one.take() == [], "nor are they counted"
        one.answer(reply(one.wanted(), -1))
    assert one.take() == [Missing(1, ("A",), 0, 9, GONE), Reached(1, 9)]


def test_an_epoch_is_not_left_while_who_may_know_its_end_is_away() -> None:
    one = chain(9, lagging=True)
    for _ in range(3 * PATIENCE):
        one.answer(reply(one.wanted(), 9, following=2, away=True))
        assert one.take() == []
    one.answer(reply(one.wanted(), 12, end=12, following=2, away=True))
    assert one.take() == [
        Reached(1, 12), Missing(1, None, 13, None, LOST), Reached(2, -1)
    ]  # fmt: skip


def test_who_has_read_all_that_can_be_had_follows_live_while_somebody_is_away() -> None:
    one = chain(9, lagging=True)
    one.answer(reply(one.wanted(), 9, away=True))
    assert one.lagging is False
    assert one.wanted() is None


def test_what_was_not_known_when_it_was_asked_may_be_had() -> None:
    """An answer to what was asked before says nothing of what came since."""
    one = chain(9, lagging=True)
    ask = one.wanted()
    assert ask == RangeAsk(1, 9, None, known=9)
    one.mark(mark(9, 19))
    for _ in range(2 * PATIENCE + 1):
        one.answer(reply(ask, 9))
        assert one.lagging is False
        assert one.take() == []
    assert one.wanted() == RangeAsk(1, 9, 19)
    for _ in range(PATIENCE):
        assert one.take() == [], "nor are they counted"
        one.answer(reply(one.wanted(), 9))
    assert one.take() == [Missing(1, None, 10, 19, GONE), Reached(1, 19)]


def test_who_waits_for_an_end_has_patience_as_long_as_events_come() -> None:
    """A later epoch is known, and not where this one ends."""
    one = chain()
    one.mark(mark(-1, 9, epoch=3))
    first, *both, last = batches(
        [("A", 0, b"{}")], [("A", 1, b"{}"), ("B", 2, b"{}")], [("A", 3, b"{}")]
    )
    for drain, found in (([first], [0]), (both, [1, 2]), ([last], [3])):
        for _ in range(PATIENCE - 1):
            one.answer(reply(one.wanted(), one.seq))
            assert one.take() == []
        for name, batch in drain:
            one.batch(name, batch)
        delivered, reached = one.take()
        assert seqs([delivered]) == found
        assert reached == Reached(1, found[-1])
    for _ in range(PATIENCE):
        assert one.take() == []
        one.answer(reply(one.wanted(), 3))
    assert one.take() == [Missing(1, None, 4, None, GONE), Reached(3, -1)]


def test_what_comes_later_tells_where_this_epoch_ends() -> None:
    for later in (
        Mark(3, (1, 9), -1, 4, [("A", 4)]),
        ("A", msgspec.structs.replace(drained("A", 5, epoch=3)[0][1], before=(1, 9))),
    ):
        one = chain(5)
        if isinstance(later, Mark):
            one.mark(later)
        else:
            one.batch(*later)
        assert one.wanted() == RangeAsk(1, 5, 9)
        assert (one.first_epoch, one.newest) == (3, (3, 4))


def test_what_is_kept_of_later_epochs_is_counted() -> None:
    name, batch = drained("A", 1, epoch=3)[0]
    size = batch_bytes(batch) + 2 * NAME_BYTES
    for bound, lagging in ((size, False), (size - 1, True)):
        one = chain(max_bytes=bound)
        one.batch(name, batch)
        assert (one.held_bytes, one.lagging) == (0 if lagging else size, lagging)
        assert one.newest == (3, 0), "even where it is not kept"
        one.mark(mark(-1, 9, epoch=3))
        one.mark(mark(-1, 4, epoch=3))
        assert one.newest == (3, 9)


def test_of_two_marks_of_a_seq_that_which_says_more_is_kept() -> None:
    one = chain()
    one.mark(mark(5, 9))
    one.mark(Mark(1, None, 3, 9, [("A", 9), ("B", 5)]))
    one.mark(mark(4, 9))
    assert one.held_bytes == 3 * NAME_BYTES
    one.mark(mark(4, 8))
    assert one.held_bytes == 5 * NAME_BYTES


def test_as_much_as_the_bound_may_be_held() -> None:
    for bound, lagging in ((2 * NAME_BYTES, False), (2 * NAME_BYTES - 1, True)):
        one = chain(max_bytes=bound)
        one.mark(mark(5, 9))
        assert one.lagging is lagging


def test_the_highest_mark_that_applies_takes_the_others_with_it() -> None:
    one = chain()
    for seq in (4, 9, 7):
        one.mark(mark(-1, seq))
    one.batch(*drained("A", 10)[0])
    delivered, reached = one.take()
    assert (seqs([delivered]), reached) == ([*range(10)], Reached(1, 9))


def test_what_comes_before_the_beginning_is_kept_for_it() -> None:
    one = ShardChain(None, 1 << 20)
    name, batch = drained("A", 10)[0]
    one.batch(name, batch)
    one.mark(mark(9, 19))
    one.give_up(GONE)
    assert (one.take(), one.wanted(), one.first_epoch) == ([], None, 1)
    one.begin(1, 4)
    begun, delivered, reached = one.take()
    assert (begun, reached) == (Reached(1, 4), Reached(1, 9))
    assert seqs([delivered]) == [5, 6, 7, 8, 9]
    assert one.wanted() == RangeAsk(1, 9, 19)
    one = ShardChain(None, 100)
    one.batch(name, batch)
    assert (one.lagging, one.held_bytes, one.take()) == (True, 0, [])
    one.begin(1, 4)
    assert one.wanted() == RangeAsk(1, 4, None, known=9)


def test_what_was_delivered_before_says_nothing_more() -> None:
    one = chain()
    one.batch(*drained("A", 10)[0])
    one.take()
    one.batch(*drained("A", 10)[0])
    one.mark(mark(-1, 9))
    one.mark(mark(-1, 5))
    assert one.take() == []
    one.begin(3, -1)
    one.take()
    one.batch(*drained("A", 10)[0])
    one.mark(mark(-1, 9))
    assert (one.take(), one.wanted(), one.held_bytes) == ([], None, 0)


def test_a_gap_stands_before_the_events_of_its_first_seq() -> None:
    one = chain(names=frozenset("AB"))
    one.batch(*batches([("A", 0, b"{}"), ("B", 1, b"{}"), ("A", 2, b"{}")])[0])
    assert one.take() == []
    one.give_up(GONE)
    gap, events, reached = one.take()
    assert gap == Missing(1, ("B",), 0, 1, GONE)
    assert (seqs([events]), reached) == ([0, 2], Reached(1, 2))


def test_of_a_hole_that_has_begun_before_the_rest_is_told() -> None:
    one = chain(2)
    for name, batch in batches([("A", 0, b"{}")], [("A", 5, b"{}")])[1:]:
        one.batch(name, batch)
    out = one.take()
    assert out[0] == Missing(1, None, 3, 4, GapReason.SKIPPED)
    assert (seqs(out), out[-1]) == ([5], Reached(1, 5))


def test_what_was_known_when_all_was_asked_for_is_given_up() -> None:
    one = chain(9, lagging=True)
    one.mark(mark(9, 14))
    ask = one.wanted()
    assert ask == RangeAsk(1, 9, None, known=14)
    one.mark(mark(14, 19))
    for _ in range(PATIENCE):
        assert one.take() == []
        one.answer(reply(ask, 9))
    assert one.take() == [Missing(1, None, 10, 14, GONE), Reached(1, 14)]


def test_an_answer_about_a_range_gives_up_nothing_beyond_it() -> None:
    """What was held went over the bound while it was on its way, so that all is wanted now."""
    one = chain(9)
    one.mark(mark(9, 14))
    ask = one.wanted()
    assert ask == RangeAsk(1, 9, 14)
    for _ in range(PATIENCE - 1):
        one.answer(reply(ask, 9))
    one.mark(mark(14, 19))
    one.drop()
    one.answer(reply(ask, 9))
    assert one.take() == []
    assert one.wanted() == RangeAsk(1, 9, None, known=19)


def test_an_answer_tells_of_an_epoch_s_end() -> None:
    one = chain()
    one.mark(mark(-1, 9))
    one.answer(reply(one.wanted(), 9, *drained("A", 10), end=9))
    out = one.take()
    assert seqs(out) == [*range(10)]
    assert out[-1] == Missing(1, None, 10, None, LOST)
    assert one.finished is False


def test_an_answer_tells_of_the_end_and_of_what_follows() -> None:
    one = chain()
    one.mark(mark(-1, 9))
    ask = one.wanted()
    one.answer(reply(ask, 4, *drained("A", 5), following=3, more=True))
    assert one.wanted() == RangeAsk(1, 4, None, known=9), "where it ends is not known"
    one.answer(reply(one.wanted(), 4, following=8, more=True))
    one.answer(reply(one.wanted(), 4, end=4, more=True))
    assert one.take()[-2:] == [Missing(1, None, 5, None, LOST), Reached(3, -1)]


def test_what_no_journal_holds_is_a_gap_and_the_rest_is_delivered() -> None:
    one = chain()
    one.mark(mark(-1, 9))
    answer = reply(one.wanted(), 9, drained_at(5, 5))
    one.answer(answer._replace(gone=[(0, 4)]))
    out = one.take()
    assert out[0] == Missing(1, ("A",), 0, 4, GONE)
    assert seqs(out) == [5, 6, 7, 8, 9]


def test_an_answer_that_brings_what_was_delivered_brings_nothing() -> None:
    one = chain()
    one.batch(*drained("A", 10)[0])
    one.take()
    one.mark(mark(9, 19))
    one.answer(reply(one.wanted(), 9, *drained("A", 10)))
    assert one.take() == []
    assert one.wanted() == RangeAsk(1, 9, 19)


def test_an_answer_tells_that_the_shard_is_no_more() -> None:
    """What one answer has said, another that does not know it takes back no more."""
    one = chain()
    one.mark(mark(-1, 9))
    one.answer(reply(one.wanted(), -1, end=9, final=True, more=True))
    one.answer(reply(one.wanted(), 9, *drained("A", 10), end=9))
    assert not [gap for gap in one.take() if isinstance(gap, Missing)]
    assert one.finished


def test_an_epoch_of_which_nobody_knows_the_end_is_left() -> None:
    """With a gap in place of what is known to exist, and one for what may."""
    one = chain(lagging=True)
    one.mark(mark(-1, 9))
    one.answer(reply(one.wanted(), -1, following=3))
    assert one.take() == [
        Missing(1, None, 0, 9, GONE), Reached(1, 9), Missing(1, None, 10, None, GONE),
        Reached(3, -1),
    ]  # fmt: skip
    assert (one.epoch, one.lagging) == (3, True), "it goes on there as it did"


def test_an_epoch_that_does_not_follow_is_no_next_one() -> None:
    one = chain(5, lagging=True)
    ask = one.wanted()
    one.answer(reply(ask, 5, following=1))
    assert (one.epoch, one.lagging, one.take()) == (1, False, [])


def test_what_can_t_be_had_is_given_up_with_its_reason() -> None:
    one = chain(lagging=True)
    one.mark(mark(-1, 9))
    one.give_up(GapReason.NO_REPLAY)
    assert one.take() == [Missing(1, None, 0, 9, GapReason.NO_REPLAY), Reached(1, 9)]
    assert one.lagging is False
    assert one.wanted() is None
    one.give_up(GapReason.NO_REPLAY)
    assert one.take() == [], "nothing is wanted"


def test_a_part_of_it_may_be_given_up() -> None:
    one = chain()
    one.mark(mark(-1, 9))
    one.give_up(GONE, 4)
    assert one.take() == [Missing(1, ("A",), 0, 4, GONE), Reached(1, 4)]
    assert one.wanted() == RangeAsk(1, 4, 9)


def test_giving_up_leaves_an_epoch_that_another_has_followed() -> None:
    one = chain(5)
    one.mark(mark(-1, 9, epoch=3))
    assert one.wanted() == RangeAsk(1, 5, None, known=5)
    one.give_up(GONE)
    assert one.take() == [Missing(1, None, 6, None, GONE), Reached(3, -1)]
    assert one.wanted() == RangeAsk(3, -1, 9)


def test_giving_up_goes_on_from_a_known_end_to_the_first_later_epoch() -> None:
    """The end is known by an answer, and which epoch follows is not."""
    for at, gaps in ((4, [Missing(1, None, 5, 9, GONE), Reached(1, 9)]), (9, [])):
        one = chain(at)
        for epoch in (7, 5):
            one.mark(mark(-1, 2, epoch=epoch))
        one.answer(reply(one.wanted(), at, end=9, more=True))
        lost = Missing(1, None, 10, None, LOST)
        said = [lost] if at == 9 else []
        assert one.take() == said, "that it ended is said once"
        one.give_up(GONE)
        assert one.take() == [*gaps, *([] if said else [lost]), Reached(5, -1)]


def test_too_much_that_is_held_is_let_go_and_asked_for() -> None:
    one = chain(names=frozenset("A"), max_bytes=4000)
    for times in (1, 2):
        before = one.seq
        one.batch(*drained_at(before + 5, 20))
        assert (one.overflows, one.lagging, one.held_bytes) == (times, True, 0)
        ask = one.wanted()
        assert ask == RangeAsk(1, before, None, known=before + 24)
        one.answer(reply(ask, before + 24))
        assert (one.seq, one.lagging) == (before + 24, False)
    one.take()
    one.batch(*drained_at(one.seq + 1, 1, name="B"))
    assert seqs(one.take()) == [], "it is not subscribed to"


def drained_at(first: int, count: int, name: str = "A") -> tuple[str, Batch]:
    """A batch of so many events from a seq on, which does not know what lies before."""
    state = ShardState(shard_id=0, shard_count=1)
    writer = ShardWriter("0" * 16, state)
    writer.begin_epoch(1)
    writer.drain([(name, seq, b"{}") for seq in range(first)], 1)
    (message,) = writer.drain([(name, seq, b"{}") for seq in range(first, first + count)], 1)
    found, _, payload = topic.split(message)
    return found, decode_batch(payload)


def test_what_follows_is_delivered_at_once_and_says_so() -> None:
    one = chain()
    for seq in range(3):
        assert one.batch(*drained_at(seq, 1))
        assert seqs(one.take()) == [seq]
    assert not one.batch(*drained_at(2, 1)), "what was delivered"
    one.mark(mark(2, 3))
    assert not one.batch(*drained_at(3, 1)), "the watermark said that it was missing"
    assert seqs(one.take()) == [3]
    assert one.batch(*drained_at(4, 1)), "nothing is missing any more"
    one.fall_behind()
    assert one.wanted() == RangeAsk(1, 4, None, 4)
    assert not one.batch(*drained_at(5, 1)), "everything is asked for"
    assert seqs(one.take()) == [4]


def test_what_reaches_the_end_that_an_answer_told_of_ends_the_epoch() -> None:
    one = chain(4, lagging=True)
    one.answer(reply(one.wanted(), 4, end=5))
    assert not one.batch(*drained_at(5, 1))
    assert one.take()[1:] == [Reached(1, 5), Missing(1, None, 6, None, LOST)]


def test_once_a_later_epoch_was_heard_of_this_ones_end_is_wanted() -> None:
    one = chain(4)
    assert not one.batch(*drained("A", 1, epoch=2)[0])
    assert one.take() == []
    assert not one.batch(*drained_at(5, 1)), "who asks is to know"
    assert seqs(one.take()) == [5]
    assert one.wanted() == RangeAsk(1, 5, None, 5)
