"""The processes of the gateway proxy: what each says of itself, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cluster.wire.proxies import ProxyFacts, ProxyReport
from coordinator.verb import Verb, args_of

SILENT_S: Final = 10.0
"""A process that says nothing for so long is no more."""
MOST: Final = 256
"""How many are heard of; those beyond that get an answer, and are not in `status`."""


class Proxies:
    """The reports of the last seconds."""

    def __init__(self, facts: Callable[[], ProxyFacts], clock: Callable[[], float]) -> None:
        """facts: what they are told of the cluster now. clock: monotonic seconds."""
        self._facts = facts
        self._clock = clock
        self._seen: dict[str, tuple[ProxyReport, float]] = {}
        """Id of a process -> what it said last, and when."""

    def verbs(self) -> Mapping[str, Verb]:
        """Return the verb by which a process reports itself."""
        return {"proxy": self.report}

    async def report(self, args: dict[str, Any]) -> ProxyFacts:
        """Take a process's report of itself. args: ProxyReport."""
        report = args_of(args, ProxyReport)
        self._forget_silent()
        if not report.key and not report.leaving:
            self._forget_former(report)
        if report.leaving:
            self._seen.pop(report.id, None)
        elif report.id in self._seen or len(self._seen) < MOST:
            self._seen[report.id] = report, self._clock()
        return self._facts()

    def rows(self) -> list[ProxyReport]:
        """Return what those say that are there: the cluster's own first, in order."""
        self._forget_silent()
        reports = [report for report, _ in self._seen.values()]
        return sorted(reports, key=lambda report: (report.key, report.number, report.pid))

    def _forget_former(self, report: ProxyReport) -> None:
        """Forget the process that one of the cluster's own has taken the place of."""
        for key, (other, _) in list(self._seen.items()):
            if not other.key and other.number == report.number and other.id != report.id:
                del self._seen[key]

    def _forget_silent(self) -> None:
        now = self._clock()
        self._seen = {key: one for key, one in self._seen.items() if now - one[1] <= SILENT_S}


def proxy_troubles(rows: list[ProxyReport]) -> list[str]:
    """Return a line for each trouble that processes of the proxy have told. Pure."""
    return [f"{proxy_name(row)} lets no client begin: {row.trouble}" for row in rows if row.trouble]


def proxy_name(row: ProxyReport) -> str:
    """Return what a process of the proxy is called, for people."""
    return f"the proxy of {row.key} (pid {row.pid})" if row.key else f"proxy {row.number}"
