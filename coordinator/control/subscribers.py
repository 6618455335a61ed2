"""Subscribers that report themselves: who listens, and how far behind each is."""

from __future__ import annotations

from typing import Final, Literal

from cluster.discord.intents import lacking
from cluster.wire.happenings import HappeningKind
from cluster.wire.states import GapReason
from cluster.wire.status import SubscriberReport, SubscriberStatus
from cluster.wire.traffic import OTHER
from coordinator.control.subscriber_totals import NameTotals
from coordinator.happenings.record import HappeningRecord

REASONS: Final = {
    GapReason.GONE: "no journal has them",
    GapReason.SKIPPED: "Discord's replay left them out",
    GapReason.SESSION_LOST: "nobody saw what happened between two sessions",
    GapReason.NO_REPLAY: "there is no replay server to ask",
    GapReason.OTHER_STORE: "its position is of another store",
    GapReason.AHEAD: "its position is ahead of this store",
}
"""Reasons of gaps, in words."""
SILENT_S: Final = 10.0
"""A subscriber that says nothing for so long is no more."""
MOST: Final = 1000
"""How many reports are kept; whoever comes beyond that is counted as unknown."""


class _Seen:
    """A subscriber, as it reported itself last."""

    def __init__(self, report: SubscriberReport, now: float) -> None:
        self.report = report
        self.since = self.reported_at = now


class Subscribers:
    """The reports of the last seconds. Times are seconds of a monotonic clock."""

    def __init__(
        self,
        intents: int = 0,
        account: Literal["bot", "user"] = "bot",
        record: HappeningRecord | None = None,
    ) -> None:
        """intents, account: what the cluster identifies with, and as what. record: takes note of
        who comes and goes; None: nobody does."""
        self._intents, self._account = intents, account
        self._record = record
        self._seen: dict[str, _Seen] = {}
        self.totals = NameTotals()
        """What those that were here have counted."""

    def report(self, report: SubscriberReport, now: float) -> None:
        """Take a report."""
        seen = self._seen.get(report.id)
        if seen is not None or len(self._seen) < MOST:
            self.totals.add(report, now)
        if seen is not None and report.gaps > seen.report.gaps:
            self._tell(HappeningKind.GAP, report, _new_reasons(report, seen.report))
        if report.leaving:
            if self._seen.pop(report.id, None):
                self._tell(HappeningKind.SUBSCRIBER_LEFT, report)
        elif seen is not None:
            seen.report, seen.reported_at = report, now
        elif len(self._seen) < MOST:
            self._seen[report.id] = _Seen(report, now)
            self._tell(HappeningKind.SUBSCRIBER_CAME, report)

    def _tell(self, kind: HappeningKind, report: SubscriberReport, cause: str = "") -> None:
        if self._record is not None:
            self._record.tell(kind, f"{report.name!r} (pid {report.pid})", cause=cause)

    def forget_silent(self, now: float) -> None:
        """Forget those that say nothing any more, and later what their name has counted."""
        for key, seen in list(self._seen.items()):
            if now - seen.reported_at > SILENT_S:
                del self._seen[key]
                cause = f"it said nothing for {SILENT_S:g} s"
                self._tell(HappeningKind.SUBSCRIBER_LEFT, seen.report, cause)
        self.totals.forget_silent(now)

    def rows(self, now: float) -> list[SubscriberStatus]:
        """Return a row for each subscriber, by name; those that say nothing any more are
        forgotten."""
        self.forget_silent(now)
        rows = [
            SubscriberStatus(
                name=seen.report.name,
                pid=seen.report.pid,
                lag=seen.report.lag,
                events=seen.report.events,
                gaps=seen.report.gaps,
                gap_reasons=seen.report.gap_reasons,
                replays=seen.report.replays,
                misses=seen.report.misses,
                fenced=seen.report.fenced,
                unfit=seen.report.unfit,
                misfits=seen.report.misfits,
                since_s=now - seen.since,
                lacks=lacking(seen.report.needs, self._intents, self._account),
            )
            for seen in self._seen.values()
        ]
        return sorted(rows, key=lambda row: (row.name, row.pid))


def _new_reasons(report: SubscriberReport, before: SubscriberReport) -> str:
    """Return the reasons of the gaps that came since the report before, in words."""
    new = {
        REASONS[GapReason(reason)] if reason in REASONS else OTHER
        for reason, count in report.gap_reasons.items()
        if count > before.gap_reasons.get(reason, 0)
    }
    return ", ".join(sorted(new))
