"""Whether a start keeps to the budget, and what it does when nobody says what that is."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import IdentifyConfig
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.errors import ApiUnavailableError, BudgetError, ClusterError
from coordinator.account import ApiAccount
from coordinator.context import RunContext
from coordinator.gateway_api import GatewayAnswer, GatewayApi
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.identifies.make_queue import make_identifies
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan, StoredPlan
from coordinator.state.store import Store

PLAN = Plan(4, {0: (0, 1), 1: (2, 3)})


class Start:
    """A start of four shards on two workers, after a run of before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder / "store.sqlite")
        self.remaining = 1000
        self.refusal: ClusterError | None = None
        self.broker = ""
        self.notes: list[str] = []
        self._locks: list[int] = []

    def spec(self) -> CoordinatorSpec:
        return CoordinatorSpec(
            name="t",
            state_dir=str(self.folder),
            runtime_dir=str(self.folder / "run"),
            token="MTA.token",
            identify=IdentifyConfig(broker=self.broker),
        )

    def context(self) -> RunContext:
        limit = SessionStartLimit(
            total=1000, remaining=self.remaining, reset_after=1000, max_concurrency=1
        )
        info = GatewayInfo(url="wss://gateway", shards=4, session_start_limit=limit)
        spec = self.spec()
        api = GatewayApi(ApiAccount.from_spec(spec, None, 0.0), self.store)
        return RunContext(spec, api, GatewayAnswer(info, self.refusal), lambda: 0.0)

    def ran(self, *seen: int, lives: int | None = None) -> None:
        """Let a run of before have had this plan, and these shards sessions just now. lives: a slot
        whose worker still runs."""
        key = self.context().account_key
        self.store.set_plan(StoredPlan(plan=PLAN, asked_shards="4", asked_workers=2))
        for number, shard in enumerate(PLAN.shards, self.store.next_grant_id()):
            self.store.grant(number, key, 4, shard, 0.0)
        self.store.seen(4, seen, self.store.time.now())
        if lives is not None:
            folder = self.spec().paths.journal(lives)
            folder.mkdir(parents=True)
            self._locks.append(os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT))
            fcntl.flock(self._locks[-1], fcntl.LOCK_EX)

    def made(self) -> GuardedQueue:
        async def make() -> GuardedQueue:
            async with AsyncExitStack() as stack:
                return await make_identifies(
                    self.context(), Assignments(PLAN), lambda *_: True, stack, self.notes.extend
                )

        return asyncio.run(make())

    def close(self) -> None:
        self.store.close()
        for lock in self._locks:
            os.close(lock)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setattr("coordinator.identifies.make_queue.BROKER_S", 0.05)
    made = Start(tmp_path)
    yield made
    made.close()


def test_a_start_needs_an_identify_for_each_shard_without_a_session(start: Start) -> None:
    start.ran(0, 1, 2)
    start.remaining = 1
    start.made()
    start.remaining = 0
    with pytest.raises(BudgetError, match="1 identify is needed and 0 of 1000 are left"):
        start.made()
    assert start.notes == []


def test_a_start_ends_no_session_that_lives_for_the_budget(start: Start) -> None:
    start.ran(lives=0)
    start.remaining = 1
    start.made()
    assert len(start.notes) == 1
    assert "2 identifies are needed and 1 of 1000 are left" in start.notes[0]


def test_a_budget_that_is_not_known_refuses_nothing(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start.ran(0)
    start.refusal, start.remaining = ApiUnavailableError("HTTP 503"), 0
    assert "HTTP 503" in start.made().status().trouble
    assert start.notes == [], "whoever asked Discord has said it"
    assert "(HTTP 503); it is asked again in 1 s" in caplog.text, "a start asks once"


def test_a_broker_that_is_away_is_waited_for_where_sessions_are_left(start: Start) -> None:
    start.broker = f"ipc:///tmp/dcgw-nobody-{os.getpid()}"
    start.ran()
    with pytest.raises(ClusterError, match="no coordinator answers"):
        start.made()
    start.ran(3)
    assert not start.made().status().known
    assert "does not answer: no shard can identify, and sessions go on" in start.notes[0]
