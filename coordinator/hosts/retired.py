"""Journals on hosts that no worker uses any more: kept for a day, since somebody may ask for what
they hold, and then removed by the host's agent (pure but for what it tells).

A coordinator that starts anew keeps them for a day more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cluster.wire.hosts import ClearJournal
from coordinator.hosts.host import Host
from coordinator.state.folders import RETIRED_S

LOOK_S: Final = 60.0


class RetiredJournals:
    """Looks for them among what agents report."""

    def __init__(self, where: Callable[[], Mapping[int, str]], clock: Callable[[], float]) -> None:
        """where: returns on which host each slot is placed. clock: monotonic seconds."""
        self._where = where
        self._clock = clock
        self._looked_at = float("-inf")
        self._since: dict[tuple[str, int], float] = {}
        """(host, slot) -> when its journal was first seen to be of no worker."""

    def look(self, hosts: Mapping[str, Host]) -> None:
        """Let those be removed that have been of no worker for RETIRED_S; once in LOOK_S."""
        now = self._clock()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        found = set()
        for host in hosts.values():
            for slot in self._retired(host):
                found.add((host.name, slot))
                if now - self._since.setdefault((host.name, slot), now) > RETIRED_S:
                    host.tell(ClearJournal(slot=slot))
        # Of a host that is away nothing is known: what was seen of it still holds
        away = {name for name, host in hosts.items() if not host.here}
        self._since = {key: at for key, at in self._since.items() if key in found or key[0] in away}

    def _retired(self, host: Host) -> list[int]:
        """Return the slots of a host that have a journal and no worker, and are to have none."""
        if not host.here or host.report is None:
            return []
        where = self._where()
        return [
            slot
            for slot in host.report.journals
            if where.get(slot) != host.name and slot not in host.held
        ]
