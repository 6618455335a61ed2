"""Decides which host runs the worker of which slot (pure).

Hosts get slots in proportion to their shares (how many workers each would run). What is placed
stays where it is as long as its host takes slots; only what a host has too much of moves, and only
when that is asked for (`spread`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import msgspec

from cluster.errors import ClusterError

LOCAL = ""
"""The name of the coordinator's own host."""


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


def place(
    slots: Mapping[int, int], placed: Mapping[int, str], hosts: Mapping[str, HostRoom]
) -> dict[int, str]:
    """Return the host of each slot. Slots whose host takes slots stay; the others go where there is
    the most room, the largest first.

    slots: slot -> how many shards it has. placed: where they are now. hosts: those that take slots.
    ClusterError: there is no host, or none has room for a slot.
    """
    where = {slot: placed[slot] for slot in slots if placed.get(slot) in hosts}
    loads = Counter(where.values())
    shards: Counter[str] = Counter()
    for slot, name in where.items():
        shards[name] += slots[slot]
    homeless = sorted((slot for slot in slots if slot not in where), key=lambda s: (-slots[s], s))
    for slot in homeless:
        host = room_for(hosts, loads, shards, slots[slot])
        if host is None:
            raise _no_room(slots[slot], hosts)
        where[slot] = host
        loads[host] += 1
        shards[host] += slots[slot]
    return dict(sorted(where.items()))


def shares(number: int, hosts: Mapping[str, HostRoom]) -> dict[str, int]:
    """Return how many of so many slots each host is to have: in proportion to the shares."""
    loads: Counter[str] = Counter()
    for _ in range(number):
        name = room_for({n: HostRoom(share=r.share) for n, r in hosts.items()}, loads, Counter(), 0)
        if name is None:
            raise _no_room(0, hosts)
        loads[name] += 1
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
