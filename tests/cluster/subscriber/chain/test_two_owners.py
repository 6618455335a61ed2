"""What a chain makes of an owner that was taken for lost and goes on sending, by example."""

from __future__ import annotations

from cluster.subscriber.chain import Mark, Missing, RangeAsk, Reached, ShardChain
from cluster.subscriber.chain.chain_set import ChainSet
from cluster.wire.batch import Batch, encode_hole
from cluster.wire.position import ShardKey
from cluster.wire.states import GapReason
from tests.cluster.subscriber.chain.test_asking import batches, chain, drained, mark, reply, seqs

LOST, SKIPPED = GapReason.SESSION_LOST, GapReason.SKIPPED


def at(*seqs: int, epoch: int = 1) -> tuple[str, Batch]:
    """The last of the batches of one event each, at these seqs."""
    return batches(*([("A", seq, b"{}")] for seq in seqs), epoch=epoch)[-1]


def following(epoch: int, before: tuple[int, int]) -> Mark:
    return Mark(epoch, before, -1, 0, [("A", 0)])


def test_what_an_older_epoch_still_sends_is_left_out_and_counted() -> None:
    one = chain(9)
    one.mark(following(2, (1, 9)))
    assert one.take() == [Missing(1, None, 10, None, LOST), Reached(2, -1)]
    one.batch(*at(*range(15)))
    one.mark(mark(9, 20))
    one.mark(mark(9, 25, final=True))
    assert (one.epoch, one.fenced) == (2, 3)
    assert one.take() == []
    assert one.wanted() == RangeAsk(2, -1, 0), "what it lacks is the same"


def test_a_place_that_was_passed_moves_nothing() -> None:
    one = chain()
    one.batch(*drained("A", 10)[0])
    one.take()
    one.batch(*drained("A", 5)[0])
    one.mark(mark(-1, 4))
    assert one.take() == []
    assert (one.seq, one.behind, one.wanted(), one.held_bytes) == (9, 0, None, 0)


def test_an_end_below_what_is_known_is_that_of_an_owner() -> None:
    one = chain()
    one.batch(*drained("A", 10)[0])
    assert seqs(one.take()) == [*range(10)]
    one.mark(mark(-1, 5, final=True))
    assert one.take() == [], "no session was lost"
    assert one.fenced == 1
    one.batch(*at(*range(11)))
    assert seqs(one.take()) == [10]


def test_an_epoch_goes_on_beyond_an_end_that_was_told() -> None:
    one = chain()
    one.batch(*drained("A", 5)[0])
    one.mark(mark(-1, 4, final=True))
    assert one.take()[-1] == Missing(1, None, 5, None, LOST)
    late = at(*range(8))
    one.batch(*late)
    assert one.wanted() == RangeAsk(1, 4, 7), "what came before it is asked for"
    for name, batch in batches(*([("A", seq, b"{}")] for seq in range(7))):
        one.batch(name, batch)
    out = one.take()
    assert seqs(out) == [5, 6, 7]
    one.mark(mark(4, 7, final=True))
    assert one.take() == [Missing(1, None, 8, None, LOST)], "the session is lost only now"
    one.mark(following(2, (1, 7)))
    assert one.take() == [Reached(2, -1)], "which was told"


def test_an_answer_s_end_below_what_is_known_is_that_of_an_owner() -> None:
    one = chain()
    one.batch(*drained("A", 10)[0])
    one.batch(*at(*range(13)))
    one.take()
    one.answer(reply(one.wanted(), 9, end=9))
    assert one.take() == []
    assert one.wanted() == RangeAsk(1, 9, 12)


def test_where_an_epoch_ended_the_next_one_says() -> None:
    one = chain()
    one.mark(mark(-1, 12))
    one.mark(following(2, (1, 9)))
    one.mark(mark(-1, 5, final=True))
    one.batch(*at(*range(12)))
    one.mark(mark(9, 14))
    one.mark(mark(-1, 14, final=True))
    assert one.fenced == 4
    assert one.wanted() == RangeAsk(1, -1, 9)
    one.answer(reply(one.wanted(), 4, *drained("A", 5), end=7, following=2, more=True))
    assert one.wanted() == RangeAsk(1, 4, 9), "and no journal of another owner"


def test_of_two_that_follow_the_newest_owner_s_counts() -> None:
    one = chain()
    one.mark(mark(-1, 12))
    one.mark(following(3, (1, 9)))
    one.mark(following(2, (1, 12)))
    one.answer(reply(one.wanted(), 9, *drained("A", 10)))
    assert one.take()[-2:] == [Missing(1, None, 10, None, LOST), Reached(3, -1)]


def test_what_one_owner_has_is_not_skipped_though_it_was_for_another() -> None:
    one = chain()
    one.batch(*at(0, 1, 2, 3))
    hole = batches([("A", 0, b"{}")], [("_hole", 3, encode_hole(1, 3))])[-1]
    one.batch(*hole)
    assert one.take() == []
    one.mark(Mark(1, None, -1, 3, [("A", 3), ("_hole", 3)]))
    one.answer(reply(one.wanted(), 0, at(0)))
    one.give_up(GapReason.GONE)
    gaps = [item for item in one.take() if isinstance(item, Missing)]
    assert not [gap for gap in gaps if gap.reason is SKIPPED and gap.last == 3]


def test_a_retired_shard_ends_where_all_is_that_is_known() -> None:
    one = chain()
    one.mark(mark(-1, 12))
    one.mark(mark(-1, 9, final=True)._replace(retired=True))
    assert one.wanted() == RangeAsk(1, -1, 12)
    one.answer(reply(one.wanted(), 12, *drained("A", 13)))
    assert one.finished
    one.batch(*at(*range(15)))
    assert (one.finished, one.fenced) == (True, 1)
    assert seqs(one.take()) == [*range(13)]


def test_the_furthest_place_is_the_newest_that_anybody_has_told() -> None:
    assert ShardChain(None, 1).furthest == (0, -1)
    one = chain(4)
    assert one.furthest == (1, 4)
    one.mark(mark(4, 9))
    assert one.furthest == (1, 9)
    one.mark(Mark(3, None, -1, 2, []))
    assert one.furthest == (3, 2)


def test_what_all_have_left_out_is_counted_though_some_are_no_more() -> None:
    chains = ChainSet(None, 1 << 20)
    keys = ShardKey(2, 0), ShardKey(2, 1)
    for key in keys:
        one = chains.get(key)
        one.begin(2, -1)
        one.mark(mark(-1, 5))
    assert chains.fenced == 2
    chains.drop(keys[0])
    assert chains.fenced == 2
    chains.clear()
    assert chains.fenced == 2
