"""All hubs of a cluster together: who is connected to them.

The first is a thread of the coordinator's own; the others are processes, which report themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cluster.errors import ClusterError
from cluster.wire.status import HubReport
from coordinator.hub.hub import Hub
from coordinator.verb import Verb, args_of

MOST_HUBS: Final = 64
SILENT_S: Final = 10.0
"""A hub that says nothing for so long is not there."""


class Hubs:
    """Knows the first hub, and what the others said last."""

    def __init__(self, first: Hub, clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        self._first = first
        self._clock = clock
        self._reports: dict[int, tuple[HubReport, float]] = {}
        """Number of a hub -> what it said last, and when."""

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verb by which a hub reports itself; the TCP gate lets no client say it."""
        return {"_hub": self.report}

    async def report(self, args: dict[str, Any]) -> None:
        """Take a hub's report of itself. args: HubReport."""
        report = args_of(args, HubReport)
        if not 0 < report.number < MOST_HUBS or len(report.full) > len(self._first.listeners):
            raise ClusterError("not the arguments of this request: there is no such hub")
        self._reports[report.number] = report, self._clock()

    def processes(self) -> list[HubReport]:
        """Return what the hubs say of themselves that are processes and are not away, in order."""
        now = self._clock()
        there = [report for report, at in self._reports.values() if now - at <= SILENT_S]
        return sorted(there, key=lambda report: report.number)

    @property
    def connections(self) -> int:
        """How many are connected to hear events, our own connection among them. A program that
        hears all of them is connected to every hub, so it is the number at the hub that has the
        most: of programs that hear single hubs, each another one, fewer are counted."""
        return max([self._first.connections, *(one.connections for one in self.processes())])

    def full(self) -> list[str]:
        """Return the names of the endpoints that let nobody in any more."""
        own = [listener.name for listener in self._first.listeners if listener.full]
        return own + [name for report in self.processes() for name in report.full]
