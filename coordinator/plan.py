"""Which worker carries which shards (pure).

Workers carry equal numbers of neighbouring shards. Neighbours, because a bucket is shard_id %
max_concurrency: the shards of one worker are then spread over all buckets, and one that has lost
its sessions is back in the least time. (Dealt out like cards, 16 workers at max_concurrency 16
would each have all their shards in one bucket.)
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cluster.wire.spec import CoordinatorSpec, ShardRange, parse_shards


class Plan(msgspec.Struct, frozen=True):
    """Shards by worker slot."""

    shard_count: int
    slots: tuple[tuple[int, ...], ...]
    """Shard ids by slot number."""

    @property
    def shards(self) -> list[int]:
        """All shard ids of the plan, ascending."""
        return sorted(shard for slot in self.slots for shard in slot)


def worker_count(
    shards: int, workers: int | Literal["auto"], *, shards_per_worker: int, cores: int
) -> int:
    """How many workers carry this many shards: never more than there are shards.

    "auto" is one a core, and as many more as it takes to give none more than shards_per_worker.
    """
    wanted = max(cores, -(-shards // shards_per_worker)) if workers == "auto" else workers
    return max(1, min(wanted, shards))


def make_plan(shards: ShardRange, workers: int) -> Plan:
    """Equal parts of the range, in order; the first ones carry one more where it does not divide.

    workers: 1 to len(shards).
    """
    size, more = divmod(len(shards), workers)
    slots: list[tuple[int, ...]] = []
    first = shards.first
    for slot in range(workers):
        after = first + size + (slot < more)
        slots.append(tuple(range(first, after)))
        first = after
    return Plan(shards.count, tuple(slots))


def plan_for(spec: CoordinatorSpec, recommended: int, cores: int) -> Plan:
    """The plan that a spec asks for. recommended: shards by GET /gateway/bot, for "auto"."""
    shards = parse_shards(spec.shards) or ShardRange(0, recommended - 1, recommended)
    count = len(shards)
    workers = worker_count(
        count, spec.workers, shards_per_worker=spec.shards_per_worker, cores=cores
    )
    return make_plan(shards, workers)
