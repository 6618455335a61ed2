"""What a start knows of the gateway when Discord can't be asked, and when it goes on with that."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord import gateway_bot
from cluster.discord.gateway_bot import ATTEMPTS, GatewayInfo, SessionStartLimit
from cluster.errors import (
    ApiUnavailableError,
    ClusterError,
    ConfigError,
    RateLimitedError,
    TokenRefusedError,
)
from coordinator.account import ApiAccount
from coordinator.gateway_api import GatewayAnswer, GatewayApi, goes_on
from coordinator.sharding.plan import Plan, StoredPlan
from coordinator.state.database import StoreError
from coordinator.state.sessions import Survivors
from coordinator.state.store import Store

URL = "wss://gateway.discord.gg"
LIMIT = SessionStartLimit(total=1000, remaining=990, reset_after=1000, max_concurrency=16)
AWAY = ApiUnavailableError("HTTP 503")
LIVE, CLOSED = Survivors(frozenset({0}), frozenset()), Survivors(frozenset(), frozenset({0}))
PLAN = Plan(2, {0: (0, 1)})
NONE = Survivors(frozenset(), frozenset())


class Rig:
    """A store in which a start of before left a plan and sessions, and an API that a test plays."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = Store.open(folder / "store.sqlite")
        self.answer: GatewayInfo | ClusterError = GatewayInfo(
            url=URL, shards=2, session_start_limit=LIMIT
        )
        self.attempts: list[int] = []
        self._locks: list[int] = []
        monkeypatch.setattr(gateway_bot, "fetch", self._fetch)

    async def _fetch(self, *, attempts: int, **_: object) -> GatewayInfo:
        self.attempts.append(attempts)
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer

    def spec(self, shards: str = "auto", token: str = "MTA.token") -> CoordinatorSpec:
        return CoordinatorSpec(
            name="t",
            state_dir=str(self.folder),
            runtime_dir=str(self.folder / "run"),
            token=token,
            shards=shards,
        )

    def start(self, shards: str = "auto", token: str = "MTA.token") -> GatewayAnswer:
        spec = self.spec(shards, token)
        api = GatewayApi(ApiAccount.from_spec(spec, None, 0.0), self.store)
        return asyncio.run(api.ask_at_start(spec))

    def ran(self, shards: str = "auto", plan: Plan = PLAN) -> None:
        """Let a cluster have run with this plan, and been stopped just now."""
        self.start(shards)
        key = ApiAccount.from_spec(self.spec(), None, 0.0).key(self.store.store_id)
        self.store.set_plan(StoredPlan(plan=plan, asked_shards=shards, asked_workers="auto"))
        for number, shard in enumerate(plan.shards, self.store.next_grant_id()):
            self.store.grant(number, key, plan.shard_count, shard, time.time())
        self.store.seen(plan.shard_count, plan.shards, time.time())
        self.attempts.clear()

    def resharded(self, shards: str, plan: Plan) -> None:
        """Let the cluster have come to this plan while it ran."""
        self.ran(shards, plan)
        self.store.set_plan(
            StoredPlan(plan=plan, asked_shards=shards, asked_workers="auto", resharded=True)
        )

    def lives(self, slot: int) -> None:
        folder = self.spec().paths.journal(slot)
        folder.mkdir(parents=True)
        self._locks.append(os.open(folder / "owner.lock", os.O_RDWR | os.O_CREAT))
        fcntl.flock(self._locks[-1], fcntl.LOCK_EX)

    def close(self) -> None:
        self.store.close()
        for lock in self._locks:
            os.close(lock)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    made = Rig(tmp_path, monkeypatch)
    yield made
    made.close()


def test_what_discord_said_last_is_gone_on_with_once(rig: Rig) -> None:
    rig.ran()
    rig.answer = AWAY
    answer = rig.start()
    assert answer.refusal is AWAY
    assert (answer.info.url, answer.info.shards) == (URL, 2)
    assert answer.info.session_start_limit.max_concurrency == 16
    assert answer.info.session_start_limit.remaining == 0
    assert rig.attempts == [1], "workers wait"


def test_the_number_of_shards_that_is_in_force_stays(rig: Rig) -> None:
    rig.ran()
    rig.answer = GatewayInfo(url=URL, shards=5, session_start_limit=LIMIT)
    assert rig.start().info.shards == 5
    rig.answer = AWAY
    assert rig.start().info.shards == 2
    assert rig.start("0-1/2").info.shards == 5, "it is not asked for"


def test_sessions_that_the_configuration_would_end_are_nothing_to_go_on(rig: Rig) -> None:
    """No other could begin in their place."""
    rig.ran("0-1/4", Plan(4, {0: (0, 1)}))
    rig.lives(0)
    rig.answer = AWAY
    for other in ("8", "auto", "2-3/4"):
        with pytest.raises(ApiUnavailableError):
            rig.start(other)
    assert rig.start("1-3/4").refusal is AWAY, "one of them goes on"


def test_a_shard_count_that_reshard_chose_is_gone_on_with(rig: Rig) -> None:
    rig.ran("2", Plan(2, {0: (0, 1)}))
    rig.resharded("2", Plan(3, {0: (0, 1, 2)}))
    rig.answer = AWAY
    assert rig.start("2").refusal is AWAY


def test_with_nothing_to_go_on_it_is_asked_five_times_and_said(rig: Rig) -> None:
    rig.answer = AWAY
    with pytest.raises(ApiUnavailableError):
        rig.start()
    rig.answer = GatewayInfo(url=URL, shards=2, session_start_limit=LIMIT)
    rig.ran()
    rig.store.forget_sessions()
    rig.answer = AWAY
    with pytest.raises(ApiUnavailableError):
        rig.start()
    assert rig.attempts == [ATTEMPTS]


def test_what_another_account_left_is_nothing_to_go_on(rig: Rig) -> None:
    rig.ran()
    rig.lives(0)
    rig.answer = AWAY
    with pytest.raises(ApiUnavailableError):
        rig.start(token="MTI.another")
    assert rig.start(token="MTA.reset").refusal is AWAY, "the bot's own token, reset"


def test_what_another_account_was_told_is_not_taken_for_what_this_one_was(rig: Rig) -> None:
    rig.ran()
    rig.start(token="MTI.another")
    rig.answer = AWAY
    with pytest.raises(ApiUnavailableError):
        rig.start()


@pytest.mark.parametrize(
    ("error", "left", "expected"),
    [
        (AWAY, LIVE, True),
        (AWAY, CLOSED, True),
        (AWAY, NONE, False),
        (RateLimitedError("3600 s"), CLOSED, True),
        (TokenRefusedError("401"), LIVE, True),
        (TokenRefusedError("401"), CLOSED, False),
        (ClusterError("certificate"), LIVE, True),
        (ClusterError("certificate"), CLOSED, False),
        (ConfigError("ca_file"), LIVE, False),
    ],
)
def test_whether_a_start_goes_on(error: ClusterError, left: Survivors, expected: bool) -> None:
    assert goes_on(left, error) is expected


def test_an_answer_that_cant_be_written_down_is_one_all_the_same(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(rig.store, "set_gateway", full)
    assert rig.start().info.shards == 2


def test_what_is_remembered_holds_no_token(rig: Rig) -> None:
    rig.ran()
    for file in rig.folder.glob("store.sqlite*"):
        assert b"MTA" not in file.read_bytes()
