"""What the cache tells of itself, and when it says that it lacks guilds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from cluster.cache import reporter as reporter_module
from cluster.cache.census import KnownShard, KnownShards
from cluster.cache.intake import Intake, Stream
from cluster.cache.reporter import Reporter
from cluster.cache.store import Store
from cluster.control_connection import ControlConnection
from cluster.errors import ClusterError
from cluster.wire.status import MOST_CACHE_SHARDS, CacheReport
from tests.cluster.cache.played import event, opened

WITHIN_S = 10.0


class Coordinator:
    """Answers with what its shards have, and takes reports."""

    def __init__(self, *answers: KnownShards | Exception) -> None:
        self._answers = list(answers)
        self.asked = 0
        self.reports: list[CacheReport] = []

    async def exchange(self, verb: str, kind: type, args: dict[str, Any], seconds: float) -> Any:
        assert (verb, kind) == ("status", KnownShards)
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def notify(self, verb: str, args: dict[str, Any]) -> None:
        assert verb == "_cache"
        self.reports.append(msgspec.convert(args, CacheReport))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = opened(tmp_path / "cache")
    yield made
    made.close()


def reports(
    store: Store, coordinator: Coordinator, until: Callable[[list[CacheReport]], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> list[CacheReport]:  # fmt: skip
    """Let a reporter run, as fast as it can, until its reports are so."""
    for name in ("REPORT_S", "LOOK_S", "ALL_WHOLE_S", "CENSUS_REST"):
        monkeypatch.setattr(reporter_module, name, 0.0)

    async def main() -> None:
        intake = Intake(store, cast(Stream, None))
        reporter = Reporter(store, 1 << 30, intake, cast(ControlConnection, coordinator))
        task = asyncio.create_task(reporter.run())
        async with asyncio.timeout(WITHIN_S):
            while not until(coordinator.reports) and not task.done():  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    return coordinator.reports


def known(*guilds: int) -> KnownShards:
    return KnownShards(len(guilds), [KnownShard(*row) for row in enumerate(guilds)])


def test_what_was_lacking_at_two_looks_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look may find a shard whose READY is still on its way to the cache."""
    coordinator = Coordinator(known(5, 0), known(3, 2))
    told = reports(store, coordinator, lambda found: len(found) > 3, monkeypatch)
    assert [report.unseen for report in told[:4]] == [0, 3, 5, 5]
    assert told[3].unseen_shards == [0, 1]


def test_a_coordinator_that_is_away_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = Coordinator(known(5), known(5), TimeoutError(), ClusterError("busy"), known(5))
    told = reports(store, coordinator, lambda found: len(found) > 5, monkeypatch)
    assert [report.unseen for report in told[:5]] == [0, 5, 5, 5, 5]


def test_what_is_in_the_cache_is_told_and_names_are_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = MOST_CACHE_SHARDS + 5
    with store.turn() as turn:
        for number in range(count):
            data = json.dumps({"id": str(number << 22), "member_count": 1}).encode()
            turn.apply(event("GUILD_CREATE", data, 1, number, count))
        turn.doubt(-1, 1, 9)
        turn.apply(event("GUILD_DELETE", b'{"id": 1}', 2, 0, count))
    (told, *_) = reports(store, Coordinator(known(0)), bool, monkeypatch)
    assert (told.guilds, told.stale, told.malformed) == (count, count, 0)
    assert told.stale_shards == list(range(MOST_CACHE_SHARDS))
    assert (told.max_bytes, told.full, told.disk_bytes > 0) == (1 << 30, False, True)
