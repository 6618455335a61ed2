"""Shard counts that follow each other, as a subscriber hears of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster.subscriber.chain import Event
from cluster.subscriber.reshards import FORGET_NS, MOST, Reshards
from cluster.subscriber.start_positions import starts
from cluster.wire import reshard, topic
from cluster.wire.batch import FORMAT, RESHARDED
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import WHOLE, Saved, SavedShard
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.shard_state import Public, ShardState
from cluster.wire.states import HeadState
from coordinator.replay.answers import head_state

S = 1_000_000_000
STORE = "store"


def event(count: int, data: str, at_ns: int) -> Event:
    return Event.make("A", 0, count, 1, 0, data.encode(), at_ns, STORE)


def announcement(old_count: int, new_count: int, stage: Any = "overlap") -> reshard.Reshard:
    return reshard.Reshard(FORMAT, STORE, old_count, new_count, 10 * S, stage, 0)


def test_while_nothing_is_read_nothing_is_forgotten() -> None:
    reshards = Reshards()
    reshards.announced(announcement(4, 8), 0)
    assert reshards.takes(event(4, "x", S))
    reshards.announced(announcement(4, 8), 20 * S)
    reshards.tick(22 * S, lagging=True)
    assert not reshards.takes(event(8, "x", S + 1))
    assert reshards.takes(event(4, "y", 2 * S))
    reshards.tick(60 * S, lagging=False)
    assert reshards.takes(event(8, "y", 2 * S)), "too old to be had again"


def test_one_that_was_given_up_is_forgotten() -> None:
    reshards = Reshards()
    reshards.announced(announcement(4, 8, "preparing"), 0)
    reshards.tick(FORGET_NS + 1, lagging=False)
    assert reshards.overlaps == []


def test_one_that_was_taken_back_is_forgotten() -> None:
    reshards = Reshards()
    reshards.announced(announcement(4, 8), 0)
    reshards.takes(event(8, "x", S))
    reshards.takes(event(4, "y", S))
    reshards.finished(left={4}, now_ns=2 * S)
    reshards.tick(2 * S, lagging=True)
    assert not reshards.takes(event(4, "x", S)), "it is still being replayed"
    reshards.tick(3 * S, lagging=False)
    assert reshards.overlaps == []


def test_what_the_old_count_delivered_last_ends_the_overlap() -> None:
    """However late that is read."""
    reshards = Reshards()
    reshards.announced(announcement(4, 8), 0)
    reshards.takes(event(4, "x", S))
    reshards.takes(event(8, "y", S))
    reshards.epoch_ended(4, 2 * S)
    reshards.finished(left={4, 8}, now_ns=50 * S)
    reshards.tick(60 * S, lagging=False)
    assert len(reshards.overlaps) == 1, "not all of the old count was delivered"
    reshards.finished(left={8}, now_ns=59 * S)
    reshards.tick(60 * S, lagging=False)
    assert reshards.overlaps == []


def test_one_of_which_nothing_new_has_come_is_not_taken_back() -> None:
    reshards = Reshards()
    reshards.announced(announcement(4, 8), 0)
    reshards.finished(left={4}, now_ns=S)
    reshards.tick(S, lagging=False)
    assert len(reshards.overlaps) == 1


def test_words_without_end_are_bounded() -> None:
    reshards = Reshards()
    for count in range(1, 100):
        reshards.announced(announcement(count, count + 1), 0)
    assert len(reshards.overlaps) == MOST
    assert reshards.overlaps[-1].new_count == 100


@pytest.mark.parametrize(
    "fields",
    [[-5, 8, S, "done", 0], [4, 0, S, "done", 0], [4, 8, -1, "done", 0], [4, 8, S, "x", 0]],
)
def test_a_word_out_of_range_is_refused(fields: list[Any]) -> None:
    with pytest.raises(topic.WireError):
        reshard.decode(msgspec.msgpack.encode([FORMAT, STORE, *fields]))


def heads(*rows: HeadRow) -> HeadsAnswer:
    return HeadsAnswer(id=1, cluster=STORE, shards=list(rows))


NOW_IN_FORCE = HeadRow(8, 0, 1, 900, (1, 0), Public(1, 100, 5 * S, 4, 10 * S))


def test_a_saved_place_in_a_count_that_is_prepared_again_is_said_to_be_gone() -> None:
    saved = Saved(STORE, [SavedShard(4, 0, 1, 50)])
    found = starts(
        heads(HeadRow(4, 0, 2, 30, (1, 0), None, HeadState.HELD), NOW_IN_FORCE), saved, oldest=False
    )
    assert [start.key for start in found.shards] == [(8, 0)]
    assert [(gap.shard_count, gap.epoch, gap.first) for gap in found.gaps] == [(4, 1, 51)]


def test_what_was_handled_whole_stays_so_while_its_count_is_prepared_again() -> None:
    saved = Saved(STORE, [SavedShard(4, 0, 1, WHOLE)])
    found = starts(heads(HeadRow(4, 0, 2, 30, (1, 0), None, HeadState.HELD)), saved, oldest=False)
    assert (found.shards, found.gaps, found.whole) == ([], [], {(4, 0): (1, WHOLE)})


def test_a_count_that_never_came_into_force_is_retired_and_nothing_of_it_is_read() -> None:
    state = ShardState(shard_id=0, shard_count=8, epoch=1, seq=70, held=4)
    ShardWriter(STORE, state).end_epoch(RESHARDED, S)
    assert (head_state(state), state.held) == (HeadState.RETIRED, 0)
    row = HeadRow(8, 0, state.epoch, state.seq, (1, 0), state.public, head_state(state))
    (start,) = starts(heads(row), None, oldest=True).shards
    assert (start.epoch, start.seq) == (1, 70)
