"""What has happened to shards between two of their reports (pure)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from cluster.wire.happenings import HappeningKind
from cluster.wire.link import ShardReport
from cluster.wire.position import ShardKey
from cluster.wire.states import SessionState
from coordinator.happenings.sentences import cause_in_words

NOT_CONNECTED: Final = "connect failed"
"""The cause whose detail says more: who refused, and how."""


class ShardChange(NamedTuple):
    """Something that a report shows to have happened."""

    kind: HappeningKind
    epoch: int | None
    cause: str


class _Seen:
    """A shard, as the reports before this one left it."""

    __slots__ = ("epoch", "lost_by", "reconnects", "state")

    def __init__(self, epoch: int) -> None:
        self.state = SessionState.STARTING
        self.epoch = epoch
        """The newest epoch that is known to have been granted before the session of now."""
        self.reconnects: dict[str, int] = {}
        self.lost_by: tuple[HappeningKind, str] | None = None
        """What was told last since it was ready."""


class ShardChanges:
    """Compares each report of a shard with what was seen before. A report may leave out states in
    between, so counts and epochs say what came in between."""

    def __init__(self) -> None:
        self._seen: dict[ShardKey, _Seen] = {}

    def keep(self, shard_counts: Collection[int]) -> None:
        """Forget the shards of all other shard counts: they are of no plan any more."""
        if any(key.shard_count not in shard_counts for key in self._seen):
            self._seen = {
                key: one for key, one in self._seen.items() if key.shard_count in shard_counts
            }

    def given(self, key: ShardKey, epoch: int) -> None:
        """Take note that a process is about to get this shard, whose newest epoch was this one."""
        before = self._seen.get(key)
        self._seen[key] = _Seen(max(epoch, before.epoch) if before else epoch)

    def report(self, key: ShardKey, report: ShardReport) -> list[ShardChange]:
        """Return what happened since the report before this one, in order. Of a shard of which
        nothing is known (its worker was taken over) what it is now is no news, but a refusal."""
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(report.epoch)
            seen.state, seen.reconnects = report.state, dict(report.reconnects)
            return self._refused(report) if report.state is SessionState.FATAL else []
        changes = self._lost(seen, report)
        was, seen.state = seen.state, report.state
        if report.state is SessionState.READY and (was is not SessionState.READY or changes):
            is_new = report.epoch > seen.epoch
            kind = HappeningKind.SHARD_IDENTIFIED if is_new else HappeningKind.SHARD_RESUMED
            changes.append(ShardChange(kind, report.epoch, ""))
            seen.epoch, seen.lost_by = max(seen.epoch, report.epoch), None
        elif report.state is SessionState.FATAL and was is not SessionState.FATAL:
            changes += self._refused(report)
        return changes

    def _lost(self, seen: _Seen, report: ShardReport) -> list[ShardChange]:
        """Return the lost connections: each cause once until the shard is ready again."""
        before, now = seen.reconnects, report.reconnects
        if sum(now.values()) < sum(before.values()):  # another worker counts from the beginning
            before = {}
        seen.reconnects = dict(now)
        changes: list[ShardChange] = []
        for cause in (cause for cause, count in now.items() if count > before.get(cause, 0)):
            kind, words = HappeningKind.SHARD_LOST, cause_in_words(cause)
            if cause == NOT_CONNECTED:
                kind, words = HappeningKind.CONNECT_FAILED, report.detail
            if (kind, words) != seen.lost_by:
                changes.append(ShardChange(kind, report.epoch, words))
                seen.lost_by = (kind, words)
        return changes

    def _refused(self, report: ShardReport) -> list[ShardChange]:
        return [ShardChange(HappeningKind.SHARD_REFUSED, report.epoch, report.detail)]
