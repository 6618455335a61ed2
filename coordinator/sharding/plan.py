"""Decides which worker carries which shards (pure).

Workers carry equal numbers of neighbouring shards. Neighbours, because a bucket is shard_id %
max_concurrency: the shards of one worker are then spread over all buckets, and one that has lost
its sessions is back in the least time. (Dealt out like cards, 16 workers at max_concurrency 16
would each have all their shards in one bucket.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import count, pairwise
from typing import Literal, Self

import msgspec
from msgspec import structs

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.shards import ShardRange, check_workers, parse_shards


class Plan(msgspec.Struct, frozen=True, dict=True):
    """Shards by worker slot. What is made of them is made once: many look, again and again."""

    shard_count: int
    slots: dict[int, tuple[int, ...]]
    """Slot number -> shard ids."""

    @cached_property
    def shards(self) -> Sequence[int]:
        """All shard ids of the plan, ascending."""
        return sorted(shard for shards in self.slots.values() for shard in shards)

    @cached_property
    def slot_of(self) -> Mapping[int, int]:
        """Shard id -> slot number."""
        return {shard: slot for slot, shards in self.slots.items() for shard in shards}

    def move(self, shard: int, to: int) -> Plan:
        """Return the plan in which this shard is in that slot, which may be a new one."""
        former = self.slot_of[shard]
        slots = {**self.slots, former: tuple(s for s in self.slots[former] if s != shard)}
        slots[to] = tuple(sorted((*slots.get(to, ()), shard)))
        return Plan(self.shard_count, slots)

    def without(self, slot: int) -> Plan:
        """Return the plan without a slot that has no shards."""
        assert not self.slots[slot]
        return Plan(self.shard_count, {n: s for n, s in self.slots.items() if n != slot})


class StoredPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that was last in force, and what it was made for."""

    plan: Plan
    asked_shards: str
    """`shards` of the configuration that it was made for."""
    asked_workers: int | Literal["auto"]
    resharded: bool = False
    """Its shard count was chosen while it ran (`reshard`), and not by asked_shards."""
    scaled: bool = False
    """Its number of workers was chosen while it ran (`scale`), and not by asked_workers."""
    resharded_at: float = 0.0
    """When its shard count was chosen, in Unix seconds; 0: not known."""
    scaled_at: float = 0.0
    """When its number of workers was chosen, in Unix seconds; 0: not known."""
    counts: dict[int, int] = {}
    """Slot -> the shard count that its journal has, of slots that are no more too."""
    where: dict[int, str] = {}
    """Slot -> the host that its worker is placed on; empty: they run on the coordinator's own."""
    draining: list[str] = []
    """Hosts that get no more workers."""

    @classmethod
    def from_plan(
        cls, plan: Plan, spec: CoordinatorSpec, before: Self | None, *, scaled: bool = False,
        resharded: bool = False, counts: Mapping[int, int], now: float = 0.0,
        where: Mapping[int, str] | None = None, draining: Collection[str] = (),
    ) -> Self:  # fmt: skip
        """Return what is to be stored of a plan that comes into force.

        before: what is stored now. scaled, resharded: it was changed so just now, at Unix second
        now; what was changed before holds on.
        """
        same_config = before is not None and before.asked_shards == spec.shards
        resharded_at, scaled_at = now if resharded else 0.0, now if scaled else 0.0
        if before is not None and same_config:
            if before.resharded and not resharded:
                resharded, resharded_at = True, before.resharded_at
            if before.scaled and before.asked_workers == spec.workers and not scaled:
                scaled, scaled_at = True, before.scaled_at
        return cls(
            plan=plan,
            asked_shards=spec.shards,
            asked_workers=spec.workers,
            resharded=resharded,
            scaled=scaled,
            resharded_at=resharded_at,
            scaled_at=scaled_at,
            counts=dict(counts),
            where=dict(where or {}),
            draining=sorted(draining),
        )


def worker_count(
    shards: int, workers: int | Literal["auto"], *, shards_per_worker: int, cores: int
) -> int:
    """Return how many workers carry this many shards: never more than there are shards.

    "auto" is one a core, and as many more as it takes to give none more than shards_per_worker.
    """
    wanted = max(cores, -(-shards // shards_per_worker)) if workers == "auto" else workers
    return max(1, min(wanted, shards))


def make_plan(shards: ShardRange, workers: int, first_slot: int = 0) -> Plan:
    """Plan equal parts of the range, in order; the first ones carry one more where it does not
    divide.

    workers: 1 to len(shards). first_slot: number of the first of them. ConfigError: a worker would
    have too many.
    """
    parts = _parts(range(shards.first, shards.last + 1), workers)
    return Plan(shards.count, dict(enumerate(parts, first_slot)))


def replan(
    plan: Plan, workers: int, unfit: Collection[int] = (), leave: Collection[int] = ()
) -> Plan:
    """Plan the same shards on so many workers, in equal parts of neighbours as ever; each part in
    the slot that has most of it already, so that few shards move. Slots that are too many are left
    out; new ones get the lowest free numbers that are not unfit. workers: 1 to the number of
    shards. leave: slots of the plan that are to have none any more. ConfigError: a worker would
    have too many."""
    parts = _parts(plan.shards, workers)
    stay = sorted(
        (-common, slot, number)
        for number, part in enumerate(parts)
        for slot, common in Counter(plan.slot_of[shard] for shard in part).items()
        if slot not in leave
    )
    slots: dict[int, tuple[int, ...]] = {}
    placed: set[int] = set()
    for _, slot, number in stay:
        if slot not in slots and number not in placed:
            slots[slot] = parts[number]
            placed.add(number)
    free = (n for n in count() if n not in slots and n not in unfit and n not in leave)
    for number, part in enumerate(parts):
        if number not in placed:
            slots[next(free)] = part
    return Plan(plan.shard_count, dict(sorted(slots.items())))


def _parts(shards: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    check_workers(len(shards), workers)
    size, more = divmod(len(shards), workers)
    ends = [(n + 1) * size + min(n + 1, more) for n in range(workers)]
    return [tuple(shards[begin:end]) for begin, end in pairwise([0, *ends])]


def plan_for(
    spec: CoordinatorSpec, recommended: int, cores: int, stored: StoredPlan | None = None
) -> Plan:
    """Return the plan that a spec asks for. recommended: shards by GET /gateway/bot, for "auto".

    stored: what was changed while the cluster ran holds until the configuration says another thing
    than it said then; and shards stay where they are."""
    shards = parse_shards(spec.shards) or ShardRange(0, recommended - 1, recommended)
    same_config = stored is not None and stored.asked_shards == spec.shards
    if stored is not None and same_config and stored.resharded:
        shards = ShardRange(0, stored.plan.shard_count - 1, stored.plan.shard_count)
    workers = worker_count(
        len(shards), spec.workers, shards_per_worker=spec.shards_per_worker, cores=cores
    )
    wanted = make_plan(shards, workers)
    if stored is not None:  # a scaling that was cut short leaves workers without shards
        full = {slot: has for slot, has in stored.plan.slots.items() if has}
        stored = msgspec.structs.replace(stored, plan=Plan(stored.plan.shard_count, full))
    if stored is None or (stored.plan.shard_count, stored.plan.shards) != (
        wanted.shard_count,
        wanted.shards,
    ):
        return wanted
    if stored.scaled and same_config and stored.asked_workers == spec.workers:
        workers = len(stored.plan.slots)
    if workers == len(stored.plan.slots):
        return stored.plan
    unfit = [slot for slot, count in stored.counts.items() if count != wanted.shard_count]
    return replan(stored.plan, workers, unfit)


def plan_for_hosts(
    spec: CoordinatorSpec, recommended: int, capacity: int, stored: StoredPlan | None = None
) -> Plan:
    """Return the plan that a spec asks for, where workers run on other hosts. capacity: how many
    workers the hosts that have joined would run, all together.

    What is stored of the same shards stays as it is: a slot's sessions are known in its journal,
    which is on its host, so shards move only once their workers run."""
    if stored is not None and stored.where:
        kept = plan_for(
            structs.replace(spec, workers=len(stored.plan.slots)), recommended, 1, stored
        )
        if kept == stored.plan:
            return kept
    return plan_for(spec, recommended, capacity)


def held_changes(
    plan: Plan, spec: CoordinatorSpec, recommended: int, cores: int, stored: StoredPlan | None
) -> list[str]:
    """Return a line for each change of a running cluster that holds on in this plan, against what
    the configuration says: nobody should have to wonder why there are three shards.

    The arguments are those of `plan_for`, and what it returned.
    """
    if stored is None or stored.asked_shards != spec.shards:
        return []
    lines = []
    part = parse_shards(spec.shards)
    configured = recommended if part is None else part.count
    if stored.resharded and plan.shard_count != configured:
        lines.append(
            f"{_counted(plan.shard_count, 'shard')} since `reshard`{_on(stored.resharded_at)}; "
            f"the configuration says {_said(spec.shards, configured)}"
        )
    workers = worker_count(
        len(plan.shards), spec.workers, shards_per_worker=spec.shards_per_worker, cores=cores
    )
    if stored.scaled and stored.asked_workers == spec.workers and len(plan.slots) != workers:
        lines.append(
            f"{_counted(len(plan.slots), 'worker')} since `scale`{_on(stored.scaled_at)}; "
            f"the configuration says {_said(spec.workers, workers)}"
        )
    return lines


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _on(when: float) -> str:
    return f" on {datetime.fromtimestamp(when):%Y-%m-%d at %H:%M}" if when else ""


def _said(configured: str | int, number: int) -> str:
    return f'"auto", which is {number} now' if configured == "auto" else str(configured)
