"""What the next process of a slot is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import GatewayInfo, SessionStartLimit
from cluster.wire.link import LINK_VERSION, Hello, ShardReport
from cluster.wire.states import SessionState
from coordinator.account import ApiAccount
from coordinator.context import RunContext
from coordinator.gateway_api import GatewayAnswer, GatewayApi
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.store import Store
from coordinator.workers.specs import WorkerSpecs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "store.sqlite")
    yield store
    store.close()


def worker_specs(
    folder: Path, store: Store, assignments: Assignments, hubs: int = 1
) -> WorkerSpecs:
    spec = CoordinatorSpec(
        name="x", state_dir=str(folder), runtime_dir=str(folder), token="t", intents=1, hubs=hubs
    )
    account = ApiAccount.from_spec(spec, None, 0.0)
    out: Any = SimpleNamespace(shards={(2, 0): (5, 7), (4, 0): (1, 1)})
    limit = SessionStartLimit(total=1000, remaining=1000, reset_after=1, max_concurrency=1)
    gateway = GatewayInfo(url="wss://gateway", shards=2, session_start_limit=limit)
    context = RunContext(spec, GatewayApi(account, store), GatewayAnswer(gateway), lambda: 0.0)
    return WorkerSpecs(context, assignments, cast(Any, out), "boot")


def test_a_generation_that_is_held_back_knows_the_overlap_that_was_asked_for(
    tmp_path: Path, store: Store
) -> None:
    assignments = Assignments(Plan(2, {0: (0, 1)}))
    specs = worker_specs(tmp_path, store, assignments)
    assignments.put_beside(Plan(4, {1: (0, 1, 2, 3)}), 3_000_000_000)
    old, new = specs.make(0), specs.make(1)
    assert (old.held_for, old.shard_count, old.start_after) == (0, 2, {0: (5, 7)})
    assert (new.held_for, new.shard_count, new.start_after) == (2, 4, {0: (1, 1)})
    assert (old.overlap_ns, new.overlap_ns) == (3_000_000_000, 3_000_000_000)


def test_workers_are_shared_out_among_the_hubs(tmp_path: Path, store: Store) -> None:
    plan = Plan(5, {slot: (slot,) for slot in range(5)})
    specs = worker_specs(tmp_path, store, Assignments(plan), hubs=2)
    assert [specs.make(slot).hub for slot in range(5)] == [0, 1, 0, 1, 0]
    ends = {specs.make(slot).hub_endpoint for slot in (1, 3)}
    assert ends == {f"ipc://{tmp_path / specs.context.paths.runtime_dir}/hub-1"}
    assert specs.make(0).hub_endpoint.endswith("/hub")


def test_one_that_publishes_to_a_hub_that_is_no_more_does_not_go_on(
    tmp_path: Path, store: Store
) -> None:
    plan = Assignments(Plan(2, {0: (0, 1)}))
    published = msgspec.structs.replace(hello(0, 1), hub=1)
    assert worker_specs(tmp_path, store, plan, hubs=2).fits(0, published)
    assert not worker_specs(tmp_path, store, plan, hubs=1).fits(0, published)


def hello(*shards: int, version: int = LINK_VERSION, count: int = 2) -> Hello:
    reports = [
        ShardReport(shard_id=shard, state=SessionState.READY, epoch=1, seq=5, events=1)
        for shard in shards
    ]
    return Hello(version=version, slot=0, pid=1, started_at=0.0, package_version="1",
                 shard_count=count, shards=reports)  # fmt: skip


def test_a_worker_goes_on_with_the_shards_and_the_account_of_its_slot(
    tmp_path: Path, store: Store
) -> None:
    specs = worker_specs(tmp_path, store, Assignments(Plan(2, {0: (0, 1), 1: ()})))
    assert specs.fits(0, hello(0, 1)), "no identify of them is known"
    for number, shard in enumerate((0, 1), 1):
        store.grant(number, specs.context.account_key, 2, shard, 1.0)
    assert specs.fits(0, hello(1, 0))
    for other in (hello(0), hello(0, 1, 2), hello(0, 1, version=LINK_VERSION + 1),
                  hello(0, 1, count=4)):  # fmt: skip
        assert not specs.fits(0, other)
    assert not specs.fits(1, hello()), "its slot has no shards"
    store.grant(3, "another account", 2, 1, 2.0)
    assert not specs.fits(0, hello(0, 1)), "the sessions are another account's"


def test_who_had_a_shard_is_forgotten_with_its_journal() -> None:
    assignments = Assignments(Plan(2, {0: (0,), 1: (1,)}))
    assignments.move(0, 1)
    assignments.close_slot(0)
    assert assignments.had(0, 0)
    assignments.cleared(0)
    assert not assignments.had(0, 0)
    assert assignments.had(1, 0)
