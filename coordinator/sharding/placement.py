"""Decides which host runs the worker of which slot (pure).

Hosts get slots in proportion to their shares (how many workers each would run). What is placed
stays where it is as long as its host takes slots; only what a host has too much of moves, and only
when that is asked for (`spread`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec

from cluster.errors import ClusterError
from coordinator.sharding.plan import Plan, replan


class HostRoom(msgspec.Struct, frozen=True, kw_only=True):
    """What a host takes."""

    share: int = 1
    """How many workers it would run: 1 or more."""
    max_shards: int = 0
    """Most shards that it takes; 0: as many as come."""


def room_for(
    hosts: Mapping[str, HostRoom], loads: Counter[str], shards: Counter[str], size: int
) -> str | None:
    """Return the host that has the most room for another slot of so many shards; None: none has.

    hosts: those that take slots. loads: host -> its slots. shards: host -> its shards.
    """
    fitting = [
        name
        for name, room in hosts.items()
        if not room.max_shards or shards[name] + size <= room.max_shards
    ]
    return min(
        fitting, key=lambda name: ((loads[name] + 1) / hosts[name].share, name), default=None
    )


def shares(number: int, size: int, hosts: Mapping[str, HostRoom]) -> dict[str, int]:
    """Return how many of so many slots each host is to have, in proportion to the shares, as far as
    it takes them. size: shards of a slot. ClusterError: they do not take all."""
    loads: Counter[str] = Counter()
    shards: Counter[str] = Counter()
    for _ in range(number):
        name = room_for(hosts, loads, shards, size)
        if name is None:
            raise _no_room(size, hosts)
        loads[name] += 1
        shards[name] += size
    return {name: loads[name] for name in hosts}


def too_many(
    placed: Mapping[int, str], wanted: Mapping[str, int], sizes: Mapping[int, int]
) -> list[int]:
    """Return the slots that their hosts have too many of, those with the fewest shards first.

    placed: slot -> host. wanted: host -> how many it is to have; one that is not there: none.
    sizes: slot -> how many shards it has.
    """
    surplus: list[int] = []
    for host in sorted(set(placed.values())):
        own = sorted((s for s, h in placed.items() if h == host), key=lambda s: (sizes[s], -s))
        surplus += own[: max(0, len(own) - wanted.get(host, 0))]
    return surplus


class Spread(NamedTuple):
    """A plan, and the host of each of its slots."""

    plan: Plan
    where: dict[int, str]


def spread(
    before: Spread, workers: int, hosts: Mapping[str, HostRoom], unfit: Collection[int] = ()
) -> Spread:
    """Spread the same shards over so many workers on these hosts, so that few shards move: slots of
    other hosts, and those that a host has too many of, are left.

    unfit: numbers that no new slot may have. ClusterError: the hosts do not take all.
    """
    plan, where = before
    size = -(-len(plan.shards) // workers)
    wanted = shares(workers, size, hosts)
    sizes = {slot: len(shards) for slot, shards in plan.slots.items()}
    leave = too_many({slot: where.get(slot, "") for slot in plan.slots}, wanted, sizes)
    after = replan(plan, workers, unfit, leave)
    kept = {slot: where[slot] for slot in after.slots if slot in plan.slots}
    short = Counter(wanted)
    short.subtract(Counter(kept.values()))
    homes = (name for name in hosts for _ in range(short[name]))
    new = {slot: next(homes) for slot in after.slots if slot not in kept}
    return Spread(after, dict(sorted({**kept, **new}.items())))


def capacity(hosts: Iterable[HostRoom]) -> int:
    """Return how many workers all hosts together would run."""
    return sum(room.share for room in hosts)


def _no_room(size: int, hosts: Collection[str]) -> ClusterError:
    if not hosts:
        return ClusterError(
            "there is no host that takes workers",
            "start one: `dcgw-cluster host --join ENDPOINT --keys FILE`",
        )
    return ClusterError(
        f"no host takes another {size} shards", "add a host, or raise --max-shards of one"
    )
