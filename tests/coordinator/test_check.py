"""What `doctor` is told of the API and of the plan, by the process that plans as a start would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import ATTEMPT_S, LONGEST_WAIT_S
from cluster.doctor.remote import API_S
from cluster.errors import ApiUnavailableError
from coordinator import check, host
from coordinator.account import ApiAccount


def spec_of(**keys: Any) -> CoordinatorSpec:
    given = {"name": "t", "state_dir": "/s", "runtime_dir": "/r", "token": "t"}
    return CoordinatorSpec(**given | keys)


def test_a_plan_without_the_api_s_word() -> None:
    """As many shards as the workers may have, unless the configuration says how many."""
    auto = check.planned(spec_of(workers=3, shards_per_worker=10), None)
    assert (auto.shards, auto.workers, auto.fullest, auto.assumed) == (30, 3, 10, True)
    cores = check.planned(spec_of(), None)
    assert (cores.workers, cores.assumed) == (host.cores(), True)
    said = check.planned(spec_of(workers=3, shards="16"), None)
    assert (said.shards, said.workers, said.fullest, said.assumed) == (16, 3, 6, False)
    user = check.planned(spec_of(account="user", client_build_number=1), None)
    assert (user.shards, user.assumed) == (1, False)
    known = check.planned(spec_of(workers=3), 4)
    assert (known.shards, known.fullest, known.assumed) == (4, 2, False)


def test_the_plan_comes_beside_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def fetch(self: ApiAccount, attempts: int = 0) -> Any:
        asked.append(attempts)
        raise ApiUnavailableError("no answer", "wait")

    monkeypatch.setattr(ApiAccount, "fetch", fetch)
    outcome = asyncio.run(check.check(spec_of(shards="2", workers=1)))
    assert outcome.error is not None
    assert (outcome.error.cause, outcome.api) == ("no answer", None)
    assert outcome.plan is not None
    assert outcome.plan.shards == 2
    assert asked == [check.ATTEMPTS]
    assert check.ATTEMPTS * ATTEMPT_S + LONGEST_WAIT_S < API_S, "the cause is told in time"
    outcome = asyncio.run(check.check(spec_of(token="", on_sandbox=True)))
    assert (outcome.error, outcome.api, len(asked)) == (None, None, 1)
    assert outcome.plan is not None
