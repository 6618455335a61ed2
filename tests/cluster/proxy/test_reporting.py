"""What a process of the proxy tells of itself, and hears of the cluster."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import msgspec
import pytest

from cluster.errors import ClusterError
from cluster.proxy.reporting import Reporting
from cluster.proxy.server.identifying import ClusterFacts
from cluster.wire.proxies import ProxyFacts, ProxyReport


class Coordinator:
    """A connection to one that answers with `answer`."""

    def __init__(self) -> None:
        self.answer: ProxyFacts | Exception = ProxyFacts(shard_count=2, intents=1)
        self.reports: list[ProxyReport] = []

    async def exchange(self, verb: str, kind: Any, args: Any, seconds: float) -> Any:
        assert (verb, kind) == ("proxy", ProxyFacts)
        self.reports.append(msgspec.convert(args, ProxyReport))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def reporting(coordinator: Coordinator) -> Reporting:
    return Reporting(cast(Any, coordinator), ClusterFacts(1, 0), 3, "ws://127.0.0.1:7320")


def test_it_hears_how_the_cluster_is() -> None:
    async def scenario() -> None:
        coordinator = Coordinator()
        told = reporting(coordinator)
        assert (told.facts, told.is_told) == (ClusterFacts(1, 0), False)
        await told.report()
        assert (told.facts, told.is_told) == (ClusterFacts(2, 1), True)
        coordinator.answer = ProxyFacts(shard_count=4, intents=1)
        await told.report()
        assert told.facts == ClusterFacts(4, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("answer", [ClusterError("the coordinator hung up"), TimeoutError()])
def test_where_nobody_answers_nothing_changes(
    answer: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        coordinator = Coordinator()
        told = reporting(coordinator)
        await told.report()
        coordinator.answer = answer
        for _ in range(9):
            await told.report()
        await told.report(leaving=True)
        assert told.facts == ClusterFacts(2, 1)

    caplog.set_level(logging.WARNING)
    asyncio.run(scenario())
    assert len(caplog.records) == 4, "the 1st, 2nd, 4th and 8th time"


def test_it_tells_who_it_is_and_what_its_parts_have_counted() -> None:
    async def scenario() -> None:
        coordinator = Coordinator()
        told = reporting(coordinator)
        told.trouble = "x" * 500
        told.fill_in = lambda report: msgspec.structs.replace(report, clients=7)
        await told.report()
        await told.report(leaving=True)
        first, last = coordinator.reports
        assert (first.number, first.listens, first.clients) == (3, "ws://127.0.0.1:7320", 7)
        assert (len(first.trouble), first.leaving, last.leaving) == (400, False, True)
        assert first.id == last.id
        assert first.id != reporting(coordinator)._id

    asyncio.run(scenario())
