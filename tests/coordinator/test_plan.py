"""The plan: which worker carries which shards."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.wire.spec import ShardRange
from coordinator.plan import make_plan, worker_count


@pytest.mark.parametrize(
    ("shards", "workers", "per_worker", "cores", "expected"),
    [
        (4, 2, 64, 16, 2),
        (4, 9, 64, 16, 4),  # never more workers than shards
        (64, "auto", 64, 4, 4),  # one a core
        (1000, "auto", 64, 4, 16),  # more where one would carry too many
        (1, "auto", 64, 4, 1),
        (65, "auto", 64, 1, 2),
    ],
)
def test_worker_count(
    shards: int, workers: int | Literal["auto"], per_worker: int, cores: int, expected: int
) -> None:
    assert worker_count(shards, workers, shards_per_worker=per_worker, cores=cores) == expected


def test_a_plan_of_ten_shards_on_four_workers() -> None:
    plan = make_plan(ShardRange(0, 9, 10), 4)
    assert plan.slots == ((0, 1, 2), (3, 4, 5), (6, 7), (8, 9))
    assert plan.shard_count == 10


def test_a_part_of_a_larger_bot_keeps_its_ids() -> None:
    plan = make_plan(ShardRange(16, 19, 64), 2)
    assert plan.slots == ((16, 17), (18, 19))
    assert plan.shard_count == 64


@given(first=st.integers(0, 50), length=st.integers(1, 200), workers=st.integers(1, 200))
def test_every_shard_has_one_worker_and_workers_differ_by_one(
    first: int, length: int, workers: int
) -> None:
    workers = min(workers, length)
    plan = make_plan(ShardRange(first, first + length - 1, 1000), workers)
    assert plan.shards == list(range(first, first + length))
    sizes = {len(slot) for slot in plan.slots}
    assert len(plan.slots) == workers
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


@given(length=st.integers(1, 300), workers=st.integers(1, 40), concurrency=st.integers(1, 32))
def test_a_worker_that_lost_its_sessions_is_spread_over_all_buckets(
    length: int, workers: int, concurrency: int
) -> None:
    plan = make_plan(ShardRange(0, length - 1, length), min(workers, length))
    for slot in plan.slots:
        turns = [0] * concurrency
        for shard in slot:
            turns[shard % concurrency] += 1
        assert max(turns) == -(-len(slot) // concurrency)
