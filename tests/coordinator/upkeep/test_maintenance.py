"""What is noted of sessions while the cluster runs, for the start that follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import coordinator.upkeep.maintenance
from cluster.endpoints.paths import ClusterPaths
from cluster.wire.link import Report, ShardReport
from cluster.wire.states import SessionState
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store
from coordinator.upkeep.maintenance import Maintenance
from coordinator.workers.fleet import Fleet

SHARDS = 3


class Rig:
    """A Maintenance over a real store, in a cluster of one worker that says what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.store = Store.open(folder / "store.sqlite")
        for shard in range(SHARDS):
            self.store.grant(shard + 1, "account", SHARDS, shard, 0.0)
        self.ending = False
        assignments = Assignments(Plan(SHARDS, {0: tuple(range(SHARDS))}))
        self.fleet = Fleet.start_with(assignments, lambda slot, message: True, lambda: 0.0)
        paths = ClusterPaths(name="t", state_dir=folder, runtime_dir=folder / "run")
        context = cast(Any, SimpleNamespace(store=self.store, paths=paths, clock=time.monotonic))
        hub, last_out = SimpleNamespace(alive=True), SimpleNamespace(slots={})
        self.maintenance = Maintenance(
            context, self.fleet, cast(Any, hub), cast(Any, last_out), lambda: self.ending
        )

    def say(self, *states: SessionState) -> None:
        """Report these states of the shards."""
        shards = [
            ShardReport(shard_id=shard, state=state, epoch=1, seq=1, events=1)
            for shard, state in enumerate(states)
        ]
        report = Report(
            slot=0, has=[shard.shard_id for shard in shards], shards=shards, cpu_seconds=0.0,
            rss_bytes=0, events=0, journal_bytes=0, journal_seconds=None, journalling=True,
            unpublished=0,
        )  # fmt: skip
        self.fleet.reports.report(report, 0.0)

    def noted(self) -> list[bool]:
        """Whether each shard is known to have a session."""
        return [self.store.known(SHARDS, s).seen_at is not None for s in range(SHARDS)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.store.close()


def test_a_session_is_noted_until_its_shard_asks_for_another(rig: Rig) -> None:
    rig.say(SessionState.READY, SessionState.READY, SessionState.CONNECTING)
    rig.maintenance.write_seen()
    assert rig.noted() == [True, True, False]
    rig.say(SessionState.WAITING, SessionState.AWAITING_GRANT, SessionState.CONNECTING)
    rig.maintenance.write_seen()
    assert rig.noted() == [True, False, False], "one that reconnects has its session still"


def test_what_a_stop_leaves_is_noted_when_it_begins(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A logout closes shard by shard, and none is noted to live because another has ended."""
    monkeypatch.setattr(coordinator.upkeep.maintenance, "TICK_S", 0.0)
    ready = SessionState.READY

    async def scenario() -> None:
        running = asyncio.ensure_future(rig.maintenance.run())
        await asyncio.sleep(0)
        rig.say(ready, ready, ready)
        async with asyncio.timeout(60):
            while rig.noted() != [True] * SHARDS:  # noqa: ASYNC110
                await asyncio.sleep(0)
        rig.ending = True
        rig.maintenance.write_logout()
        rig.say(ready, ready, SessionState.CLOSED)
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())
    assert rig.noted() == [False] * SHARDS
