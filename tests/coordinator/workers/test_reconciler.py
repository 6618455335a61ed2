"""Shards move when assignments change, whatever is lost on the way: a simulation of workers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cluster.wire import link
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.workers.reconciler import Reconciler

SHARDS, SLOTS = 4, 3


class World:
    """Workers that do what they are told, when it reaches them."""

    def __init__(self, assignments: Assignments) -> None:
        self.assignments = assignments
        self.reconciler = Reconciler(
            assignments,
            send=self.send,
            shard_plan=lambda count, shard: link.ShardPlan(shard_id=shard, shard_count=count),
        )
        self.has = {slot: set(shards) for slot, shards in assignments.plan.slots.items()}
        self.under_way: list[tuple[int, link.ToWorker]] = []

    def send(self, slot: int, message: link.ToWorker) -> bool:
        self.under_way.append((slot, message))
        return True

    def arrives(self, index: int, *, lost: bool) -> None:
        """Let one of the orders under way arrive, or be lost."""
        if not self.under_way:
            return
        slot, message = self.under_way.pop(index % len(self.under_way))
        if lost:
            return
        match message:
            case link.Release(shard_id=shard):
                self.has[slot].discard(shard)
            case link.Take(shard=plan):
                self.has[slot].add(plan.shard_id)

    def reports(self, slot: int) -> None:
        self.reconciler.report(slot, self.has[slot])

    def dies(self, slot: int) -> None:
        """Let a worker die. Its next process has what it is assigned then; orders to the old one
        are lost."""
        self.under_way = [(to, message) for to, message in self.under_way if to != slot]
        self.has[slot] = set()
        self.reconciler.gone(slot)
        self.reconciler.given(slot, self.assignments.shards(slot))
        self.has[slot] = set(self.assignments.shards(slot))


def world() -> World:
    plan = Plan(SHARDS, {0: (0, 1), 1: (2, 3), 2: ()})
    made = World(Assignments(plan))
    for slot, shards in plan.slots.items():
        made.reconciler.given(slot, shards)
    return made


def test_a_shard_is_released_first_and_taken_then() -> None:
    made = world()
    made.assignments.move(1, 2)
    made.reconciler.settle()
    assert made.under_way == [(0, link.Release(shard_id=1, to_slot=2))]
    made.arrives(0, lost=False)
    made.reports(2)
    assert made.under_way == [(0, link.Release(shard_id=1, to_slot=2))], "it has said nothing yet"
    made.arrives(0, lost=False)  # once more: no harm is done
    made.reports(0)
    assert made.under_way == [(2, link.Take(shard=link.ShardPlan(shard_id=1, shard_count=SHARDS)))]
    assert not made.reconciler.has(2, 1)
    made.arrives(0, lost=False)
    made.reports(2)
    assert made.reconciler.has(2, 1)
    assert made.under_way == []


def test_a_dead_owner_holds_nobody_up() -> None:
    made = world()
    made.reconciler.gone(0)
    made.assignments.move(1, 2)
    made.reconciler.settle()
    assert [type(message) for _, message in made.under_way] == [link.Take]


def test_while_a_worker_from_before_is_not_taken_over_nothing_is_taken() -> None:
    assignments = Assignments(Plan(SHARDS, {0: (0, 1), 1: (2, 3)}))
    made = World(assignments)
    made.reconciler.report(1, (2, 3))
    assignments.move(1, 1)
    made.reconciler.settle()
    assert made.under_way == [], "worker 0 lives, and may have it"
    made.reconciler.report(0, (0, 1))
    assert [type(message) for _, message in made.under_way] == [link.Release]


step = st.one_of(
    st.tuples(st.just("report"), st.integers(0, SLOTS - 1)),
    st.tuples(st.just("arrives"), st.integers(0, 9)),
    st.tuples(st.just("lost"), st.integers(0, 9)),
    st.tuples(st.just("dies"), st.integers(0, SLOTS - 1)),
)


@given(
    moves=st.lists(
        st.tuples(st.integers(0, SHARDS - 1), st.integers(0, SLOTS - 1), st.lists(step)),
        min_size=1,
        max_size=4,
    )
)
def test_every_shard_comes_to_its_owner(
    moves: list[tuple[int, int, list[tuple[str, int]]]],
) -> None:
    """One move after the other, as the coordinator makes them; orders arrive late, in any order or
    not at all, and workers die."""
    made = world()
    for shard, to, steps in moves:
        if made.assignments.plan.slot_of[shard] != to:
            made.assignments.move(shard, to)
        made.reconciler.settle()
        for what, number in steps:
            if what == "report":
                made.reports(number)
            elif what == "dies" and not made.under_way:
                made.dies(number)
            elif what != "dies":
                made.arrives(number, lost=what == "lost")
        for _ in range(4):  # a report a second from each, and what is told then arrives
            for slot in range(SLOTS):
                made.reports(slot)
            while made.under_way:
                made.arrives(0, lost=False)
        assert {slot: tuple(sorted(has)) for slot, has in made.has.items()} == dict(
            made.assignments.plan.slots
        )


def test_of_a_process_that_is_taken_over_in_an_empty_slot_nothing_is_known() -> None:
    made = world()
    made.reconciler.gone(2)
    made.reconciler.adopted(2)
    made.has[0].clear()
    made.assignments.move(1, 1)
    made.reports(0)
    assert [m for _, m in made.under_way if isinstance(m, link.Take)] == [], "it may have shard 1"
    made.reports(2)
    assert (1, 1) in [
        (to, m.shard.shard_id) for to, m in made.under_way if isinstance(m, link.Take)
    ]
