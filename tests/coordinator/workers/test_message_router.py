"""What the router remembers of shards."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.fleet import Fleet
from coordinator.workers.message_router import MessageRouter


def test_shards_of_former_plans_are_forgotten_when_a_worker_starts() -> None:
    assignments = Assignments(Plan(1, {0: (0,)}))
    fleet = Fleet.start_with(assignments, lambda *_: True, lambda: 0.0)
    router = MessageRouter(fleet, Mock(), Mock(), Mock(), Mock(), Mock(), lambda: 0.0)

    def start(count: int) -> set[int]:
        shards = [
            SimpleNamespace(shard_count=count, shard_id=shard, last_epoch=0)
            for shard in range(count)
        ]
        spec: Any = SimpleNamespace(slot=count, shards=shards)
        router.starting(spec)
        return {key.shard_count for key in router._changes._seen}

    assert start(1) == {1}
    for count in range(2, 9):
        assignments.put_beside(Plan(count, {count: tuple(range(count))}))
        assert start(count) == {count - 1, count}
        assignments.exchange()
        assignments.drop_beside()
