"""Keeps which worker has which shards at this moment: the plan in force, and while the bot is
resharded one of another shard count beside it (pure).

Plans change while a cluster runs: shards move between workers, workers come and go. Whoever needs
to know asks here, so that nobody keeps an old plan. A slot belongs to one plan.
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.wire.link import OVERLAP_NS
from coordinator.sharding.plan import Plan


class Assignments:
    """The plans of a running cluster."""

    def __init__(
        self,
        plan: Plan,
        counts: Mapping[int, int] | None = None,
        where: Mapping[int, str] | None = None,
    ) -> None:
        """counts: the shard count of each slot's journal, of slots that are no more too. where: the
        host of each slot."""
        self.where = dict(where or {})
        """Slot -> the host that its worker is placed on; a slot that is not there is on none yet,
        or workers run on the coordinator's own host."""
        self.draining: set[str] = set()
        """Hosts that get no more workers."""
        self.plan = plan
        """The plan in force: what `status` is about, and what the next start takes up."""
        self.counts = {**(counts or {}), **dict.fromkeys(plan.slots, plan.shard_count)}
        """Slot -> the shard count that its journal has."""
        self.beside: Plan | None = None
        """A plan of another shard count: the one to follow the plan in force, or the one that it
        has followed."""
        self.held = False
        """Whether the plan beside is still to come: what its shards receive is shown to nobody
        yet."""
        self.overlap_ns = OVERLAP_NS
        """For how long both plans go on."""
        self._former: set[tuple[int, int]] = set()
        """(slot, shard id) of workers that had a shard once."""

    def begin(self, plan: Plan) -> None:
        """Put the first plan in force: no worker runs yet."""
        self.plan = plan
        self.counts |= dict.fromkeys(plan.slots, plan.shard_count)
        self.where = {slot: host for slot, host in self.where.items() if slot in plan.slots}

    @property
    def plans(self) -> list[Plan]:
        """The plan in force, and the one beside it."""
        return [self.plan] if self.beside is None else [self.plan, self.beside]

    @property
    def slots(self) -> list[int]:
        """The slots of all plans, ascending."""
        return sorted(slot for plan in self.plans for slot in plan.slots)

    def is_planned(self, slot: int) -> bool:
        """Whether a plan has this slot."""
        return any(slot in plan.slots for plan in self.plans)

    def plan_of(self, slot: int) -> Plan | None:
        """Return the plan that a slot belongs to; None: it belongs to none any more."""
        return next((plan for plan in self.plans if slot in plan.slots), None)

    def shards(self, slot: int) -> tuple[int, ...]:
        """Return the shard ids of a slot."""
        plan = self.plan_of(slot)
        return () if plan is None else plan.slots[slot]

    def shard_count(self, slot: int) -> int:
        """Return the shard count of the slot's plan; 0: it has none."""
        plan = self.plan_of(slot)
        return 0 if plan is None else plan.shard_count

    def owns(self, slot: int, shard: int) -> bool:
        """Whether this slot's worker is the one that has this shard."""
        return shard in self.shards(slot)

    def held_for(self, slot: int) -> int:
        """Return the shard count in force, if that of this slot is still to come; otherwise 0."""
        coming = self.held and self.beside is not None and slot in self.beside.slots
        return self.plan.shard_count if coming else 0

    def unfit(self, shard_count: int) -> list[int]:
        """Return the slots whose journals have another shard count: a shard's epochs would stand
        there out of order."""
        return [slot for slot, count in self.counts.items() if count != shard_count]

    def cleared(self, slot: int) -> None:
        """Take note that the journal of a slot that is no more was removed."""
        self.counts.pop(slot, None)
        self._former = {(former, shard) for former, shard in self._former if former != slot}

    def put_beside(self, plan: Plan, overlap_ns: int = OVERLAP_NS) -> None:
        """Begin a plan of another shard count beside the one in force."""
        self.counts |= dict.fromkeys(plan.slots, plan.shard_count)
        self.overlap_ns = overlap_ns
        self.beside, self.held = plan, True

    def exchange(self) -> None:
        """Put the plan beside in force; the other one goes on beside it for a while."""
        assert self.beside is not None
        self.plan, self.beside, self.held = self.beside, self.plan, False

    def drop_beside(self) -> None:
        """Take note that the plan beside is no more: its workers have ended."""
        for slot in self.beside.slots if self.beside else ():
            self.where.pop(slot, None)
        self.beside, self.held = None, False

    def had(self, slot: int, shard: int) -> bool:
        """Whether this slot's worker has this shard, or had it once."""
        return self.owns(slot, shard) or (slot, shard) in self._former

    def move(self, shard: int, to: int) -> None:
        """Give a shard of the plan in force to another slot."""
        self._former.add((self.plan.slot_of[shard], shard))
        self.plan = self.plan.move(shard, to)

    def open_slot(self, slot: int, host: str | None = None) -> None:
        """Add a slot without shards to the plan in force. host: on which it is placed; None:
        workers run on this host."""
        if host is not None:
            self.where[slot] = host
        self.counts[slot] = self.plan.shard_count
        self.plan = Plan(self.plan.shard_count, {**self.plan.slots, slot: ()})

    def close_slot(self, slot: int) -> None:
        """Take a slot that has no shards and no worker any more out of the plan in force."""
        self.plan = self.plan.without(slot)
        self.where.pop(slot, None)

    def free_slots(self, number: int, shard_count: int) -> int:
        """Return the first of so many slot numbers in a row that no plan has, and that are not
        unfit."""
        taken = {*self.slots, *self.unfit(shard_count)}
        first = 0
        while any(slot in taken for slot in range(first, first + number)):
            first += 1
        return first
