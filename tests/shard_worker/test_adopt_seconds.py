"""How long a worker waits for a coordinator, on a host whose clock is set meanwhile."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from cluster.config.worker_spec import WorkerSpec
from cluster.wire.link import ShardPlan
from shard_worker.worker import REPORT_S, Exit, Worker

TEN_YEARS_S = 315_360_000.0
ADOPT_S = 60.0


@pytest.mark.parametrize("step_s", [-TEN_YEARS_S, -3600.0, 3600.0, TEN_YEARS_S])
def test_adopt_seconds_pass_as_time_does(monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    passed, ahead_s = 1000.0, 0.0
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0 + passed + ahead_s)
    monkeypatch.setattr("time.time_ns", lambda: int((1_800_000_000 + passed + ahead_s) * 1e9))

    async def scenario() -> None:
        nonlocal passed, ahead_s
        worker = Worker(worker_spec())
        worker._loop = cast(Any, SimpleNamespace(time=lambda: passed))
        worker._ticked_at = passed
        worker._link = cast(Any, SimpleNamespace(heard_at=passed, poll=lambda: None))
        worker._greeting = cast(Any, object())  # it is greeting as it is
        ahead_s = step_s
        while passed < 1000.0 + ADOPT_S:
            passed += REPORT_S
            worker._look_for_coordinator()
            assert not worker._stopping.done()
        passed += REPORT_S
        worker._look_for_coordinator()
        code, how = worker._stopping.result()
        assert (code, how.logout) == (Exit.ORPHANED, False)

    asyncio.run(scenario())


def worker_spec() -> WorkerSpec:
    plan = ShardPlan(shard_id=0, shard_count=1)
    spec = WorkerSpec(
        slot=0, cluster="", boot_id="", shards=[plan], shard_count=1, token="t", intents=0,
        gateway_url="wss://localhost", compress="", journal_dir="", link_endpoint="",
        hub_endpoint="",
    )  # fmt: skip
    config = msgspec.structs.replace(spec.config, adopt_seconds=ADOPT_S)
    return msgspec.structs.replace(spec, config=config)
