"""How often a worker reports, and what of its shards."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any, cast

from cluster.wire.link import FromWorker, Report, ShardPlan, Welcome
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport
from shard_worker.worker import RENEWED, REPORT_PAUSE_S, REPORT_S, Worker
from tests.played_loop import play
from tests.shard_worker.test_adopt_seconds import worker_spec
from tests.shard_worker.test_shard_timer import Wire


def test_a_thousand_shards_that_change_one_after_the_other_are_few_reports() -> None:
    """The first change is told at once, and the last is not left untold."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(worker_spec())
        changed, told = 0, list[tuple[float, int]]()
        stats = SimpleNamespace(bytes=0, seconds=None, journalling=True, unpublished=0)
        worker._journal = cast(Any, SimpleNamespace(stats=lambda: stats, held=False))
        worker._link = cast(
            Any, SimpleNamespace(send=lambda _: told.append((loop.time(), changed)))
        )
        for _ in range(1000):
            changed += 1
            worker.changed()
            await asyncio.sleep(1 / 250)
        await asyncio.sleep(REPORT_PAUSE_S)
        assert told[0] == (0.0, 1)
        assert told[-1][1] == 1000
        assert 30 <= len(told) <= 4.0 / REPORT_PAUSE_S + 2

    play(scenario)


class Told:
    """What a worker tells a coordinator that takes it, or does not."""

    def __init__(self, worker: Worker, shards: int) -> None:
        self.reports: list[Report] = []
        self.takes = True
        stats = SimpleNamespace(bytes=0, seconds=None, journalling=True, unpublished=0)
        worker._journal = cast(Any, SimpleNamespace(stats=lambda: stats, held=False, tick=int))
        worker._link = cast(Any, SimpleNamespace(send=self.send, poll=int, heard_at=math.inf))
        wire = Wire()
        for shard_id in range(shards):
            plan = ShardPlan(shard_id=shard_id, shard_count=shards)
            worker._shards[shard_id] = Shard(
                plan, worker_spec(), cast(Transport, wire), wire, worker
            )

    def send(self, message: FromWorker) -> bool:
        if self.takes:
            assert isinstance(message, Report)
            self.reports.append(message)
        return self.takes

    def last(self) -> list[int]:
        """Return the shards that the last report tells of."""
        assert self.reports[-1].counts == []
        return [shard.shard_id for shard in self.reports[-1].shards]


def test_a_report_tells_of_what_has_changed() -> None:
    async def scenario() -> None:
        worker = Worker(worker_spec())
        told = Told(worker, 4)
        worker._report()
        assert told.last() == told.reports[-1].has == [0, 1, 2, 3]
        worker._report()
        assert (told.last(), told.reports[-1].has) == ([], [0, 1, 2, 3])
        worker._shards[2].reconnect()
        worker._report()
        assert told.last() == [2]
        worker._shards[1].reconnect()
        told.takes = False
        worker._report()
        told.takes = True
        worker._report()
        assert told.last() == [0, 1, 2, 3], "nobody took the one before, nor what it told"
        await asyncio.sleep(REPORT_S)  # until they connect
        worker._report()
        assert told.last() == []
        worker._on_message(Welcome())
        await asyncio.sleep(REPORT_PAUSE_S)
        assert told.last() == [0, 1, 2, 3], "another coordinator knows nothing"

    play(scenario)


def test_every_shard_is_told_of_within_a_minute() -> None:
    async def scenario() -> None:
        worker = Worker(worker_spec())
        told = Told(worker, RENEWED + 5)
        worker._report()
        ticker = asyncio.create_task(worker._tick())
        await asyncio.sleep((RENEWED - 1) * REPORT_S + 0.5)
        ticker.cancel()
        again = [shard.shard_id for report in told.reports[1:] for shard in report.shards]
        assert sorted(again) == list(range(RENEWED + 5))
        assert max(len(report.shards) for report in told.reports[1:]) == 2, "a few at a time"

    play(scenario)
