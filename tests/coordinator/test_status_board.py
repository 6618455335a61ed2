"""The board: what was reported last, and the rates made of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.link import Report, ShardReport
from coordinator.plan import Plan
from coordinator.status import WINDOW_S, Board, Rate
from coordinator.supervisor import Slot

PLAN = Plan(3, ((0, 1), (2,)))


def shard(number: int, *, events: int = 0, state: str = "ready") -> ShardReport:
    return ShardReport(shard_id=number, state=state, epoch=1, seq=events - 1, events=events)


def report(slot: int, *shards: ShardReport, cpu: float = 0.0) -> Report:
    return Report(
        slot=slot,
        shards=list(shards),
        cpu_seconds=cpu,
        rss_bytes=50_000_000,
        events=sum(one.events for one in shards),
        journal_bytes=4096,
        journal_seconds=12.0,
        journalling=True,
        unpublished=3,
    )


def slots() -> dict[int, Slot]:
    made = {number: Slot(number) for number in range(2)}
    for slot in made.values():
        slot.state = "running"
        slot.started_at = 0.0
    return made


def test_a_steady_rate_is_told() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(float(second), second * 50.0)
        if second >= 2:
            assert rate.per_second(float(second)) == pytest.approx(50.0)


def test_a_rate_follows_within_its_window_and_ends_with_its_readings() -> None:
    rate = Rate()
    for second in range(10):
        rate.add(float(second), 100.0 * second)
    for second in range(10, 20):
        rate.add(float(second), 900.0)
    assert rate.per_second(19.0) == 0.0
    rate.add(20.0, 1000.0)
    assert rate.per_second(20.0) > 0.0
    assert rate.per_second(20.0 + WINDOW_S + 0.1) == 0.0


def test_a_counter_that_begins_anew_is_no_negative_rate() -> None:
    rate = Rate()
    rate.add(0.0, 5000.0)
    rate.add(1.0, 6000.0)
    rate.add(2.0, 10.0)
    assert rate.per_second(2.0) == 0.0
    rate.add(3.0, 30.0)
    assert rate.per_second(3.0) == pytest.approx(20.0)


@given(
    readings=st.lists(
        st.tuples(st.floats(0.001, 30), st.integers(0, 100_000)), min_size=1, max_size=30
    )
)
def test_a_rate_is_never_more_than_what_was_counted(readings: list[tuple[float, int]]) -> None:
    rate, now, value = Rate(), 0.0, 0.0
    rate.add(now, value)
    for step, more in readings:
        now, value = now + step, value + more
        rate.add(now, value)
        assert 0.0 <= rate.per_second(now) <= value


def test_the_picture_of_workers_and_shards() -> None:
    board = Board(PLAN)
    for second in range(4):
        board.report(
            report(0, shard(0, events=10 * second), shard(1, events=0), cpu=0.25 * second),
            float(second),
        )
    board.report(report(1, shard(2, events=7, state="resuming")), 3.0)
    assert board.ready == [0, 1]
    assert board.events == 37
    worker = board.worker(slots()[0], 3.0)
    assert worker.cpu_percent == pytest.approx(25.0)
    assert worker.events_per_s == pytest.approx(10.0)
    assert (worker.shards, worker.shards_ready, worker.uptime_s) == (2, 2, 3.0)
    assert (worker.journal_bytes, worker.journal_seconds, worker.unpublished) == (4096, 12.0, 3)
    rows = board.shards(slots(), 3.0)
    assert [(row.shard_id, row.worker, row.state) for row in rows] == [
        (0, 0, "ready"),
        (1, 0, "ready"),
        (2, 1, "resuming"),
    ]
    assert rows[0].events_per_s == pytest.approx(10.0)


def test_what_a_dead_worker_counted_stays_in_the_total() -> None:
    board = Board(PLAN)
    board.report(report(0, shard(0, events=100), shard(1, events=5)), 0.0)
    board.gone(0)
    assert board.ready == []
    assert board.events == 105
    board.report(report(0, shard(0, events=1), shard(1, events=0)), 3.0)
    assert board.events == 106
    assert [row.events for row in board.shards(slots(), 3.0)] == [101, 5, 0]


def test_shards_without_a_report_say_what_their_worker_does() -> None:
    board, workers = Board(PLAN), slots()
    workers[0].state = "failed"
    workers[1].state = "starting"
    rows = board.shards(workers, 1.0)
    assert [(row.state, row.detail) for row in rows] == [
        ("down", "worker 0 is failed"),
        ("down", "worker 0 is failed"),
        ("starting", ""),
    ]
    assert all((row.seq, row.epoch) == (-1, 0) for row in rows)


def test_reports_of_what_is_not_in_the_plan_are_passed_over() -> None:
    board = Board(PLAN)
    board.report(report(7, shard(0, events=100)), 0.0)
    board.report(report(1, shard(0, events=100), shard(2), shard(99)), 0.0)
    assert board.ready == [2]
    assert [row.events for row in board.shards(slots(), 0.0)] == [0, 0, 0]
