"""Events a second by type: what workers have counted from one status to the next. Pure."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from cluster.wire.status import ClusterStatus

WINDOW_S: Final = 5.0
"""Seconds over which a rate is taken."""


class TypeRate(NamedTuple):
    """One type of events."""

    name: str
    per_s: float
    total: int
    """How many there were, as far as the coordinator has heard."""
    share: float
    """Its part of all events a second, 0 to 1."""


class TypeRates:
    """The last counts of a cluster."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, dict[str, int]]] = deque()

    def take(self, status: ClusterStatus, now: float) -> list[TypeRate]:
        """Take a status, of this moment in monotonic seconds, and return the types of which there
        were any, the busiest first. A counter that fell is of another coordinator."""
        counts: Counter[str] = Counter()
        for worker in status.traffic:
            counts.update(worker.events)
        looks = self._counts
        if looks and counts.total() < sum(looks[-1][1].values()):
            looks.clear()
        looks.append((now, dict(counts)))
        while len(looks) > 2 and looks[1][0] <= now - WINDOW_S:
            looks.popleft()
        began, before = looks[0]
        passed = now - began
        new = {name: max(0, count - before.get(name, 0)) for name, count in counts.items()}
        all_new = sum(new.values())
        rows = [
            TypeRate(
                name,
                new[name] / passed if passed > 0 else 0.0,
                count,
                new[name] / all_new if all_new else 0.0,
            )
            for name, count in counts.items()
        ]
        return sorted(rows, key=lambda row: (-row.per_s, -row.total, row.name))
