"""What subscribers have counted, by name: it goes on where one leaves and the next one comes."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple, TypeVar

from cluster.wire.states import GapReason
from cluster.wire.status import SubscriberReport, SubscriberTotals
from cluster.wire.traffic import OTHER

MOST_NAMES: Final = 1000
"""How many names are counted; beyond that, what was heard of longest ago is forgotten."""
FORGET_S: Final = 24 * 3600.0
"""Seconds after which a name is forgotten of which nothing was heard: names that carry a pid would
add up, and nobody looks them up again."""
MOST_KNOWN: Final = 2000
"""How many subscribers are known by their ids; one that was forgotten is counted anew from its
start."""
MOST_COUNT: Final = 2**53
"""No count goes beyond it, whatever a subscriber says: a double still has it exactly, and a message
holds it."""
REASONS: Final = frozenset(reason.value for reason in GapReason)

_EVENTS, _REPLAYS, _MISSES, _FENCED, _UNFIT = "events", "replays", "misses", "fenced", "unfit"
_GAP: Final = "gap "
"""How the key of a reason's count begins."""

Value = TypeVar("Value")


class _Name(NamedTuple):
    """What the subscribers of a name have counted."""

    heard_at: float
    totals: Counter[str]


class NameTotals:
    """The totals of each name. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._by_name: dict[str, _Name] = {}
        self._known: dict[str, Counter[str]] = {}
        """What each subscriber has said of itself last, by its id."""
        # In the order in which they were heard of, both: the last at the end.

    def add(self, report: SubscriberReport, now: float) -> None:
        """Count what a subscriber has counted since its last report."""
        counts, known = _counts(report), self._known.pop(report.id, Counter[str]())
        before = self._by_name.pop(report.name, None)
        totals = before.totals if before else Counter[str]()
        for key, count in counts.items():
            totals[key] = min(MOST_COUNT, totals[key] + max(0, count - known[key]))
        _put_last(self._by_name, report.name, _Name(now, totals), MOST_NAMES)
        if not report.leaving:
            _put_last(self._known, report.id, counts, MOST_KNOWN)

    def forget_silent(self, now: float) -> None:
        """Forget the names of which nothing was heard for FORGET_S; one that comes again counts
        from zero."""
        for name, (heard_at, _) in list(self._by_name.items()):
            if now - heard_at < FORGET_S:
                break  # those that come after it were heard of later
            del self._by_name[name]

    def rows(self) -> list[SubscriberTotals]:
        """Return a row for each name; those that were heard of last come first."""
        return [
            SubscriberTotals(
                name=name,
                events=totals[_EVENTS],
                gaps={
                    key.removeprefix(_GAP): count
                    for key, count in totals.items()
                    if key.startswith(_GAP)
                },
                replays=totals[_REPLAYS],
                misses=totals[_MISSES],
                fenced=totals[_FENCED],
                unfit=totals[_UNFIT],
            )
            for name, (_, totals) in reversed(self._by_name.items())
        ]


def _put_last(kept: dict[str, Value], key: str, value: Value, most: int) -> None:
    """Put in what was heard of now, and forget what was heard of longest ago where it is too
    much."""
    kept[key] = value
    while len(kept) > most:
        del kept[next(iter(kept))]


def _counts(report: SubscriberReport) -> Counter[str]:
    """Return what a report counts. Gaps of which it has not said why, and of reasons that are not
    known, are OTHER."""
    counts = Counter(
        {
            _EVENTS: report.events,
            _REPLAYS: report.replays,
            _MISSES: report.misses,
            _FENCED: report.fenced,
            _UNFIT: report.unfit,
        }
    )
    for reason, count in report.gap_reasons.items():
        counts[_GAP + (reason if reason in REASONS else OTHER)] += count
    if (unsaid := report.gaps - sum(report.gap_reasons.values())) > 0:
        counts[_GAP + OTHER] += unsaid
    return counts
