"""What workers reported last, and the picture of the cluster made from it."""

from __future__ import annotations

from collections import deque
from typing import Final

from cluster.wire.control import ShardStatus, WorkerStatus
from cluster.wire.link import Report, ShardReport
from coordinator.plan import Plan
from coordinator.supervisor import Slot

WINDOW_S: Final = 5.0
"""Rates are over the reports of this long."""


class Rate:
    """Growth of a counter by a sliding window of its readings."""

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


class Board:
    """The last report of every slot, with rates."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._workers = {slot: _Seen() for slot in range(len(plan.slots))}
        self._shards = {shard: _Seen() for shard in plan.shards}
        self._reports: dict[int, Report] = {}
        self._shard_reports: dict[int, ShardReport] = {}
        self.was_ready = False
        """All shards were ready at some time, whether or not anybody asked then."""

    def report(self, report: Report, now: float) -> None:
        """Take a report; shards that are not in the slot's plan are passed over."""
        if report.slot not in self._workers:
            return
        worker = self._workers[report.slot]
        worker.rate.add(now, report.events)
        worker.cpu.add(now, report.cpu_seconds)
        worker.events = report.events
        self._reports[report.slot] = report
        own = set(self._plan.slots[report.slot])
        for shard in report.shards:
            if shard.shard_id in own:
                seen = self._shards[shard.shard_id]
                seen.rate.add(now, shard.events)
                seen.events = shard.events
                self._shard_reports[shard.shard_id] = shard
        if not self.was_ready:
            self.was_ready = len(self.ready) == len(self._shards)

    def gone(self, slot: int) -> None:
        """The worker of this slot ended: its counters go into the totals, its shards are down."""
        worker = self._workers[slot]
        worker.before, worker.events = worker.before + worker.events, 0
        self._reports.pop(slot, None)
        for shard in self._plan.slots[slot]:
            seen = self._shards[shard]
            seen.before, seen.events = seen.before + seen.events, 0
            self._shard_reports.pop(shard, None)

    @property
    def ready(self) -> list[int]:
        """Shards that are ready now, ascending."""
        return sorted(s for s, report in self._shard_reports.items() if report.state == "ready")

    @property
    def events(self) -> int:
        return sum(worker.before + worker.events for worker in self._workers.values())

    def events_per_s(self, now: float) -> float:
        return sum(worker.rate.per_second(now) for worker in self._workers.values())

    def worker(self, slot: Slot, now: float) -> WorkerStatus:
        report = self._reports.get(slot.number)
        seen = self._workers[slot.number]
        shards = self._plan.slots[slot.number]
        states = [self._shard_reports[s].state for s in shards if s in self._shard_reports]
        return WorkerStatus(
            slot=slot.number,
            pid=slot.process.pid if slot.process else None,
            state=slot.state,
            uptime_s=None if slot.started_at is None else now - slot.started_at,
            cpu_percent=100 * seen.cpu.per_second(now),
            rss_bytes=report.rss_bytes if report else 0,
            shards=len(shards),
            shards_ready=states.count("ready"),
            events_per_s=seen.rate.per_second(now),
            journal_bytes=report.journal_bytes if report else 0,
            journal_seconds=report.journal_seconds if report else None,
            journalling=report.journalling if report else True,
            unpublished=report.unpublished if report else 0,
            restarts=slot.restarts,
            detail=slot.detail,
        )

    def shard(self, shard_id: int, slot: Slot, now: float) -> ShardStatus:
        report = self._shard_reports.get(shard_id)
        seen = self._shards[shard_id]
        if report is None:
            report = ShardReport(
                shard_id=shard_id,
                state="starting" if slot.state in ("starting", "running") else "down",
                epoch=0,
                seq=-1,
                events=0,
                detail="" if slot.state == "starting" else f"worker {slot.number} is {slot.state}",
            )
        return ShardStatus(
            shard_id=shard_id,
            worker=slot.number,
            state=report.state,
            epoch=report.epoch,
            seq=report.seq,
            events=seen.before + seen.events,
            events_per_s=seen.rate.per_second(now),
            session_age_s=report.session_age_s,
            heartbeat_ms=report.heartbeat_ms,
            guilds=report.guilds,
            reconnects=report.reconnects,
            detail=report.detail,
        )

    def shards(self, slots: dict[int, Slot], now: float) -> list[ShardStatus]:
        """All shards of the plan, ascending."""
        rows = [
            self.shard(shard, slots[number], now)
            for number, shards in enumerate(self._plan.slots)
            for shard in shards
        ]
        return sorted(rows, key=lambda row: row.shard_id)
