"""What the next process of a slot is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from coordinator.account import ApiAccount
from coordinator.context import RunContext
from coordinator.gateway_api import GatewayAnswer, GatewayApi
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store
from coordinator.workers.specs import WorkerSpecs


def test_a_generation_that_is_held_back_knows_the_overlap_that_was_asked_for(
    tmp_path: Path,
) -> None:
    spec = CoordinatorSpec(
        name="x", state_dir=str(tmp_path), runtime_dir=str(tmp_path), token="t", intents=1
    )
    assignments = Assignments(Plan(2, {0: (0, 1)}))
    store = Store.open(tmp_path / "store.sqlite")
    account = ApiAccount.from_spec(spec, None, 0.0)
    out: Any = SimpleNamespace(shards={(2, 0): (5, 7), (4, 0): (1, 1)})
    limit = SessionStartLimit(total=1000, remaining=1000, reset_after=1, max_concurrency=1)
    gateway = GatewayInfo(url="wss://gateway", shards=2, session_start_limit=limit)
    context = RunContext(spec, GatewayApi(account, store), GatewayAnswer(gateway), lambda: 0.0)
    specs = WorkerSpecs(context, assignments, cast(Any, out), "boot")
    assignments.put_beside(Plan(4, {1: (0, 1, 2, 3)}), 3_000_000_000)
    old, new = specs.make(0), specs.make(1)
    store.close()
    assert (old.held_for, old.shard_count, old.start_after) == (0, 2, {0: (5, 7)})
    assert (new.held_for, new.shard_count, new.start_after) == (2, 4, {0: (1, 1)})
    assert (old.overlap_ns, new.overlap_ns) == (3_000_000_000, 3_000_000_000)


def test_who_had_a_shard_is_forgotten_with_its_journal() -> None:
    assignments = Assignments(Plan(2, {0: (0,), 1: (1,)}))
    assignments.move(0, 1)
    assignments.close_slot(0)
    assert assignments.had(0, 0)
    assignments.cleared(0)
    assert not assignments.had(0, 0)
    assert assignments.had(1, 0)
