"""The coordinator is asked once a second, however many ask here."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from cluster.errors import NotRunningError
from cluster.wire.status import ClusterStatus
from coordinator.http.snapshots import FRESH_S, Snapshots
from tests.coordinator.http.statuses import status


class Coordinator:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def status(self) -> ClusterStatus:
        self.asked += 1
        await self.may_answer.wait()
        if self.away:
            raise NotRunningError("the coordinator does not answer")
        return status(events=self.asked)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_all_who_ask_within_a_second_get_one_answer() -> None:
    async def scenario() -> None:
        coordinator, clock = Coordinator(), Clock()
        snapshots = Snapshots(coordinator.status, clock)
        coordinator.may_answer.clear()
        asking = [asyncio.create_task(snapshots.get()) for _ in range(100)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who goes away takes it from no other
        await asyncio.sleep(0)
        coordinator.may_answer.set()
        answers = await asyncio.gather(*asking[1:])
        assert {id(answer) for answer in answers} == {id(answers[0])}
        assert msgspec.json.decode(answers[0].json, type=ClusterStatus) == answers[0].status
        clock.now += FRESH_S - 0.01
        assert await snapshots.get() is answers[0]
        assert coordinator.asked == 1
        clock.now += 0.02
        assert (await snapshots.get()).status.events == coordinator.asked == 2

    asyncio.run(scenario())


def test_one_that_is_away_is_asked_once_a_second_too() -> None:
    async def scenario() -> None:
        coordinator, clock = Coordinator(), Clock()
        snapshots = Snapshots(coordinator.status, clock)
        coordinator.away = True
        for _ in range(10):
            with pytest.raises(NotRunningError):
                await snapshots.get()
        assert coordinator.asked == 1
        coordinator.away = False
        clock.now += FRESH_S
        assert (await snapshots.get()).status.events == 2

    asyncio.run(scenario())
