"""What happened, asked for once."""

from __future__ import annotations

import asyncio

from cluster.wire.happenings import Happening, HappeningKind, Happenings, Severity
from coordinator.http.history import KEPT, History


class Coordinator:
    """Tells what happened up to a number, and was asked for what came after some."""

    def __init__(self) -> None:
        self.last = 0
        self.asked: list[int] = []

    async def happenings(self, after: int) -> Happenings:
        self.asked.append(after)
        kind, severity = HappeningKind.ALL_READY, Severity.INFO
        rows = [
            Happening(number=number, at=1.0, kind=kind, severity=severity, text=str(number))
            for number in range(max(after + 1, self.last - KEPT + 1), self.last + 1)
        ]
        return Happenings(last=self.last, happenings=rows)


def test_each_is_asked_for_once_and_the_last_are_kept() -> None:
    async def scenario() -> None:
        coordinator = Coordinator()
        history = History(coordinator.happenings)
        assert await history.newest() == []
        for last in (3, 3, 5, 90, 130):
            coordinator.last = last
            rows = await history.newest()
            first = max(1, last - KEPT + 1)
            assert [row.number for row in rows] == list(range(first, last + 1))
        assert coordinator.asked == [0, 0, 3, 3, 5, 90]

    asyncio.run(scenario())


def test_another_cluster_begins_anew() -> None:
    async def scenario() -> None:
        coordinator = Coordinator()
        history = History(coordinator.happenings)
        coordinator.last = 50
        await history.newest()
        coordinator.last = 2
        assert [row.number for row in await history.newest()] == [1, 2]
        assert coordinator.asked == [0, 50, 0]

    asyncio.run(scenario())
