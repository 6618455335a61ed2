"""When shards are spread anew over hosts, and when they are left where they are."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.errors import ClusterError
from cluster.wire.states import HostState, OperationState
from cluster.wire.status import Operation
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.spreading import AGAIN_S, SETTLE_S, HostGoals, Spreading
from coordinator.operations.runner import OperationRunner
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.placement import HostRoom
from coordinator.sharding.plan import Plan, StoredPlan


class Room:
    """Two hosts, a and b, of which a has all shards on two workers; scaling is played."""

    def __init__(self, *, workers: Any = "auto", scaled: bool = False) -> None:
        self.now = 0.0
        self.states = {"a": HostState.HERE, "b": HostState.HERE}
        self.shares = {"a": 2, "b": 2}
        self.draining: set[str] = set()
        self.spreads: list[int] = []
        self.fails = False
        self.stays = False
        plan = Plan(8, {0: (0, 1, 2, 3), 1: (4, 5, 6, 7)})
        self.assignments = Assignments(plan, where={0: "a", 1: "a"})
        stored = StoredPlan(plan=plan, asked_shards="8", asked_workers=workers, scaled=scaled)
        context: Any = SimpleNamespace(
            spec=SimpleNamespace(workers=workers), store=SimpleNamespace(plan=lambda: stored)
        )
        hosts: Any = self
        self.goals = HostGoals(context, hosts, self.assignments)
        scaling: Any = self
        self.operations = OperationRunner(
            lambda: self.now, HappeningRecord(lambda: self.now, lambda: self.now)
        )
        self.operations.waits_for = ""
        self.spreading = Spreading(hosts, self.goals, scaling, self.operations, lambda: self.now)

    @property
    def by_name(self) -> dict[str, Any]:
        return {
            name: SimpleNamespace(
                state=state,
                here=state is HostState.HERE,
                name=name,
                draining=name in self.draining,
            )
            for name, state in self.states.items()
        }

    @property
    def rooms(self) -> dict[str, HostRoom]:
        here = [
            name
            for name, state in self.states.items()
            if state is HostState.HERE and name not in self.draining
        ]
        return {name: HostRoom(share=self.shares[name]) for name in here}

    def drain(self, name: str, *, draining: bool) -> None:
        (self.draining.add if draining else self.draining.discard)(name)

    async def drains(self, name: str, *, undo: bool = False) -> Operation:
        """Drain a host and return what has become of it. ClusterError: it was refused."""
        await self.spreading.drain({"host": name, "undo": undo})
        await asyncio.sleep(0)
        assert self.operations.current is not None
        return self.operations.current

    def differs(self, workers: int) -> bool:
        self.goals.goal(workers)
        return not self.stays

    async def spread(self, workers: int, progress: object) -> str:
        self.spreads.append(workers)
        if self.fails:
            raise ClusterError("no")
        self.stays = True
        return "done"

    async def looks(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            self.spreading.look()
            await asyncio.sleep(0)
            await asyncio.sleep(0)


def test_shards_are_spread_once_when_the_hosts_are_the_same_for_a_while() -> None:
    async def scenario() -> None:
        room = Room()
        await room.looks(SETTLE_S)
        assert room.spreads == []
        await room.looks(3)
        assert room.spreads == [4], "as many workers as both would run"
        assert room.operations.current is not None
        assert room.operations.current.state is OperationState.DONE

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("workers", "scaled", "wanted"),
    [("auto", False, 4), ("auto", True, 2), (3, False, 3), (100, False, 8)],
)
def test_how_many_workers_there_are_to_be(workers: Any, scaled: bool, wanted: int) -> None:
    assert Room(workers=workers, scaled=scaled).goals.workers() == wanted


def test_there_are_never_fewer_than_before_for_a_hosts_sake() -> None:
    room = Room()
    room.shares = {"a": 1, "b": 0}
    assert room.goals.workers() == 2


def test_nothing_moves_while_a_host_is_away() -> None:
    async def scenario() -> None:
        room = Room()
        room.states["b"] = HostState.AWAY
        await room.looks(10)
        assert room.spreads == []
        room.states["a"], room.states["b"] = HostState.GONE, HostState.HERE
        await room.looks(10)
        assert room.spreads == [], "its slots are about to be placed elsewhere"
        room.assignments.where = {0: "b", 1: "b"}
        room.states["a"] = HostState.HERE
        await room.looks(10)
        assert room.spreads == [4]

    asyncio.run(scenario())


def test_a_host_that_is_away_can_not_be_moved_from() -> None:
    room = Room()
    room.states["a"] = HostState.AWAY
    with pytest.raises(ClusterError, match="host a is not heard of"):
        room.goals.goal(2)


def test_what_has_failed_is_tried_again_later() -> None:
    async def scenario() -> None:
        room = Room()
        room.fails = True
        await room.looks(AGAIN_S)
        assert room.spreads == [4]
        await room.looks(10)
        assert room.spreads == [4, 4]

    asyncio.run(scenario())


def test_a_drain_lets_shards_move() -> None:
    async def scenario() -> None:
        room = Room()
        done = await room.drains("a")
        assert (done.state, room.spreads, room.draining) == (OperationState.DONE, [2], {"a"})

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("drained", "name", "match"),
    [
        (set(), "c", "there is no host 'c'"),
        (
            {"b"},
            "a",
            "no other host takes the shards of a: `dcgw-cluster drain b --undo`, or s",
        ),
        ({"a", "b"}, "a", "no other host takes the shards of a: `dcgw-cluster drain b --undo`"),
    ],
)
def test_a_drain_that_is_refused_changes_nothing(drained: set[str], name: str, match: str) -> None:
    async def scenario() -> None:
        room = Room()
        room.draining = set(drained)
        with pytest.raises(ClusterError, match=match):
            await room.drains(name)
        assert (room.draining, room.operations.current) == (drained, None)

    asyncio.run(scenario())


def test_the_only_host_is_not_drained() -> None:
    async def scenario() -> None:
        room = Room()
        del room.states["b"]
        with pytest.raises(ClusterError, match="shards of a: start one first"):
            await room.drains("a")

    asyncio.run(scenario())


def test_a_host_that_is_away_is_not_drained() -> None:
    async def scenario() -> None:
        room = Room()
        room.states["a"] = HostState.AWAY
        with pytest.raises(ClusterError, match="host a is not heard of"):
            await room.drains("a")
        assert room.draining == set()

    asyncio.run(scenario())


def test_a_drain_ends_while_shards_have_no_host() -> None:
    """What a host had that is gone waits for one that takes it, which this may be."""

    async def scenario() -> None:
        room = Room()
        room.states["a"], room.draining = HostState.GONE, {"b"}
        done = await room.drains("b", undo=True)
        assert (done.state, room.draining, room.spreads) == (OperationState.DONE, set(), [])
        assert done.text.startswith("host b gets workers again; nothing moves now: host a is not")

    asyncio.run(scenario())


def test_one_that_is_gone_is_let_go_while_its_shards_have_no_host() -> None:
    async def scenario() -> None:
        room = Room()
        room.states = {"a": HostState.GONE}
        done = await room.drains("a")
        assert (done.state, room.draining) == (OperationState.DONE, {"a"})

    asyncio.run(scenario())
