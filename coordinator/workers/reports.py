"""What workers have reported, and the picture of the cluster made from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection

from cluster.wire.link import Report, ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.states import SessionState, WorkerState
from cluster.wire.status import ShardStatus, WorkerStatus
from cluster.wire.traffic import WorkerTraffic
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.rate import Rate
from coordinator.workers.silences import Silences
from coordinator.workers.slots import Slot
from coordinator.workers.traffic import SlotTraffic
from coordinator.workers.worker_shards import ShardRow, WorkerShards


class _Worker:
    """A slot's worker, as it was last reported."""

    def __init__(self) -> None:
        self.rate = Rate()
        self.cpu = Rate()
        self.before = 0
        """Events of processes that ended."""
        self.events = 0
        self.report: Report | None = None
        self.shards = WorkerShards()
        self.traffic = SlotTraffic()


class WorkerReports:
    """What the worker of every slot has reported, with rates."""

    def __init__(self, assignments: Assignments) -> None:
        self._assignments = assignments
        self._workers: defaultdict[int, _Worker] = defaultdict(_Worker)
        self._before: Counter[ShardKey] = Counter()
        """Events of each shard that were counted by workers which have it no more."""
        self._silences = Silences()
        self._retired = 0
        """Events of workers that are no more."""
        self._lacking = 0
        """The slot that was found last to lack a shard that is ready."""
        self.was_ready = False
        """All shards were ready at some time, whether or not anybody asked then."""

    def report(self, report: Report, now: float) -> None:
        """Take a report. Of a shard counts what that worker says which has it by the plan."""
        plan = self._assignments.plan_of(report.slot)
        if plan is None:
            return
        worker = self._workers[report.slot]
        worker.rate.add(now, report.events)
        worker.cpu.add(now, report.cpu_seconds)
        worker.events, worker.report = report.events, report
        rows = worker.shards.rows
        worker.traffic.report(
            report,
            {told.shard_id: rows[told.shard_id].report
             for told in report.shards if told.shard_id in rows},
        )  # fmt: skip
        self._left(worker.shards.take(report, plan.shard_count, now))
        for row in worker.shards.rows.values():  # of all: one that is not told of was silent
            row.rate.add(now, row.events)
            if row.report.state is SessionState.READY:
                self._silences.report(row.key, row.events, now)
            else:
                self._silences.not_ready(row.key, now)
        if not self.was_ready:
            self.was_ready = self.all_ready(self._assignments.plan)

    def _left(self, rows: list[ShardRow]) -> None:
        """Take note that a worker has these shards no more; the next one's counter begins at
        zero."""
        for row in rows:
            self._before[row.key] += row.events

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot ended: its counters go into the totals, its shards
        are down."""
        worker = self._workers[slot]
        worker.before, worker.events = worker.before + worker.events, 0
        self._left(list(worker.shards.rows.values()))
        worker.report, worker.shards = None, WorkerShards()
        worker.traffic.ended()

    def retired(self, slot: int) -> None:
        """Take note that the slot is no more, and its worker has ended."""
        if worker := self._workers.pop(slot, None):
            self._retired += worker.before + worker.events

    def ready(self, plan: Plan) -> list[int]:
        """Return the shards of a plan that are ready now, ascending."""
        return self._in_state(plan, SessionState.READY)

    def without_session(self, plan: Plan) -> list[int]:
        """Return the shards of a plan that ask to identify now, ascending: their sessions are
        lost."""
        return self._in_state(plan, SessionState.AWAITING_GRANT)

    def _in_state(self, plan: Plan, state: SessionState) -> list[int]:
        return sorted(
            shard
            for slot, shards in plan.slots.items()
            for shard in self._workers[slot].shards.in_state(state).intersection(shards)
        )

    def all_ready(self, plan: Plan) -> bool:
        """Whether every shard of a plan is ready."""
        # Asked at each report of a start, of all slots it would be a product of the two
        lacking = plan.slots.get(self._lacking, ())
        if not self._is_ready(self._lacking, lacking):
            return False
        for slot, shards in plan.slots.items():
            if not self._is_ready(slot, shards):
                self._lacking = slot
                return False
        return True

    def _is_ready(self, slot: int, shards: Collection[int]) -> bool:
        """Whether a worker has said that these shards are ready."""
        return not shards or (
            self._workers[slot].shards.in_state(SessionState.READY).issuperset(shards)
        )

    def _row(self, shard_count: int, shard: int) -> ShardRow | None:
        """Return what the worker that should have a shard has said of it; None: nothing."""
        for plan in self._assignments.plans:
            if plan.shard_count == shard_count and shard in plan.slot_of:
                return self._workers[plan.slot_of[shard]].shards.rows.get(shard)
        return None

    def state(self, shard_count: int, shard: int) -> SessionState | None:
        """Return a shard's state as its worker said it last; None: it has said nothing."""
        row = self._row(shard_count, shard)
        return None if row is None else row.report.state

    def detail(self, shard_count: int, shard: int) -> str:
        """Return why a shard is in its state, as its worker said it last."""
        row = self._row(shard_count, shard)
        return "" if row is None else row.report.detail

    def epoch(self, shard_count: int, shard: int) -> int:
        """Return the epoch of a shard's last identify, as its worker said it last; 0: it has said
        nothing."""
        row = self._row(shard_count, shard)
        return 0 if row is None else row.report.epoch

    def reconnects(self, shard_count: int, shard: int) -> int:
        """Return how often a shard's connection was lost or given up, in its worker's lifetime."""
        row = self._row(shard_count, shard)
        return 0 if row is None else sum(row.report.reconnects.values())

    def _report(self, slot: int) -> Report | None:
        worker = self._workers.get(slot)
        return None if worker is None else worker.report

    def journals(self, slot: int) -> bool:
        """Whether a worker writes its journal, as far as it has said."""
        report = self._report(slot)
        return report is None or report.journalling

    def held(self, slot: int) -> bool | None:
        """Whether a worker holds back what its shards receive; None: it has not reported."""
        report = self._report(slot)
        return None if report is None else report.held

    def unpublished(self, slot: int) -> int:
        """Return how many records a worker has still to send, as it said last."""
        report = self._report(slot)
        return 0 if report is None else report.unpublished

    @property
    def events(self) -> int:
        workers = self._workers.values()
        return self._retired + sum(worker.before + worker.events for worker in workers)

    def events_per_s(self, now: float) -> float:
        return sum(worker.rate.per_second(now) for worker in self._workers.values())

    def worker(self, slot: Slot, now: float) -> WorkerStatus:
        seen = self._workers[slot.number]
        report, shards = seen.report, self._assignments.shards(slot.number)
        ready = seen.shards.in_state(SessionState.READY).intersection(shards)
        return WorkerStatus(
            slot=slot.number,
            pid=slot.process.pid if slot.process else None,
            state=slot.state,
            uptime_s=None if slot.started_at is None else now - slot.started_at,
            cpu_percent=100 * seen.cpu.per_second(now),
            rss_bytes=report.rss_bytes if report else 0,
            shards=len(shards),
            shards_ready=len(ready),
            events_per_s=seen.rate.per_second(now),
            journal_bytes=report.journal_bytes if report else 0,
            journal_seconds=report.journal_seconds if report else None,
            journalling=report.journalling if report else True,
            unpublished=report.unpublished if report else 0,
            restarts=slot.restarts,
            version=slot.version,
            detail=slot.detail,
            host=self._assignments.where.get(slot.number, ""),
        )

    def traffic(self, slot: int) -> WorkerTraffic:
        """Return what the processes of a slot have counted."""
        return self._workers[slot].traffic.status(slot)

    def shard(self, shard_count: int, shard_id: int, slot: Slot, now: float) -> ShardStatus:
        row = self._workers[slot.number].shards.rows.get(shard_id)
        if row is None:
            row = ShardRow(ShardKey(shard_count, shard_id), _unreported(shard_id, slot), now)
        return self._status(row, slot.number, now)

    def _status(self, row: ShardRow, slot: int, now: float) -> ShardStatus:
        report, key = row.report, row.key
        return ShardStatus(
            shard_id=key.shard_id,
            worker=slot,
            state=report.state,
            epoch=report.epoch,
            seq=row.seq,
            events=self._before.get(key, 0) + row.events,
            events_per_s=row.rate.per_second(now),
            silent_s=row.silent_s(now),
            too_silent=report.state is SessionState.READY and self._silences.too_silent(key),
            unplaced=report.unplaced,
            session_age_s=row.session_age_s(now),
            heartbeat_ms=report.heartbeat_ms,
            late_acks=report.late_acks,
            guilds=report.guilds,
            reconnects=report.reconnects,
            detail=report.detail,
            next_try_s=row.next_try_s(now),
        )

    def shards(self, slots: dict[int, Slot], now: float) -> list[ShardStatus]:
        """Return a row for each shard of the plan in force, ascending."""
        plan = self._assignments.plan
        return [
            self.shard(plan.shard_count, shard, slots[plan.slot_of[shard]], now)
            for shard in plan.shards
        ]


def _unreported(shard_id: int, slot: Slot) -> ShardReport:
    """Return what is shown of a shard of which its worker has said nothing."""
    starts = slot.state in (WorkerState.STARTING, WorkerState.RUNNING)
    return ShardReport(
        shard_id=shard_id,
        state=SessionState.STARTING if starts else SessionState.DOWN,
        epoch=0,
        seq=-1,
        events=0,
        detail=""
        if slot.state is WorkerState.STARTING
        else f"worker {slot.number} is {slot.state}",
    )
