"""What is known of a worker's shards is what the worker knows, whichever part each report tells."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.link import Report, ShardCounts, ShardReport
from cluster.wire.states import SessionState
from coordinator.workers.worker_shards import WorkerShards

STATES = [SessionState.READY, SessionState.WAITING, SessionState.AWAITING_GRANT]


def report(
    has: list[int], shards: list[ShardReport] | None = None, counts: list[ShardCounts] | None = None
) -> Report:
    return Report(
        slot=0, has=has, shards=shards or [], counts=counts or [], cpu_seconds=0.0, rss_bytes=0,
        events=0, journal_bytes=0, journal_seconds=None, journalling=True, unpublished=0,
    )  # fmt: skip


def row(shard_id: int, state: SessionState = SessionState.READY, events: int = 0) -> ShardReport:
    return ShardReport(shard_id=shard_id, state=state, epoch=1, seq=events, events=events)


class Worker:
    """A worker as it is, and what it has told."""

    def __init__(self) -> None:
        self.shards: dict[int, ShardReport] = {}
        self.news: set[int] = set()
        self.counted: set[int] = set()

    def step(self, shard_id: int, choice: int) -> None:
        shard = self.shards.get(shard_id)
        if shard is None or choice == 0:
            self.shards.pop(shard_id, None)
            self.news.discard(shard_id)
            self.counted.discard(shard_id)
            if choice:
                self.shards[shard_id] = row(shard_id)
                self.news.add(shard_id)
        elif choice <= len(STATES):
            self.shards[shard_id] = msgspec.structs.replace(shard, state=STATES[choice - 1])
            self.news.add(shard_id)
        else:
            self.shards[shard_id] = msgspec.structs.replace(
                shard, seq=shard.seq + 1, events=shard.events + 1
            )
            self.counted.add(shard_id)

    def report(self) -> Report:
        counts = [
            ShardCounts(shard_id, self.shards[shard_id].seq, self.shards[shard_id].events, None)
            for shard_id in self.counted - self.news
        ]
        made = report(list(self.shards), [self.shards[shard_id] for shard_id in self.news], counts)
        self.news, self.counted = set(), set()
        return made


@given(steps=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 7), st.booleans())))
def test_reports_add_up(steps: list[tuple[int, int, bool]]) -> None:
    worker, known = Worker(), WorkerShards()
    for shard_id, choice, reports in steps:
        worker.step(shard_id, choice)
        if not reports:
            continue
        before = {shard: row.events for shard, row in known.rows.items()}
        gone = known.take(worker.report(), 8, 0.0)
        assert {row.key.shard_id: row.events for row in gone} == {
            shard: events for shard, events in before.items() if shard not in worker.shards
        }
        assert {
            shard: (row.report.state, row.seq, row.events) for shard, row in known.rows.items()
        } == {s.shard_id: (s.state, s.seq, s.events) for s in worker.shards.values()}
        for state in STATES:
            assert known.in_state(state) == {
                shard for shard, one in worker.shards.items() if one.state is state
            }


def test_time_goes_on_for_what_is_not_told_again() -> None:
    known = WorkerShards()
    told = msgspec.structs.replace(row(0), silent_s=3.0, session_age_s=60.0, next_try_s=5.0)
    known.take(report([0], [told]), 1, 100.0)
    known.take(report([0]), 1, 101.0)
    shard = known.rows[0]
    assert (shard.silent_s(102.0), shard.session_age_s(102.0)) == (5.0, 62.0)
    assert [shard.next_try_s(now) for now in (102.0, 106.0)] == [3.0, 0.0]
    known.take(report([0], counts=[ShardCounts(0, 7, 8, 0.25)]), 1, 102.0)
    assert (shard.silent_s(102.0), shard.session_age_s(102.0)) == (0.25, 62.0)
    known.take(report([0], [row(0)]), 1, 103.0)
    assert (shard.silent_s(104.0), shard.session_age_s(104.0)) == (None, None)
    assert shard.next_try_s(104.0) is None


def test_counts_of_a_shard_that_was_not_told_of_say_nothing() -> None:
    """A coordinator may hear them that was not there when the shard was told of."""
    known = WorkerShards()
    assert known.take(report([0], counts=[ShardCounts(0, 7, 8, 0.25)]), 1, 100.0) == []
    assert known.rows == {}
