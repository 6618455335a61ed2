"""What the workers of one slot have counted, one process after another (pure).

A process counts from zero, and what it has counted stays when it ends: these counters go on. So
they do not begin anew for whoever reads them, as long as this coordinator lives; the next one knows
only what the processes say that it takes over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Final, Generic, TypeVar

from cluster.discord.close_codes import CLOSE_CODES
from cluster.wire.link import Report, ShardReport
from cluster.wire.traffic import LATENCY_CLASSES, OTHER, WorkerTraffic

CODES: Final = frozenset(str(code) for code in (*CLOSE_CODES, *range(1000, 1016)))
"""Close codes with a counter of their own: Discord's, and those of RFC 6455 and its registry."""
CLOSED: Final = "closed "
"""How the cause of a lost connection begins that ends with the close code."""
LOST: Final = "connection lost"
"""The cause of one that ended without a close code."""
MOST_CAUSES: Final = 32
"""Causes with a counter of their own; sessions have some twenty."""

Label = TypeVar("Label", bound=Hashable)


class Growing(Generic[Label]):
    """Counters of processes that follow each other, by label."""

    def __init__(self) -> None:
        self._before: dict[Label, float] = {}
        """The sums of the processes that have ended."""
        self._now: dict[Label, float] = {}

    def tell(self, counts: Mapping[Label, float]) -> None:
        """Take how far the process has counted; labels that are not named are as before."""
        self._now.update(counts)

    def ended(self) -> None:
        """Take note that the process has ended: the next one begins at zero."""
        self._before, self._now = self.totals(), {}

    def totals(self) -> dict[Label, float]:
        """Return what all processes have counted."""
        totals = dict(self._before)
        for label, count in self._now.items():
            totals[label] = totals.get(label, 0) + count
        return totals


class SlotTraffic:
    """The counters of one slot."""

    def __init__(self) -> None:
        self._events = Growing[str]()
        self._heartbeats = Growing[int]()
        self._numbers = Growing[str]()
        """By the name of the field."""
        self._reconnects: Counter[str] = Counter()
        self._closes: Counter[str] = Counter()

    def report(self, report: Report, known: Mapping[int, ShardReport]) -> None:
        """Take a report. known: what the process has said before of each shard, by id."""
        self._numbers.tell({"cpu_s": report.cpu_seconds})
        if (traffic := report.traffic) is not None:
            self._events.tell(traffic.events)
            self._heartbeats.tell(dict(enumerate(traffic.heartbeats)))
            self._numbers.tell(
                {
                    "holes": traffic.holes,
                    "received_bytes": traffic.received_bytes,
                    "batch_bytes": traffic.batch_bytes,
                    "heartbeat_s": traffic.heartbeat_s,
                    "unjournalled": traffic.unjournalled,
                }
            )
        for told in report.shards:
            self._shard(told, known.get(told.shard_id))

    def _shard(self, told: ShardReport, before: ShardReport | None) -> None:
        """Count the connections that a shard has lost since it was told of last."""
        known = {} if before is None else before.reconnects
        if sum(known.values()) > sum(told.reconnects.values()):
            known = {}  # it went to another worker and came back meanwhile
        for cause, count in told.reconnects.items():
            if (new := count - known.get(cause, 0)) > 0:
                self._lost(cause, new)
        if told.refused is not None and (before is None or before.refused is None):
            self._closes[_code(str(told.refused))] += 1

    def _lost(self, cause: str, count: int) -> None:
        if cause.startswith(CLOSED):
            self._closes[_code(cause.removeprefix(CLOSED))] += count
            cause = CLOSED.strip()
        elif cause == LOST:
            self._closes["none"] += count
        if cause not in self._reconnects and len(self._reconnects) >= MOST_CAUSES:
            cause = OTHER
        self._reconnects[cause] += count

    def ended(self) -> None:
        """Take note that the process has ended."""
        for counters in (self._events, self._heartbeats, self._numbers):
            counters.ended()

    def status(self, slot: int) -> WorkerTraffic:
        """Return what was counted."""
        numbers, heartbeats = self._numbers.totals(), self._heartbeats.totals()
        return WorkerTraffic(
            slot=slot,
            events={name: int(count) for name, count in self._events.totals().items()},
            holes=int(numbers.get("holes", 0)),
            received_bytes=int(numbers.get("received_bytes", 0)),
            batch_bytes=int(numbers.get("batch_bytes", 0)),
            heartbeats=[int(heartbeats.get(index, 0)) for index in range(LATENCY_CLASSES)],
            heartbeat_s=numbers.get("heartbeat_s", 0.0),
            unjournalled=int(numbers.get("unjournalled", 0)),
            reconnects=dict(self._reconnects),
            closes=dict(self._closes),
            cpu_s=numbers.get("cpu_s", 0.0),
        )


def _code(code: str) -> str:
    return code if code in CODES else OTHER
