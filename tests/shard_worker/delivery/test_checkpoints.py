"""What the coordinator is told of a host's shards, and what of it is known to have arrived."""

from __future__ import annotations

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from cluster.wire.link import Report, ShardCounts, ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import Public, ShardState
from cluster.wire.states import SessionState
from coordinator.hosts.checkpoints import Checkpoints as Kept
from shard_worker.delivery.checkpoints import MESSAGE_BYTES, UNANSWERED, Checkpoints

COUNT = 4
States = dict[ShardKey, ShardState]


def states_of(*found: ShardState) -> States:
    return {ShardKey(COUNT, state.shard_id): state for state in found}


def at(shard_id: int, epoch: int, seq: int, **more: object) -> ShardState:
    fields = {"shard_id": shard_id, "shard_count": COUNT, "epoch": epoch, "seq": seq} | more
    return msgspec.convert(fields, ShardState)


def report(
    number: int, *told: ShardState, has: list[int] | None = None, counts: bool = False
) -> Report:
    """Return a report that tells of these shards; counts: only what events have moved."""
    rows = [
        ShardReport(
            shard_id=s.shard_id, state=SessionState.READY, epoch=s.epoch, seq=s.seq, events=1
        )
        for s in told
    ]
    moved = [ShardCounts(s.shard_id, s.seq, 1, None) for s in told]
    return Report(
        slot=0, number=number, has=has or [s.shard_id for s in told], cpu_seconds=0, rss_bytes=0,
        events=0, journal_bytes=0, journal_seconds=None, journalling=True, unpublished=0,
        shards=[] if counts else rows, counts=moved if counts else [],
    )  # fmt: skip


def tell(checkpoints: Checkpoints, said: Report, states: States) -> list[int]:
    """Tell all that a report needs, and it; return the shards whose states were told."""
    told = [state.shard_id for some in checkpoints.due(said, states) for state in some]
    checkpoints.reported(said, states)
    return told


def test_a_state_is_told_once_and_again_when_more_than_its_seq_has_changed() -> None:
    checkpoints, shard = Checkpoints(COUNT), at(1, 7, 10)
    checkpoints.take(1)
    states = states_of(shard)
    assert tell(checkpoints, report(1, shard), states) == [1]
    shard.seq = 20
    assert tell(checkpoints, report(2, shard), states) == []
    shard.ended = True
    assert tell(checkpoints, report(3, shard), states) == [1]
    shard.epoch, shard.seq, shard.ended, shard.held = 8, 1, False, 2
    assert tell(checkpoints, report(4, shard), states) == [1]
    shard.held, shard.public = 0, Public(8, 1, 5, 2, 9)
    assert tell(checkpoints, report(5, shard), states) == [1]
    assert tell(checkpoints, report(6, shard), states) == []
    checkpoints.renew([1])
    assert tell(checkpoints, report(7, shard), states) == [1]


def test_a_shard_that_never_had_a_session_has_no_state_to_tell() -> None:
    checkpoints = Checkpoints(COUNT)
    checkpoints.take(1)
    checkpoints.take(2)
    assert tell(checkpoints, report(1, at(1, 0, -1)), states_of(at(1, 0, -1))) == []


def test_where_another_worker_left_a_shard_is_told_to_each_coordinator_until_it_comes_back() -> (
    None
):
    checkpoints, shard = Checkpoints(COUNT), at(1, 7, 10)
    states = states_of(shard)
    checkpoints.take(1)
    tell(checkpoints, report(1, shard), states)
    checkpoints.release(1)
    assert tell(checkpoints, report(2), states) == [1]
    assert tell(checkpoints, report(3), states) == []
    checkpoints.renew_all([])
    assert tell(checkpoints, report(4), states) == [1]
    checkpoints.take(1)
    tell(checkpoints, report(5, shard), states)
    checkpoints.renew_all([])
    assert tell(checkpoints, report(6), states) == []


def test_what_nobody_took_is_told_again() -> None:
    checkpoints, shard = Checkpoints(COUNT), at(1, 7, 10)
    checkpoints.take(1)
    states, said = states_of(shard), report(1, shard)
    assert next(iter(checkpoints.due(said, states))) == [shard], "and there was no link"
    assert tell(checkpoints, report(2), states) == [1]


def test_what_is_known_is_what_an_answered_report_told_of_the_epoch() -> None:
    checkpoints, shard = Checkpoints(COUNT), at(1, 7, 10)
    states = states_of(shard)
    checkpoints.take(1)
    assert checkpoints.known_seq(1, 7) == -1
    tell(checkpoints, report(1, shard), states)
    assert checkpoints.known_seq(1, 7) == -1
    shard.seq = 20
    tell(checkpoints, report(2, shard, counts=True), states)
    checkpoints.answered(1)
    assert (checkpoints.known_seq(1, 7), checkpoints.known_seq(1, 8)) == (10, -1)
    checkpoints.answered(3)
    assert checkpoints.known_seq(1, 7) == 10, "that of an answered one after it is not"
    shard.seq = 30
    tell(checkpoints, report(4, shard, counts=True), states)
    checkpoints.answered(4)
    assert checkpoints.known_seq(1, 7) == 30
    checkpoints.answered(4)
    assert checkpoints.known_seq(1, 7) == 30


def test_a_state_that_the_coordinator_lacks_is_told_again_with_all_that_a_report_tells() -> None:
    checkpoints, shard, other = Checkpoints(COUNT), at(1, 7, 10), at(2, 3, 5)
    states = states_of(shard, other, at(3, 1, 1, ended=True))
    for shard_id in (1, 2, 3):
        checkpoints.take(shard_id)
    assert list(checkpoints.untold([0, 1, 2, 3], states)) == [1, 2]
    tell(checkpoints, report(1, shard, other), states)
    checkpoints.answered(1, [2])
    assert list(checkpoints.untold([1, 2], states)) == [2]
    assert (checkpoints.known_seq(1, 7), checkpoints.known_seq(2, 3)) == (10, -1)
    assert tell(checkpoints, report(2, shard, other), states) == [2]
    checkpoints.answered(2)
    assert list(checkpoints.untold([1, 2], states)) == []
    tell(checkpoints, report(3, shard, counts=True), states)
    checkpoints.answered(3, [1])
    assert list(checkpoints.untold([1, 2], states)) == [1], "another coordinator, by now"
    shard.epoch, shard.seq = 8, 1
    assert checkpoints.known_seq(1, 7) == 10


def test_a_session_that_is_not_journalled_is_not_told_by_its_report() -> None:
    """IDENTIFY is sent as the next epoch, whose READY may never come."""
    checkpoints, journalled = Checkpoints(COUNT), at(1, 7, 10, ended=True)
    checkpoints.take(1)
    said = report(1, at(1, 8, -1))
    tell(checkpoints, said, states_of(journalled))
    checkpoints.answered(1)
    assert checkpoints.known_seq(1, 8) == checkpoints.known_seq(1, 7) == -1


def test_reports_that_nobody_answers_are_not_kept_for_ever() -> None:
    checkpoints, shard = Checkpoints(COUNT), at(1, 7, 10)
    checkpoints.take(1)
    for number in range(1, UNANSWERED + 2):
        tell(checkpoints, report(number, shard), states_of(shard))
    checkpoints.answered(1)
    assert checkpoints.known_seq(1, 7) == -1
    checkpoints.answered(2)
    assert checkpoints.known_seq(1, 7) == 10


def test_messages_are_bounded() -> None:
    checkpoints = Checkpoints(300)
    names = {f"EVENT_OF_SOME_LENGTH_{n}": n for n in range(200)}
    states = {
        ShardKey(300, n): ShardState(shard_id=n, shard_count=300, epoch=1, last=dict(names))
        for n in range(299)
    }
    huge = {f"{n:0>1000}": n for n in range(400)}
    states[ShardKey(300, 299)] = ShardState(shard_id=299, shard_count=300, epoch=1, last=huge)
    for n in range(300):
        checkpoints.take(n)
    messages = list(checkpoints.due(report(1), states))
    assert [state.shard_id for some in messages for state in some] == list(range(300))
    assert len(messages) > 2
    sizes = [sum(len(msgspec.msgpack.encode(state)) for state in some) for some in messages]
    assert all(size <= MESSAGE_BYTES for size in sizes[:-1])
    assert len(messages[-1]) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["events", "epoch", "end", "report", "report", "answer"]),
            st.integers(0, 1),
            st.booleans(),
        ),
        max_size=60,
    )
)
def test_no_more_is_taken_for_known_than_the_coordinator_knows(
    steps: list[tuple[str, int, bool]],
) -> None:
    """Whatever states and reports the way loses."""
    checkpoints, coordinator = Checkpoints(COUNT), Kept()
    journal = states_of(at(0, 0, -1), at(1, 0, -1))
    answers: list[tuple[int, list[int]]] = []
    news, whole, number = set[int](), {0, 1}, 0
    for shard_id in (0, 1):
        checkpoints.take(shard_id)
    for what, shard_id, flag in steps:
        state = journal[ShardKey(COUNT, shard_id)]
        match what:
            case "events" if state.epoch and not state.ended:
                state.seq += 3
                news.add(shard_id)
            case "epoch":
                state.epoch, state.seq, state.ended = state.epoch + 1, 1, False
                whole.add(shard_id)
            case "end" if state.epoch:
                state.ended = True
                whole.add(shard_id)
            case "report":
                number += 1
                whole.update(checkpoints.untold([0, 1], journal))
                rows = [journal[ShardKey(COUNT, n)] for n in whole]
                said = report(number, *rows, has=[0, 1])
                moved = report(0, *(journal[ShardKey(COUNT, n)] for n in news - whole), counts=True)
                said = msgspec.structs.replace(said, counts=moved.counts)
                whole, news = set(), set()
                for some in checkpoints.due(said, journal):
                    if not (flag and shard_id):  # this time the states are lost
                        coordinator.take(msgspec.structs.replace(state) for state in some)
                checkpoints.reported(said, journal)
                if not flag or shard_id:  # else the report is
                    answers.append((number, coordinator.report(COUNT, said)))
            case "answer" if answers:
                checkpoints.answered(*answers.pop(0 if flag else -1))
        for n in (0, 1):
            epoch = journal[ShardKey(COUNT, n)].epoch
            seq = checkpoints.known_seq(n, epoch)
            known = coordinator.state(COUNT, n)
            assert seq == -1 or (known is not None and (epoch, seq) <= (known.epoch, known.seq))
