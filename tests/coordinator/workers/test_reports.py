"""The reports: rates, totals over restarts, what is shown of a worker that is down."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.link import Report, ShardCounts, ShardReport
from cluster.wire.states import SessionState, WorkerState
from cluster.wire.traffic import Traffic
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.rate import WINDOW_S, Rate
from coordinator.workers.reports import WorkerReports
from coordinator.workers.slots import Slot

PLAN = Plan(4, {0: (0, 1), 1: (2, 3)})


def report(slot: int, events: int, states: dict[int, SessionState], cpu: float = 0.0) -> Report:
    shards = [
        ShardReport(shard_id=s, state=state, epoch=1, seq=events, events=events // len(states))
        for s, state in states.items()
    ]
    return Report(
        slot=slot,
        has=list(states),
        shards=shards,
        cpu_seconds=cpu,
        rss_bytes=5,
        events=events,
        journal_bytes=6,
        journal_seconds=7.0,
        journalling=False,
        unpublished=8,
    )


def test_a_rate_is_over_the_window() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(float(second), 10.0 * second if second < 10 else 100.0 + 50 * (second - 10))
    assert rate.per_second(19.0) == pytest.approx(50.0)


def test_a_rate_needs_two_readings_and_fresh_ones() -> None:
    rate = Rate()
    assert rate.per_second(0.0) == 0.0
    rate.add(0.0, 100.0)
    assert rate.per_second(0.0) == 0.0
    rate.add(2.0, 200.0)
    assert rate.per_second(2.0) == 50.0
    assert rate.per_second(2.0 + WINDOW_S + 0.1) == 0.0, "nothing was heard for a window"


def test_two_readings_at_once_make_no_peak() -> None:
    rate = Rate()
    rate.add(0.0, 0.0)
    rate.add(0.001, 10.0)
    assert rate.per_second(0.001) == 10.0


def test_a_counter_that_begins_anew_is_not_a_fall() -> None:
    rate = Rate()
    rate.add(0.0, 1000.0)
    rate.add(1.0, 5.0)
    assert rate.per_second(1.0) == 0.0
    rate.add(2.0, 15.0)
    assert rate.per_second(2.0) == 10.0


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


def test_totals_outlive_a_worker_process() -> None:
    reports = WorkerReports(Assignments(PLAN))
    reports.report(report(0, 100, {0: SessionState.READY, 1: SessionState.READY}), 0.0)
    reports.report(report(1, 30, {2: SessionState.READY, 3: SessionState.RESUMING}), 0.0)
    assert (reports.events, reports.ready(PLAN)) == (130, [0, 1, 2])
    reports.gone(0)
    assert (reports.events, reports.ready(PLAN)) == (130, [2])
    reports.report(report(0, 10, {0: SessionState.READY, 1: SessionState.IDENTIFYING}), 5.0)
    assert (reports.events, reports.ready(PLAN)) == (140, [0, 2])
    slot = Slot(0)
    slot.state = WorkerState.RUNNING
    assert reports.shard(4, 0, slot, 5.0).events == 55
    reports.gone(0)
    assert reports.shard(4, 0, slot, 6.0).events == 55
    assert reports.events == 140


def test_what_is_counted_outlives_a_worker_process() -> None:
    reports = WorkerReports(Assignments(PLAN))
    lost = ShardReport(
        shard_id=0, state=SessionState.READY, epoch=1, seq=1, events=1, reconnects={"op 7": 2}
    )
    told = msgspec.structs.replace(
        report(0, 5, {0: SessionState.READY}, cpu=1.5),
        shards=[lost],
        traffic=Traffic(events={"READY": 1}, received_bytes=10),
    )
    for now in (0.0, 1.0):
        reports.report(told, now)
    reports.gone(0)
    reports.report(told, 2.0)
    seen = reports.traffic(0)
    assert (seen.slot, seen.events, seen.received_bytes, seen.cpu_s) == (0, {"READY": 2}, 20, 3.0)
    assert seen.reconnects == {"op 7": 4}
    assert reports.traffic(1).events == {}


def test_a_shard_of_another_workers_is_passed_over() -> None:
    reports = WorkerReports(Assignments(PLAN))
    reports.report(
        report(0, 100, {0: SessionState.READY, 2: SessionState.READY, 99: SessionState.READY}), 0.0
    )
    reports.report(report(9, 100, {0: SessionState.READY}), 0.0)
    assert reports.ready(PLAN) == [0]


def test_a_worker_row_tells_what_it_reported() -> None:
    reports = WorkerReports(Assignments(PLAN))
    slot = Slot(0)
    slot.state = WorkerState.RUNNING
    slot.started_at = 1.0
    reports.report(report(0, 0, {0: SessionState.READY, 1: SessionState.CONNECTING}, cpu=1.0), 2.0)
    reports.report(report(0, 50, {0: SessionState.READY, 1: SessionState.CONNECTING}, cpu=1.5), 3.0)
    row = reports.worker(slot, 3.0)
    assert (row.cpu_percent, row.events_per_s, row.uptime_s) == (50.0, 50.0, 2.0)
    assert (row.shards, row.shards_ready, row.unpublished) == (2, 1, 8)
    assert (row.rss_bytes, row.journal_seconds, row.journalling) == (5, 7.0, False)


def test_shards_of_a_worker_that_is_down_say_why() -> None:
    reports = WorkerReports(Assignments(PLAN))
    slots = {0: Slot(0), 1: Slot(1)}
    slots[1].state = WorkerState.RESTARTING
    rows = reports.shards(slots, 0.0)
    assert [row.shard_id for row in rows] == [0, 1, 2, 3]
    assert [row.state for row in rows] == ["starting", "starting", "down", "down"]
    assert rows[2].detail == "worker 1 is restarting"
    assert rows[2].seq == -1


def test_it_remembers_that_all_were_ready() -> None:
    reports = WorkerReports(Assignments(PLAN))
    reports.report(report(0, 0, {0: SessionState.READY, 1: SessionState.READY}), 0.0)
    reports.report(report(1, 0, {2: SessionState.READY, 3: SessionState.RESUMING}), 0.0)
    assert not reports.was_ready
    reports.report(report(1, 0, {2: SessionState.READY, 3: SessionState.READY}), 1.0)
    reports.report(report(0, 0, {0: SessionState.FATAL, 1: SessionState.READY}), 2.0)
    assert reports.was_ready


def test_a_shard_that_falls_silent_is_told_of_until_it_is_lost() -> None:
    reports = WorkerReports(Assignments(PLAN))
    slots = {slot: Slot(slot) for slot in PLAN.slots}
    ready = SessionState.READY

    def second(now: float, state: SessionState = ready) -> None:
        for slot, shards in PLAN.slots.items():
            rows = [
                ShardReport(
                    shard_id=shard,
                    state=state if shard == 1 else ready,
                    epoch=1,
                    seq=1,
                    events=int(min(now, 1800.0)) if shard == 1 else int(now),
                    silent_s=max(0.0, now - 1800.0) if shard == 1 else 0.0,
                )
                for shard in shards
            ]
            reports.report(
                msgspec.structs.replace(report(slot, 1, {}), has=list(shards), shards=rows), now
            )

    def silent(now: float) -> list[int]:
        return [row.shard_id for row in reports.shards(slots, now) if row.too_silent]

    for now in range(1801):
        second(float(now))
    assert silent(1800.0) == []
    for now in range(1801, 2100):
        second(float(now))
    assert silent(2099.0) == [1]
    assert [row.silent_s for row in reports.shards(slots, 2099.0)] == [0.0, 299.0, 0.0, 0.0]
    second(2100.0, SessionState.RESUMING)
    assert silent(2100.0) == [], "it says nothing for another reason"
    for now in range(2101, 2150):
        second(float(now))
    assert silent(2149.0) == []


def test_a_shard_of_which_nothing_is_told_is_silent() -> None:
    """Silence changes nothing, so no report tells of it."""
    reports = WorkerReports(Assignments(PLAN))
    slots = {slot: Slot(slot) for slot in PLAN.slots}
    for slot, shards in PLAN.slots.items():
        reports.report(report(slot, 0, dict.fromkeys(shards, SessionState.READY)), 0.0)
    for now in range(1, 2100):
        for slot, shards in PLAN.slots.items():
            counts = [ShardCounts(s, now, now, 0.5) for s in shards if s != 1 or now <= 1800]
            told = msgspec.structs.replace(report(slot, 1, {}), has=list(shards), counts=counts)
            reports.report(told, float(now))
    rows = reports.shards(slots, 2099.0)
    assert [row.shard_id for row in rows if row.too_silent] == [1]
    assert [row.silent_s for row in rows] == [0.5, 299.5, 0.5, 0.5]
    assert [row.events for row in rows] == [2099, 1800, 2099, 2099]


def test_a_shard_that_moves_is_what_its_new_worker_says() -> None:
    assignments = Assignments(PLAN)
    reports = WorkerReports(assignments)
    slots = {slot: Slot(slot) for slot in PLAN.slots}
    ready = SessionState.READY
    reports.report(report(0, 20, {0: ready, 1: ready}), 0.0)
    reports.report(report(1, 20, {2: ready, 3: ready}), 0.0)
    assignments.move(1, 1)
    assert reports.state(4, 1) is None, "its new worker has said nothing"
    assert reports.ready(assignments.plan) == [0, 2, 3]
    reports.report(report(0, 30, {0: ready, 1: ready}), 1.0)
    assert reports.state(4, 1) is None, "whatever the former one says"
    reports.report(report(0, 30, {0: ready}), 2.0)
    reports.report(report(1, 30, {1: SessionState.RESUMING, 2: ready, 3: ready}), 3.0)
    assert reports.state(4, 1) is SessionState.RESUMING
    assert not reports.all_ready(assignments.plan)
    assert reports.shard(4, 1, slots[1], 3.0).events == 15 + 10, "of both"
    reports.report(report(1, 30, {1: ready, 2: ready, 3: ready}), 4.0)
    assert reports.all_ready(assignments.plan)


def test_all_are_ready_when_the_last_one_is_whichever_slot_was_looked_at() -> None:
    reports = WorkerReports(Assignments(PLAN))
    ready, lost = SessionState.READY, SessionState.RESUMING
    told = [
        (0, {0: ready, 1: lost}, False),
        (1, {2: ready, 3: lost}, False),
        (0, {0: ready, 1: ready}, False),
        (0, {0: lost, 1: ready}, False),
        (1, {2: ready, 3: ready}, False),
        (0, {0: ready, 1: ready}, True),
        (1, {2: lost, 3: ready}, False),
    ]
    for slot, states, all_ready in told:
        reports.report(report(slot, 20, states), 0.0)
        assert reports.all_ready(PLAN) is all_ready
    assert reports.all_ready(Plan(4, {0: (0, 1), 1: (3,)})), "of a plan without what is lost"
