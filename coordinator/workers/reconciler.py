"""Sees that each shard is with the worker it is assigned to, whatever was lost on the way.

A shard is moved by changing the assignments. From then on every report is compared with them: a
worker that has a shard which is not its own is told to release it; one that lacks a shard of its
own is told to take it, as soon as it is known of every other that it does not have it. Both orders
may come twice, or be lost with a process: the next report says what is still to be done. A process
that has not reported yet is taken to have what its spec gave it; of a worker from before, which was
not taken over yet, nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cluster.wire import link
from coordinator.sharding.assignments import Assignments
from coordinator.workers.link import Send


class Reconciler:
    """Compares what workers have with what they should have."""

    def __init__(
        self,
        assignments: Assignments,
        *,
        send: Send,
        shard_plan: Callable[[int, int], link.ShardPlan],
    ) -> None:
        """shard_plan: returns what a worker is told of a shard, given its shard count and id."""
        self._assignments = assignments
        self._send = send
        self._shard_plan = shard_plan
        self._has: dict[int, frozenset[int]] = {}
        """Slot -> shard ids of its living process."""
        self._empty: set[int] = set()
        """Slots without a process. A slot that is neither here nor in _has is one of which nothing
        is known."""

    def given(self, slot: int, shards: Iterable[int]) -> None:
        """Take note that a process comes into being with these shards."""
        self._has[slot] = frozenset(shards)
        self._empty.discard(slot)

    def adopted(self, slot: int) -> None:
        """Take note that a process from before goes on in this slot: what it has it says next."""
        self._empty.discard(slot)

    def gone(self, slot: int) -> None:
        """Take note that the process of this slot has ended."""
        self._has.pop(slot, None)
        self._empty.add(slot)
        self.settle()

    def report(self, slot: int, shards: Iterable[int]) -> None:
        """Take note that the process of this slot has these shards now."""
        has = frozenset(shards)
        changed = has != self._has.get(slot)
        self.given(slot, has)
        if changed or has != frozenset(self._assignments.shards(slot)):
            self.settle()

    def has(self, slot: int, shard: int) -> bool:
        """Whether the worker of this slot has this shard now."""
        return shard in self._has.get(slot, ())

    def settle(self) -> None:
        """Tell every worker what it has too much, and what it lacks."""
        for plan in self._assignments.plans:
            all_known = all(slot in self._has or slot in self._empty for slot in plan.slots)
            for slot, shards in plan.slots.items():
                has = self._has.get(slot)
                if has is None or (len(has) == len(shards) and has.issuperset(shards)):
                    continue
                for shard in has - set(shards):
                    if (owner := plan.slot_of.get(shard)) is not None:
                        self._send(slot, link.Release(shard_id=shard, to_slot=owner))
                for shard in set(shards) - has if all_known else ():
                    if not any(self.has(other, shard) for other in plan.slots):
                        shard_plan = self._shard_plan(plan.shard_count, shard)
                        self._send(slot, link.Take(shard=shard_plan))
