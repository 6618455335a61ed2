"""The plan: which worker carries which shards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.shards import ShardRange
from cluster.errors import ConfigError
from cluster.identify.limiter import IdentifyLimiter
from cluster.ranges import MAX_WORKER_SHARDS
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import (
    Plan,
    StoredPlan,
    held_changes,
    make_plan,
    plan_for,
    replan,
    worker_count,
)


def spec(shards: str, workers: int | Literal["auto"] = "auto") -> CoordinatorSpec:
    return CoordinatorSpec(
        name="test", state_dir="/s", runtime_dir="/r", token="t", shards=shards, workers=workers
    )


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
    assert plan.slots == {0: (0, 1, 2), 1: (3, 4, 5), 2: (6, 7), 3: (8, 9)}
    assert plan.shard_count == 10


def test_a_part_of_a_larger_bot_keeps_its_ids() -> None:
    plan = make_plan(ShardRange(16, 19, 64), 2)
    assert plan.slots == {0: (16, 17), 1: (18, 19)}
    assert plan.shard_count == 64


def test_a_worker_has_no_more_shards_than_its_journal_has_room_for() -> None:
    """However many are asked for and whoever says so: the configuration, scale, reshard."""
    many = ShardRange(0, 2 * MAX_WORKER_SHARDS, 2 * MAX_WORKER_SHARDS + 1)
    plan = make_plan(many, 3)
    too_many: list[Callable[[], Plan]] = [
        lambda: make_plan(many, 2),
        lambda: replan(plan, 2),
        lambda: plan_for(spec("auto", 2), len(many), 1),
    ]
    for planned in too_many:
        with pytest.raises(ConfigError, match=r"16,001 shards on 2 workers are 8,001 each"):
            planned()
    assert len(plan_for(spec("auto", 3), len(many), 1).slots) == 3
    half = make_plan(ShardRange(0, 2 * MAX_WORKER_SHARDS - 1, 2 * MAX_WORKER_SHARDS), 2)
    assert {len(shards) for shards in half.slots.values()} == {MAX_WORKER_SHARDS}


@given(first=st.integers(0, 50), length=st.integers(1, 200), workers=st.integers(1, 200))
def test_every_shard_has_one_worker_and_workers_differ_by_one(
    first: int, length: int, workers: int
) -> None:
    workers = min(workers, length)
    plan = make_plan(ShardRange(first, first + length - 1, 1000), workers)
    assert plan.shards == list(range(first, first + length))
    sizes = {len(shards) for shards in plan.slots.values()}
    assert len(plan.slots) == workers
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 1


@given(length=st.integers(1, 300), workers=st.integers(1, 40), concurrency=st.integers(1, 32))
def test_a_worker_that_lost_its_sessions_is_spread_over_all_buckets(
    length: int, workers: int, concurrency: int
) -> None:
    plan = make_plan(ShardRange(0, length - 1, length), min(workers, length))
    for shards in plan.slots.values():
        grants = [0] * concurrency
        for shard in shards:
            grants[shard % concurrency] += 1
        assert max(grants) == -(-len(shards) // concurrency)


@pytest.mark.parametrize(
    ("shards", "slots", "count"),
    [
        ("auto", ((0, 1, 2), (3, 4)), 5),  # what Discord recommends
        ("3", ((0, 1), (2,)), 3),
        ("1", ((0,),), 1),
        ("6-8/9", ((6, 7), (8,)), 9),
    ],
)
def test_what_a_spec_asks_for(shards: str, slots: tuple[tuple[int, ...], ...], count: int) -> None:
    plan = plan_for(spec(shards), recommended=5, cores=2)
    assert (tuple(plan.slots.values()), plan.shard_count) == (slots, count)


@pytest.mark.parametrize("shards", ["0", "-1", "4-2/8", "0-8/8", "0/8", "many", "", "1 ", "１"])
def test_other_forms_are_refused(shards: str) -> None:
    with pytest.raises(ConfigError, match="shards is"):
        plan_for(spec(shards), recommended=5, cores=2)


@given(
    first=st.integers(0, 100),
    length=st.integers(1, 2000),
    cores=st.integers(1, 64),
    per_worker=st.integers(1, 100),
)
def test_auto_is_one_worker_a_core_and_none_over_its_bound(
    first: int, length: int, cores: int, per_worker: int
) -> None:
    shards = ShardRange(first, first + length - 1, 10_000)
    workers = worker_count(length, "auto", shards_per_worker=per_worker, cores=cores)
    plan = make_plan(shards, workers)
    assert max(len(shards) for shards in plan.slots.values()) <= per_worker
    assert workers >= min(cores, length)
    if workers > min(cores, length):  # more than the cores only where the bound asks for it
        assert -(-length // (workers - 1)) > per_worker


@given(
    first=st.integers(0, 40),
    length=st.integers(1, 80),
    workers=st.integers(1, 8),
    concurrency=st.integers(1, 16),
)
def test_starting_goes_bucket_by_bucket_whoever_asks_first(
    first: int, length: int, workers: int, concurrency: int
) -> None:
    """Each round grants the next shards by number, one of each bucket."""
    plan = make_plan(ShardRange(first, first + length - 1, 1000), min(workers, length))
    limiter = IdentifyLimiter(margin_s=0.25)
    limiter.refresh(
        total=1000,
        remaining=1000,
        reset_at=9e9,
        spent=0,
        max_concurrency=concurrency,
        asked_at=0.0,
    )
    for slot in reversed(range(len(plan.slots))):
        for shard in plan.slots[slot]:
            limiter.request(shard, slot)
    now = 0.0
    started: list[int] = []
    while (due_at := limiter.next_at(now)) is not None:
        now = due_at
        grants = limiter.due(now)
        assert len(grants) == min(concurrency, length - len(started))
        for grant in grants:
            limiter.sent(grant.shard_id, grant.grant_id, now)
            started.append(grant.shard_id)
    assert started == plan.shards


@given(
    length=st.integers(1, 200),
    before=st.integers(1, 20),
    after=st.integers(1, 20),
    again=st.integers(1, 20),
)
def test_another_number_of_workers_moves_few_shards(
    length: int, before: int, after: int, again: int
) -> None:
    before, after, again = min(before, length), min(after, length), min(again, length)
    plan = make_plan(ShardRange(0, length - 1, length), before)
    for workers in (after, again):
        changed = replan(plan, workers)
        assert changed.shards == plan.shards
        assert len(changed.slots) == workers
        assert sorted(changed.slots.values()) == sorted(
            make_plan(ShardRange(0, length - 1, length), workers).slots.values()
        ), "as a start with so many would cut them"
        stay = sum(plan.slot_of[s] == slot for s, slot in changed.slot_of.items())
        assert stay >= min(map(len, [*plan.slots.values(), *changed.slots.values()]))
        if workers == len(plan.slots):
            assert changed == plan
        plan = changed


def test_a_worker_more_takes_only_what_is_its_own() -> None:
    plan = make_plan(ShardRange(0, 63, 64), 2)
    changed = replan(plan, 3)
    moved = [s for s, slot in changed.slot_of.items() if plan.slot_of[s] != slot]
    assert len(moved) == 21


def test_what_was_changed_while_it_ran_holds_until_the_configuration_changes() -> None:
    asked = spec("4", 2)
    first = plan_for(asked, 1, 8)
    scaled = StoredPlan(plan=replan(first, 3), asked_shards="4", asked_workers=2, scaled=True)
    assert plan_for(asked, 1, 8, scaled) == scaled.plan
    assert len(plan_for(spec("4", 4), 1, 8, scaled).slots) == 4, "another number is configured now"
    resharded = StoredPlan(
        plan=make_plan(ShardRange(0, 7, 8), 2, first_slot=2),
        asked_shards="4",
        asked_workers=2,
        resharded=True,
    )
    assert plan_for(asked, 1, 8, resharded) == resharded.plan
    assert plan_for(spec("6", 2), 1, 8, resharded).shard_count == 6
    automatic = StoredPlan(plan=first, asked_shards="auto", asked_workers=2)
    assert plan_for(spec("auto", 2), 4, 8, automatic) == first
    assert plan_for(spec("auto", 2), 9, 8, automatic).shard_count == 9, "Discord says more now"


def test_what_is_stored_of_a_plan_that_comes_into_force() -> None:
    asked = spec("4", 2)
    plan = plan_for(asked, 1, 8)
    first = StoredPlan.from_plan(plan, asked, None, counts={})
    assert (first.scaled, first.resharded) == (False, False)
    scaled = StoredPlan.from_plan(replan(plan, 3), asked, first, scaled=True, counts={})
    again = StoredPlan.from_plan(scaled.plan, asked, scaled, counts={})
    assert (again.scaled, again.resharded) == (True, False), "it holds for later starts"
    both = StoredPlan.from_plan(plan, asked, again, resharded=True, counts={})
    assert (both.scaled, both.resharded) == (True, True)
    fewer = StoredPlan.from_plan(plan, spec("4", 1), both, counts={})
    assert (fewer.scaled, fewer.resharded) == (False, True), "`workers` says another number"
    other = StoredPlan.from_plan(plan, spec("8", 2), both, counts={})
    assert (other.scaled, other.resharded) == (False, False), "`shards` says another"


NOON = datetime(2026, 3, 1, 12, 5).timestamp()


def test_what_was_changed_while_it_ran_is_said_at_the_next_start() -> None:
    asked = spec("2", 2)
    first = StoredPlan.from_plan(plan_for(asked, 1, 8), asked, None, counts={}, now=NOON)
    assert held_changes(first.plan, asked, 1, 8, first) == []
    three = make_plan(ShardRange(0, 2, 3), 1, first_slot=2)
    changed = StoredPlan.from_plan(three, asked, first, resharded=True, counts={}, now=NOON)
    changed = StoredPlan.from_plan(three, asked, changed, scaled=True, counts={}, now=NOON + 60)
    later = StoredPlan.from_plan(
        three, asked, changed, counts={}, now=NOON + 9999
    )  # a start in between
    plan = plan_for(asked, 1, 8, later)
    assert held_changes(plan, asked, 1, 8, later) == [
        "3 shards since `reshard` on 2026-03-01 at 12:05; the configuration says 2",
        "1 worker since `scale` on 2026-03-01 at 12:06; the configuration says 2",
    ]


def test_changes_against_auto_are_said_with_what_auto_is_now() -> None:
    asked = spec("auto", "auto")
    plan = make_plan(ShardRange(0, 5, 6), 1)
    stored = StoredPlan.from_plan(
        plan, asked, None, resharded=True, scaled=True, counts={}, now=0.0
    )
    assert held_changes(plan, asked, 4, 8, stored) == [
        '6 shards since `reshard`; the configuration says "auto", which is 4 now',
        '1 worker since `scale`; the configuration says "auto", which is 6 now',
    ]


def test_a_change_that_the_configuration_says_too_is_not_worth_a_line() -> None:
    asked = spec("3", 1)
    plan = make_plan(ShardRange(0, 2, 3), 1)
    back = StoredPlan.from_plan(plan, asked, None, resharded=True, scaled=True, counts={}, now=NOON)
    assert held_changes(plan, asked, 1, 8, back) == []
    assert held_changes(plan, spec("4", 1), 1, 8, back) == [], "it does not hold any more"
    assert held_changes(plan, asked, 1, 8, None) == []


def test_a_scaling_that_was_cut_short_leaves_no_worker_without_shards() -> None:
    cut = Plan(4, {0: (0, 1), 1: (2, 3), 2: (), 3: ()})
    stored = StoredPlan(plan=cut, asked_shards="4", asked_workers=2, scaled=True)
    assert plan_for(spec("4", 2), 4, 2, stored).slots == {0: (0, 1), 1: (2, 3)}


def test_a_slot_whose_journal_has_another_shard_count_is_left_alone() -> None:
    plan = make_plan(ShardRange(0, 7, 8), 2, first_slot=2)
    assignments = Assignments(plan, {0: 4, 1: 4, 2: 8, 3: 8, 4: 8})
    assert replan(plan, 3, assignments.unfit(8)).slots.keys() == {2, 3, 4}
    assert replan(plan, 4, assignments.unfit(8)).slots.keys() == {2, 3, 4, 5}
    assert assignments.free_slots(2, 16) == 5
    assert assignments.free_slots(2, 4) == 0, "as it was before"
    assignments.cleared(4)
    assert assignments.free_slots(2, 16) == 4


def test_a_shard_moves_to_a_slot_that_is_there_or_is_new() -> None:
    plan = make_plan(ShardRange(0, 3, 4), 2)
    assert plan.move(1, 1) == Plan(4, {0: (0,), 1: (1, 2, 3)})
    assert plan.move(1, 5).slots == {0: (0,), 1: (2, 3), 5: (1,)}
    empty = plan.move(0, 1).move(1, 1)
    assert empty.slots == {0: (), 1: (0, 1, 2, 3)}
    assert empty.without(0) == Plan(4, {1: (0, 1, 2, 3)})


def test_when_a_plan_was_changed_is_stored_with_what_was_changed() -> None:
    plan, asked = make_plan(ShardRange(0, 1, 2), 1), spec("2", 1)
    first = StoredPlan.from_plan(plan, asked, None, counts={0: 2}, now=NOON)
    assert (first.resharded_at, first.scaled_at, first.counts) == (0.0, 0.0, {0: 2})
    scaled = StoredPlan.from_plan(plan, asked, first, scaled=True, counts={}, now=NOON)
    assert (scaled.resharded_at, scaled.scaled_at) == (0.0, NOON)
    both = StoredPlan.from_plan(plan, asked, scaled, resharded=True, counts={}, now=NOON + 1)
    assert (both.resharded_at, both.scaled_at) == (NOON + 1, NOON)
    untold = StoredPlan.from_plan(plan, asked, None, resharded=True, counts={})
    assert untold.resharded_at == 0.0, "not known"


def test_a_new_worker_gets_no_slot_whose_journal_has_another_shard_count() -> None:
    plan = make_plan(ShardRange(0, 3, 4), 2)
    counts = {0: 4, 1: 4, 2: 8, 3: 8, 4: 4}
    stored = StoredPlan(plan=plan, asked_shards="4", asked_workers=2, counts=counts)
    assert list(plan_for(spec("4", 3), 1, 8, stored).slots) == [0, 1, 4]
