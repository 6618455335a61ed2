"""How often a worker reports, and what of its shards."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from cluster.wire import topic
from cluster.wire.link import FromWorker, Report, ShardPlan, Welcome
from cluster.wire.traffic import OTHER, Traffic
from shard_worker.delivery.slot_journal import SlotJournalStats
from shard_worker.shard import Shard
from shard_worker.transport.transport import Transport
from shard_worker.worker import REPORT_S, Worker
from shard_worker.worker_report import RENEWED, REPORT_PAUSE_S, Reporter
from tests.played_loop import play
from tests.shard_worker.test_adopt_seconds import worker_spec
from tests.shard_worker.test_shard_timer import Wire


def let_report(worker: Worker, send: Callable[[Any], object]) -> dict[str, int]:
    """Let a worker report by `send`, with a journal in which nothing is, and a transport. Return
    what it counts the events in."""
    stats, counts = SlotJournalStats(0, None, True, 0, 0, 0), dict[str, int]()
    journal = SimpleNamespace(
        stats=lambda: stats, held=False, tick=int, events=counts, checkpoints=None
    )
    link = SimpleNamespace(send=send, poll=int, heard_at=math.inf)
    transport = SimpleNamespace(received_bytes=7)
    worker._journal, worker._link = cast(Any, journal), cast(Any, link)
    worker._reporter = Reporter(
        0, worker._shards, worker._journal, cast(Any, transport), worker._link, worker._lease
    )
    return counts


def test_a_thousand_shards_that_change_one_after_the_other_are_few_reports() -> None:
    """The first change is told at once, and the last is not left untold."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker(worker_spec())
        changed, told = 0, list[tuple[float, int]]()
        let_report(worker, lambda _: told.append((loop.time(), changed)))
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
        self.worker = worker
        self.reports: list[Report] = []
        self.takes = True
        self.counts = let_report(worker, self.send)
        wire = Wire()
        for shard_id in range(shards):
            plan = ShardPlan(shard_id=shard_id, shard_count=shards)
            worker._shards[shard_id] = Shard(
                plan,
                worker_spec(),
                cast(Transport, wire),
                wire,
                worker,
                tally=worker._reporter.tally,
            )

    def send(self, message: FromWorker) -> bool:
        if self.takes:
            assert isinstance(message, Report)
            self.reports.append(message)
        return self.takes

    def traffic(self) -> Traffic:
        """Let the worker report, and return what it has counted."""
        self.worker._reporter.report()
        traffic = self.reports[-1].traffic
        assert traffic is not None
        return traffic

    def last(self) -> list[int]:
        """Return the shards that the last report tells of."""
        assert self.reports[-1].counts == []
        return [shard.shard_id for shard in self.reports[-1].shards]


def test_a_report_tells_of_what_has_changed() -> None:
    async def scenario() -> None:
        worker = Worker(worker_spec())
        told = Told(worker, 4)
        worker._reporter.report()
        assert told.last() == told.reports[-1].has == [0, 1, 2, 3]
        worker._reporter.report()
        assert (told.last(), told.reports[-1].has) == ([], [0, 1, 2, 3])
        worker._shards[2].reconnect()
        worker._reporter.report()
        assert told.last() == [2]
        worker._shards[1].reconnect()
        told.takes = False
        worker._reporter.report()
        told.takes = True
        worker._reporter.report()
        assert told.last() == [0, 1, 2, 3], "nobody took the one before, nor what it told"
        await asyncio.sleep(REPORT_S)  # until they connect
        worker._reporter.report()
        assert told.last() == []
        worker._on_message(Welcome())
        await asyncio.sleep(REPORT_PAUSE_S)
        assert told.last() == [0, 1, 2, 3], "another coordinator knows nothing"

    play(scenario)


def test_every_shard_is_told_of_within_a_minute() -> None:
    async def scenario() -> None:
        worker = Worker(worker_spec())
        told = Told(worker, RENEWED + 5)
        worker._reporter.report()
        ticker = asyncio.create_task(worker._tick())
        await asyncio.sleep((RENEWED - 1) * REPORT_S + 0.5)
        ticker.cancel()
        again = [shard.shard_id for report in told.reports[1:] for shard in report.shards]
        assert sorted(again) == list(range(RENEWED + 5))
        assert max(len(report.shards) for report in told.reports[1:]) == 2, "a few at a time"

    play(scenario)


def test_types_of_events_are_told_of_when_they_have_changed() -> None:
    async def scenario() -> None:
        worker = Worker(worker_spec())
        told = Told(worker, RENEWED)
        told.counts.update({"READY": 1, "MESSAGE_CREATE": 5, "NEWER_THAN_US": 2, topic.HOLE: 3})
        first = told.traffic()
        assert first.events == {"READY": 1, "MESSAGE_CREATE": 5, OTHER: 2}
        assert (first.holes, first.received_bytes) == (3, 7)
        assert told.counts == {"READY": 1, "MESSAGE_CREATE": 5}, "an invented name is not kept"
        told.counts["MESSAGE_CREATE"] += 1
        told.counts["INVENTED"] = 4
        assert told.traffic().events == {"MESSAGE_CREATE": 6, OTHER: 6}
        told.takes = False
        worker._reporter.report()
        told.takes = True
        whole = {"READY": 1, "MESSAGE_CREATE": 6, OTHER: 6}
        assert told.traffic().events == whole, "nobody took the one before"
        worker._on_message(Welcome())
        assert told.traffic().events == whole, "another coordinator knows nothing"
        assert told.traffic().events == {OTHER: 6}
        told.reports.clear()
        ticker = asyncio.create_task(worker._tick())
        await asyncio.sleep(RENEWED * REPORT_S + 0.5)
        ticker.cancel()
        reports = [one.traffic.events for one in told.reports if one.traffic]
        assert [n for n, events in enumerate(reports) if events == whole] == [0, RENEWED]

    play(scenario)
