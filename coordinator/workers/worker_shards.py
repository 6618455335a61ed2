"""What the process of one worker has said of its shards, put together of its reports (pure).

A report tells of the shards that have changed. How long something has been so is counted on from
there, by the caller's monotonic clock.
"""

from __future__ import annotations

from collections import defaultdict

from cluster.wire.link import Report, ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.states import SessionState
from coordinator.workers.rate import Rate


class ShardRow:
    """One shard, as its worker has said it so far."""

    __slots__ = ("_dispatched_at", "_told_at", "events", "key", "rate", "report", "seq")

    def __init__(self, key: ShardKey, report: ShardReport, now: float) -> None:
        self.key = key
        self.rate = Rate()
        self.tell(report, now)

    def tell(self, report: ShardReport, now: float) -> None:
        """Take all that a report says of it."""
        self.report, self._told_at = report, now
        """Its events and its seq are as they were when it was told."""
        self.count(report.seq, report.events, report.silent_s, now)

    def count(self, seq: int, events: int, silent_s: float | None, now: float) -> None:
        """Take what has changed since by events alone."""
        self.seq, self.events = seq, events
        self._dispatched_at = None if silent_s is None else now - silent_s

    def silent_s(self, now: float) -> float | None:
        """Return the seconds since the last dispatch; None: there was none."""
        return None if self._dispatched_at is None else max(0.0, now - self._dispatched_at)

    def session_age_s(self, now: float) -> float | None:
        """Return the seconds since the session's READY; None: see ShardReport."""
        age_s = self.report.session_age_s
        return None if age_s is None else age_s + now - self._told_at

    def next_try_s(self, now: float) -> float | None:
        """Return the seconds until the next connection is begun; None: see ShardReport."""
        wait_s = self.report.next_try_s
        return None if wait_s is None else max(0.0, wait_s - (now - self._told_at))


class WorkerShards:
    """The shards of one process, by id."""

    def __init__(self) -> None:
        self.rows: dict[int, ShardRow] = {}
        self._by_state: defaultdict[SessionState, set[int]] = defaultdict(set)

    def take(self, report: Report, shard_count: int, now: float) -> list[ShardRow]:
        """Take a report. Return what is known of the shards that the worker has no more."""
        rows = self.rows
        for told in report.shards:
            row = rows.get(told.shard_id)
            if row is None:
                rows[told.shard_id] = ShardRow(ShardKey(shard_count, told.shard_id), told, now)
            else:
                self._by_state[row.report.state].discard(told.shard_id)
                row.tell(told, now)
            self._by_state[told.state].add(told.shard_id)
        for counts in report.counts:
            # One that is not known here was told of to another coordinator, and will be to this one
            if row := rows.get(counts.shard_id):
                row.count(counts.seq, counts.events, counts.silent_s, now)
        return [self._forget(shard_id) for shard_id in rows.keys() - set(report.has)]

    def _forget(self, shard_id: int) -> ShardRow:
        row = self.rows.pop(shard_id)
        self._by_state[row.report.state].discard(shard_id)
        return row

    def in_state(self, state: SessionState) -> set[int]:
        """Return the ids of the shards that are in a state; the set goes on to change."""
        return self._by_state[state]
