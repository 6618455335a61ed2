"""What workers reported last, and the picture of the cluster made from it."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

from cluster.wire.link import Report, ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.states import SessionState, WorkerState
from cluster.wire.status import ShardStatus, WorkerStatus
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.silences import Silences
from coordinator.workers.slots import Slot

WINDOW_S: Final = 5.0
"""Seconds of reports over which a rate is taken."""


class Rate:
    """The growth of a counter, over a sliding window of its readings."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> None:
        if self._readings and value < self._readings[-1][1]:  # a new process counts from zero
            self._readings.clear()
        self._readings.append((now, value))
        while self._readings[0][0] < now - WINDOW_S and len(self._readings) > 2:
            self._readings.popleft()

    def per_second(self, now: float) -> float:
        if len(self._readings) < 2 or self._readings[-1][0] < now - WINDOW_S:
            return 0.0
        (begun, first), (ended, last) = self._readings[0], self._readings[-1]
        # Two readings may be milliseconds apart, since a change of state is reported at once
        return (last - first) / max(1.0, ended - begun)


class _Seen:
    """A worker or a shard, as it was last reported."""

    def __init__(self) -> None:
        self.rate = Rate()
        self.cpu = Rate()
        self.before = 0
        """Events of processes that ended."""
        self.events = 0


class WorkerReports:
    """The last report of every slot, with rates."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments
        self._workers: defaultdict[int, _Seen] = defaultdict(_Seen)
        self._shards: defaultdict[ShardKey, _Seen] = defaultdict(_Seen)
        self._reports: dict[int, Report] = {}
        self._shard_reports: dict[ShardKey, ShardReport] = {}
        self._silences = Silences()
        self._retired = 0
        """Events of workers that are no more."""
        self.was_ready = False
        """All shards were ready at some time, whether or not anybody asked then."""

    def report(self, report: Report, now: float) -> None:
        """Take a report; shards that are not in the slot's plan are passed over."""
        plan = self._assignments.plan_of(report.slot)
        if plan is None:
            return
        worker = self._workers[report.slot]
        worker.rate.add(now, report.events)
        worker.cpu.add(now, report.cpu_seconds)
        worker.events = report.events
        self._reports[report.slot] = report
        own = set(plan.slots[report.slot])
        for shard in report.shards:
            if shard.shard_id in own:
                key = ShardKey(plan.shard_count, shard.shard_id)
                seen = self._shards[key]
                seen.rate.add(now, shard.events)
                seen.events = shard.events
                self._shard_reports[key] = shard
                if shard.state is SessionState.READY:
                    self._silences.report(key, shard.events, now)
                else:
                    self._silences.not_ready(key, now)
        if not self.was_ready:
            self.was_ready = self.all_ready(self._assignments.plan)

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot ended: its counters go into the totals, its shards
        are down."""
        worker = self._workers[slot]
        worker.before, worker.events = worker.before + worker.events, 0
        self._reports.pop(slot, None)
        for shard in self._assignments.shards(slot):
            self.left(self._assignments.shard_count(slot), shard)

    def left(self, shard_count: int, shard: int) -> None:
        """Take note that a shard has no worker at this moment; the next one's counter begins at
        zero."""
        seen = self._shards[ShardKey(shard_count, shard)]
        seen.before, seen.events = seen.before + seen.events, 0
        self._shard_reports.pop(ShardKey(shard_count, shard), None)

    def retired(self, slot: int) -> None:
        """Take note that the slot is no more, and its worker has ended."""
        if worker := self._workers.pop(slot, None):
            self._retired += worker.before + worker.events

    def ready(self, plan: Plan) -> list[int]:
        """Return the shards of a plan that are ready now, ascending."""
        return [s for s in plan.shards if self.state(plan.shard_count, s) is SessionState.READY]

    def without_session(self, plan: Plan) -> list[int]:
        """Return the shards of a plan that ask to identify now, ascending: their sessions are
        lost."""
        asking = SessionState.AWAITING_GRANT
        return [s for s in plan.shards if self.state(plan.shard_count, s) is asking]

    def all_ready(self, plan: Plan) -> bool:
        """Whether every shard of a plan is ready."""
        return len(self.ready(plan)) == len(plan.shards)

    def state(self, shard_count: int, shard: int) -> SessionState | None:
        """Return a shard's state as its worker said it last; None: it has said nothing."""
        report = self._shard_reports.get(ShardKey(shard_count, shard))
        return None if report is None else report.state

    def detail(self, shard_count: int, shard: int) -> str:
        """Return why a shard is in its state, as its worker said it last."""
        report = self._shard_reports.get(ShardKey(shard_count, shard))
        return "" if report is None else report.detail

    def reconnects(self, shard_count: int, shard: int) -> int:
        """Return how often a shard's connection was lost or given up, in its worker's lifetime."""
        report = self._shard_reports.get(ShardKey(shard_count, shard))
        return 0 if report is None else sum(report.reconnects.values())

    def journals(self, slot: int) -> bool:
        """Whether a worker writes its journal, as far as it has said."""
        report = self._reports.get(slot)
        return report is None or report.journalling

    def held(self, slot: int) -> bool | None:
        """Whether a worker holds back what its shards receive; None: it has not reported."""
        report = self._reports.get(slot)
        return None if report is None else report.held

    def unpublished(self, slot: int) -> int:
        """Return how many records a worker has still to send, as it said last."""
        report = self._reports.get(slot)
        return 0 if report is None else report.unpublished

    @property
    def events(self) -> int:
        workers = self._workers.values()
        return self._retired + sum(worker.before + worker.events for worker in workers)

    def events_per_s(self, now: float) -> float:
        return sum(worker.rate.per_second(now) for worker in self._workers.values())

    def worker(self, slot: Slot, now: float) -> WorkerStatus:
        report = self._reports.get(slot.number)
        seen = self._workers[slot.number]
        shards, count = (
            self._assignments.shards(slot.number),
            self._assignments.shard_count(slot.number),
        )
        states = [self.state(count, shard) for shard in shards]
        return WorkerStatus(
            slot=slot.number,
            pid=slot.process.pid if slot.process else None,
            state=slot.state,
            uptime_s=None if slot.started_at is None else now - slot.started_at,
            cpu_percent=100 * seen.cpu.per_second(now),
            rss_bytes=report.rss_bytes if report else 0,
            shards=len(shards),
            shards_ready=states.count(SessionState.READY),
            events_per_s=seen.rate.per_second(now),
            journal_bytes=report.journal_bytes if report else 0,
            journal_seconds=report.journal_seconds if report else None,
            journalling=report.journalling if report else True,
            unpublished=report.unpublished if report else 0,
            restarts=slot.restarts,
            version=slot.version,
            detail=slot.detail,
        )

    def shard(self, shard_count: int, shard_id: int, slot: Slot, now: float) -> ShardStatus:
        report = self._shard_reports.get(ShardKey(shard_count, shard_id))
        seen = self._shards[ShardKey(shard_count, shard_id)]
        if report is None:
            starts = slot.state in (WorkerState.STARTING, WorkerState.RUNNING)
            report = ShardReport(
                shard_id=shard_id,
                state=SessionState.STARTING if starts else SessionState.DOWN,
                epoch=0,
                seq=-1,
                events=0,
                detail=""
                if slot.state is WorkerState.STARTING
                else f"worker {slot.number} is {slot.state}",
            )
        return ShardStatus(
            shard_id=shard_id,
            worker=slot.number,
            state=report.state,
            epoch=report.epoch,
            seq=report.seq,
            events=seen.before + seen.events,
            events_per_s=seen.rate.per_second(now),
            silent_s=report.silent_s,
            too_silent=report.state is SessionState.READY
            and self._silences.too_silent(ShardKey(shard_count, shard_id)),
            unplaced=report.unplaced,
            session_age_s=report.session_age_s,
            heartbeat_ms=report.heartbeat_ms,
            late_acks=report.late_acks,
            guilds=report.guilds,
            reconnects=report.reconnects,
            detail=report.detail,
            next_try_s=report.next_try_s,
        )

    def shards(self, slots: dict[int, Slot], now: float) -> list[ShardStatus]:
        """Return a row for each shard of the plan in force, ascending."""
        plan = self._assignments.plan
        rows = [
            self.shard(plan.shard_count, shard, slots[number], now)
            for number, shards in plan.slots.items()
            for shard in shards
        ]
        return sorted(rows, key=lambda row: row.shard_id)
