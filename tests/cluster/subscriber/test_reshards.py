"""Shard counts that follow each other, as a subscriber hears of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cluster.subscriber.chain import Event
from cluster.subscriber.reshards import (
    JOINED_SECONDS,
    KEEP_SECONDS,
    MOST,
    QUIET_SECONDS,
    Reshards,
)
from cluster.subscriber.start_positions import READ_AGAIN, starts, taken_back
from cluster.wire import reshard, topic
from cluster.wire.batch import FORMAT, RESHARDED
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.position import WHOLE, Saved, SavedShard, ShardKey
from cluster.wire.replay import HeadRow, HeadsAnswer
from cluster.wire.shard_state import Public, ShardState
from cluster.wire.states import HeadState, ReshardStage
from coordinator.replay.answers import head_state

S = 1_000_000_000
STORE = "store"


OLD, NEW = 4, 8


def event(count: int, data: str, at_ns: int = 0) -> Event:
    return Event.make("A", 0, count, 1, 0, data.encode(), at_ns, STORE)


def announcement(
    old_count: int = OLD, new_count: int = NEW, stage: Any = ReshardStage.OVERLAP
) -> reshard.Reshard:
    return reshard.Reshard(FORMAT, STORE, old_count, new_count, 10 * S, stage, 0)


class Clock:
    """Ticks of a subscriber: its own clock and the counts that it reads."""

    def __init__(self, reshards: Reshards, *present: int) -> None:
        self.reshards = reshards
        self.present = set(present)
        self.behind: set[int] = set()
        self.now = 1e6

    def tick(self, seconds: float = 0.05, *heard: int) -> None:
        for count in heard:
            self.reshards.heard(count)
        self.now += seconds
        self.reshards.tick(self.now, self.present, self.behind.__contains__)

    def run(self, seconds: int, *heard: int) -> None:
        """Let seconds pass in each of which these counts are heard."""
        for _ in range(seconds):
            self.tick(1.0, *heard)


def test_the_new_count_waits_until_all_of_the_old_one_was_read() -> None:
    reshards = Reshards()
    reshards.announced(announcement(stage=ReshardStage.PREPARING))
    clock = Clock(reshards, OLD, NEW)
    clock.tick()
    assert (reshards.waits(NEW), reshards.waits(OLD)) == (True, False)
    assert reshards.is_waited_for(OLD)
    both = [event(OLD, "x")]
    assert reshards.fresh(both) is both
    clock.present = {NEW}
    clock.tick()
    assert not reshards.waits(NEW)
    assert reshards.fresh([event(NEW, "x")]) == []
    new = [event(NEW, "y")]
    assert reshards.fresh(new) is new, "nothing was left out"


def test_an_old_count_of_which_nothing_came_yet_is_not_over() -> None:
    reshards = Reshards()
    reshards.announced(announcement())
    clock = Clock(reshards, NEW)
    clock.tick(0.05, NEW)
    assert reshards.waits(NEW)


def test_the_next_to_follow_waits_for_the_one_that_waits() -> None:
    reshards = Reshards()
    reshards.announced(announcement(2, 4))
    reshards.announced(announcement(4, 3))
    clock = Clock(reshards, 2, 4, 3)
    clock.tick()
    assert (reshards.waits(4), reshards.waits(3)) == (True, True)
    reshards.fresh([event(2, "x")])
    clock.present = {4, 3}
    clock.tick()
    assert (reshards.waits(4), reshards.waits(3)) == (False, True)
    assert reshards.fresh([event(4, "x")]) == []
    clock.present = {3}
    clock.tick()
    assert not reshards.waits(3)
    assert reshards.fresh([event(3, "x")]) == [], "the one before had it, if it gave it out or not"


def test_announcements_go_on_after_the_old_count_is_over() -> None:
    """The last of them may come when the old shards' ends have come."""
    reshards = Reshards()
    clock = Clock(reshards, OLD, NEW)
    reshards.announced(announcement())
    clock.tick()
    clock.present = {NEW}
    clock.tick()
    reshards.announced(announcement())
    reshards.announced(announcement(stage=ReshardStage.DONE))
    clock.tick()
    assert not reshards.waits(NEW)
    reshards.announced(announcement(stage=ReshardStage.PREPARING))
    assert reshards.waits(NEW), "the same once more, after another one"


def test_a_count_without_an_end_is_over_when_the_coordinator_says_so_and_it_was_read() -> None:
    reshards = Reshards()
    clock = Clock(reshards, OLD, NEW)
    reshards.announced(announcement())
    reshards.announced(announcement(stage=ReshardStage.DONE))
    clock.behind = {OLD}
    clock.run(60, NEW)
    assert reshards.waits(NEW)
    clock.behind = set()
    clock.tick()
    assert not reshards.waits(NEW)


def test_a_count_without_an_end_is_over_when_it_is_silent_while_others_are_heard() -> None:
    reshards = Reshards()
    clock = Clock(reshards, OLD, NEW)
    reshards.announced(announcement())
    clock.run(60, OLD, NEW)  # the coordinator is gone, and the old shards go on
    assert reshards.waits(NEW)
    clock.run(60)  # the hub is away
    clock.tick(60.0, NEW)
    clock.run(int(QUIET_SECONDS) - 2, NEW)
    assert reshards.waits(NEW)
    clock.run(3, NEW)
    assert not reshards.waits(NEW)


def test_one_that_the_journals_alone_know_is_waited_for_as_long_as_announcements_take() -> None:
    reshards = Reshards()
    clock = Clock(reshards, OLD, NEW)
    reshards.learn([row(OLD), row(NEW, old_count=OLD)], {OLD, NEW})
    clock.run(int(JOINED_SECONDS), NEW)
    assert reshards.waits(NEW)
    clock.run(2, NEW)
    assert not reshards.waits(NEW)


def test_one_that_was_given_up_is_forgotten() -> None:
    reshards = Reshards()
    clock = Clock(reshards, OLD)
    reshards.announced(announcement(stage=ReshardStage.PREPARING))
    clock.run(60)  # the hub is away: so may be who announces
    assert reshards.overlaps
    clock.run(int(QUIET_SECONDS) + 2, OLD)
    assert reshards.overlaps == []


def test_one_that_was_taken_back_is_forgotten() -> None:
    reshards = Reshards()
    reshards.announced(announcement(2, 4))
    reshards.announced(announcement(4, 8))
    reshards.taken_back(8)
    assert (reshards.waits(4), reshards.waits(8)) == (True, False)


def test_what_is_over_is_compared_for_a_while_and_as_long_as_anything_is_behind() -> None:
    reshards = Reshards()
    clock = Clock(reshards, OLD, NEW)
    reshards.announced(announcement())
    clock.tick()
    reshards.fresh([event(OLD, "x", S)])
    clock.present, clock.behind = {NEW}, {NEW}
    clock.tick()
    clock.tick(KEEP_SECONDS + 1.0, NEW)
    assert reshards.fresh([event(NEW, "x", 2 * S)]) == []
    clock.behind = set()
    clock.tick()
    assert reshards.overlaps == []


def test_of_two_that_have_followed_each_other_the_later_one_waits() -> None:
    """4 shards, 8, and 4 again: what the first four had is past."""
    reshards = Reshards()
    rows = [row(8, old_count=4, since_ns=S), row(4, old_count=8, since_ns=2 * S)]
    reshards.learn(rows, {4, 8})
    assert (reshards.waits(4), reshards.waits(8)) == (True, False)
    assert [overlap.dedup.since_ns for overlap in reshards.overlaps] == [2 * S]


def test_what_is_not_read_is_not_waited_for() -> None:
    reshards = Reshards()
    reshards.learn([row(OLD), row(NEW, old_count=OLD)], {NEW})
    assert reshards.known
    assert reshards.overlaps == []


HELD = HeadState.HELD


def test_one_that_is_prepared_is_remembered_for_before_it_is_announced() -> None:
    """What comes of the old count until then may lie behind the place from which the new one's
    events count."""
    reshards = Reshards()
    clock = Clock(reshards, OLD)
    rows = [row(OLD), row(NEW, old_count=OLD, since_ns=0, state=HELD)]
    reshards.learn(rows, {OLD, NEW})
    assert reshards.overlaps == []
    reshards.prepared(rows, {OLD})
    reshards.prepared(rows, {OLD})
    (overlap,) = reshards.overlaps
    clock.run(int(QUIET_SECONDS) - 1, OLD)
    assert reshards.fresh([event(OLD, "x", S)])
    reshards.announced(announcement())
    clock.present = {OLD, NEW}
    clock.run(60, OLD, NEW)
    assert (reshards.overlaps, reshards.waits(NEW)) == ([overlap], True)
    clock.present = {NEW}
    clock.tick()
    assert reshards.fresh([event(NEW, "x", S)]) == []


def test_one_that_was_prepared_and_is_not_announced_is_forgotten() -> None:
    """All of its workers were killed, and nobody is left to write that it was taken back."""
    reshards = Reshards()
    clock = Clock(reshards, OLD)
    reshards.prepared([row(OLD), row(NEW, old_count=OLD, since_ns=0, state=HELD)], {OLD})
    clock.run(int(QUIET_SECONDS) + 2, OLD)
    assert reshards.overlaps == []


def test_what_is_prepared_beside_another_count_is_no_matter_here() -> None:
    reshards = Reshards()
    reshards.prepared([row(NEW), row(9, old_count=8, since_ns=0, state=HELD)], {OLD})
    assert reshards.overlaps == []


def test_words_without_end_are_bounded() -> None:
    reshards = Reshards()
    for count in range(1, 100):
        reshards.announced(announcement(count, count + 1))
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


def row(
    count: int, old_count: int = 0, since_ns: int = S, state: HeadState = HeadState.NONE
) -> HeadRow:
    public = Public(1, 100, since_ns, old_count, 10 * S) if old_count else None
    return HeadRow(count, 0, 1, 900, (1, 0), public, state)


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


RETIRED = HeadState.RETIRED


@pytest.mark.parametrize(
    ("rows", "counts"),
    [
        ([row(4), row(8, 4)], set()),
        ([row(4), row(8, 4, state=RETIRED)], {8}),
        ([row(4, state=RETIRED), row(8, 4)], set()),
        ([row(4, state=RETIRED), row(8, 4, state=RETIRED), row(3, 8)], set()),
        ([row(4), row(8, 4, state=RETIRED), row(3, 8)], set()),  # 4 has left no end
        ([row(4, 8), row(8, 4, state=RETIRED)], set()),
        ([row(4), row(8, 4, state=RETIRED), row(8, 4)], set()),
        ([row(4), row(8, 4, state=RETIRED), row(3, 8, state=HELD)], {8}),
    ],
)
def test_which_counts_were_taken_back(rows: list[HeadRow], counts: set[int]) -> None:
    assert taken_back(rows) == counts


def test_nothing_is_read_of_a_count_that_was_taken_back() -> None:
    found = starts(heads(row(4), row(8, 4, state=RETIRED)), None, oldest=True)
    assert [start.key for start in found.shards] == [(4, 0)]


def follower(shard_id: int, events: int) -> HeadRow:
    return HeadRow(8, shard_id, 1, 100 + events, (1, 0), Public(1, 100, S, 4, 10 * S))


@pytest.mark.parametrize(
    ("place", "oldest", "begun", "again"),
    [
        (5000, 0, None, 5000 - 2 * 100 - READ_AGAIN),  # shard 1 of 8 has none of its guilds
        (5000, 4500, None, 4499),
        (5000, 0, 150, 5000 - 2 * 100 - READ_AGAIN),
        (WHOLE, 0, None, 9000 - 2 * 100 - READ_AGAIN),
        (WHOLE, 0, 100, 9000 - 2 * 100 - READ_AGAIN),
        (WHOLE, 0, 150, None),  # the new shard was read, so it knew what it is not to bring
        (900, 0, None, -1),
    ],
)
def test_how_much_of_the_old_count_is_read_once_more(
    place: int, oldest: int, begun: int | None, again: int | None
) -> None:
    saved = Saved(STORE, [SavedShard(4, 0, 1, place)])
    if begun is not None:
        saved.shards.append(SavedShard(8, 0, 1, begun))
        saved.shards.append(SavedShard(8, 1, 1, begun))
    rows = [HeadRow(4, 0, 1, 9000, (1, oldest)), follower(0, 100), follower(1, 5000)]
    found = starts(heads(*rows), saved, oldest=False)
    begins = {start.key: start for start in found.shards}
    if again is None:
        assert (4, 0) not in begins
        assert found.whole == {(4, 0): (1, WHOLE)}
    else:
        assert begins[ShardKey(4, 0)] == (ShardKey(4, 0), 1, again, True, (1, place))
        assert found.whole == {}


def test_guilds_of_one_new_shard_are_not_all_taken_for_one_old_shard_s() -> None:
    """Two of 4 shards have the guilds of shard 0 of 6: twice the usual share counts at most."""
    public = Public(1, 100, S, 4, 10 * S)
    new = [HeadRow(6, shard, 1, 100 + 2000 * (shard == 0), (1, 0), public) for shard in range(6)]
    saved = Saved(STORE, [SavedShard(4, 0, 1, 5000)])
    found = starts(heads(HeadRow(4, 0, 1, 9000, (1, 0)), *new), saved, oldest=False)
    begins = {start.key: start.seq for start in found.shards}
    assert begins[ShardKey(4, 0)] == 5000 - 2 * 1000 - READ_AGAIN


def test_of_an_epoch_that_is_past_nothing_is_read_once_more() -> None:
    """The saved place is of the epoch before: a seq of it says nothing in the next one."""
    rows = [HeadRow(4, 0, 2, 9000, (1, 0)), follower(0, 100), follower(1, 5000)]
    found = starts(heads(*rows), Saved(STORE, [SavedShard(4, 0, 1, 5000)]), oldest=False)
    begins = {start.key: start for start in found.shards}
    assert begins[ShardKey(4, 0)] == (ShardKey(4, 0), 1, 5000, True, None)


def test_a_saved_count_that_none_has_followed_is_read_from_its_place() -> None:
    saved = Saved(STORE, [SavedShard(4, 0, 1, 500)])
    (start,) = starts(heads(row(4)), saved, oldest=False).shards
    assert start == (ShardKey(4, 0), 1, 500, True, None)
