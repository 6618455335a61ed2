"""A shard never has two sessions, whatever the ways between coordinator, agents and workers do, who
is stopped, killed or replaced; and when all is whole again each shard has one."""

from __future__ import annotations

import asyncio
import math
from typing import Final, NamedTuple

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from cluster.hosts.leases import HostLease, WorkerLease
from coordinator.hosts.host import Host
from tests.coordinator.hosts.played_cluster import LEASE_S, NAMES, PlayedCluster
from tests.coordinator.hosts.played_hosts import PlayedAgent, Way
from tests.played_loop import play

CALM_S: Final = 20.0
WHOLE_S: Final = 200.0
"""Seconds within which all is well again: a lease, a move that takes as long as it may, and an
operation that is tried again."""


class Fault(NamedTuple):
    after_s: float
    kind: str
    host: str
    seconds: float


def ways(agent: PlayedAgent, direction: str) -> list[Way]:
    return {"up": agent.ups, "down": agent.downs, "both": [*agent.ups, *agent.downs]}[direction]


def meet(cluster: PlayedCluster, fault: Fault) -> None:
    """Let a fault happen."""
    loop = asyncio.get_running_loop()
    agent, coordinator, until = (
        cluster.agents[fault.host],
        cluster.active,
        loop.time() + fault.seconds,
    )
    workers = list(agent.folder.workers.values())
    match fault.kind.split():
        case ["cut", direction]:
            for way in ways(agent, direction):
                way.cut_until = until
        case ["stall", direction]:
            for way in ways(agent, direction):
                way.open_at = until
        case ["freeze", "host"]:
            for inbox in (agent.inbox, *(worker.inbox for worker in workers)):
                inbox.freeze(fault.seconds)
        case ["freeze", "agent"]:
            agent.inbox.freeze(fault.seconds)
        case ["freeze", "workers"]:
            for worker in workers:
                worker.inbox.freeze(fault.seconds)
        case ["kill", "worker"] if workers:
            workers[0].end(-9)
        case ["kill", "agent"]:
            agent.die()
            cluster.later(fault.seconds / 4, cluster.begin_agent, agent.name, agent.folder)
        case ["kill", "host"]:
            agent.die()
            for worker in workers:
                worker.end(-9)
            cluster.later(fault.seconds / 2, cluster.begin_agent, agent.name, agent.folder)
        case ["other", "folder"]:
            agent.die()
            cluster.later(fault.seconds / 8, cluster.boot, agent.name)
        case ["other", "machine"]:
            # The first never comes back: which of two machines had a slot last is forgotten where a
            # coordinator follows another, if both have its journal.
            for way in ways(agent, "both"):
                way.cut_until = math.inf
            cluster.later(fault.seconds / 8, cluster.boot, agent.name)
        case ["kill", "coordinator"] if coordinator:
            coordinator.die()
            cluster.later(fault.seconds / 4, cluster.begin, coordinator.seat)
        case ["freeze", "coordinator"] if coordinator:
            coordinator.frozen_until = until
        case ["no", "store"] if coordinator:
            coordinator.blind_until = until
        case ["no", "room"] if coordinator:
            coordinator.unsaved_until = until
        case ["drain"] if coordinator and not coordinator.operations.waits_for:
            cluster.run(drain(cluster, fault.host, undo=False))
            cluster.later(fault.seconds, lambda: cluster.run(drain(cluster, fault.host, undo=True)))


async def drain(cluster: PlayedCluster, host: str, *, undo: bool) -> None:
    coordinator = cluster.active
    if coordinator is not None and host in coordinator.hosts.by_name:
        coordinator.hosts.drain(host, draining=not undo)


KINDS: Final = (
    "cut up", "cut down", "cut both", "stall up", "stall down", "freeze host", "freeze agent",
    "freeze workers", "kill worker", "kill agent", "kill host", "other folder", "other machine",
    "kill coordinator", "freeze coordinator", "no store", "no room", "drain",
)  # fmt: skip
faults = st.lists(
    st.builds(
        Fault,
        st.floats(0, 8).map(lambda number: round(number, 2)),
        st.sampled_from(KINDS),
        st.sampled_from(NAMES),
        st.floats(0.5, 3 * LEASE_S).map(lambda number: round(number, 1)),
    ),
    max_size=8,
)


async def until_whole(cluster: PlayedCluster) -> None:
    """Wait until each shard has a session, where it is assigned to."""
    for _ in range(int(WHOLE_S)):
        await asyncio.sleep(1)
        assert cluster.discord.twice == [], cluster.discord.twice
        if cluster.is_whole():
            return
    raise AssertionError("shards are without a session")


async def scenario(seed: int, happens: list[Fault]) -> None:
    """Let faults happen to a cluster that is well, and see it well again."""
    cluster = PlayedCluster(seed)
    discord = cluster.discord
    await asyncio.sleep(CALM_S)
    await until_whole(cluster)
    for fault in happens:
        await asyncio.sleep(fault.after_s)
        meet(cluster, fault)
        assert discord.twice == [], discord.twice
    await asyncio.sleep(max((fault.seconds for fault in happens), default=0.0))
    await until_whole(cluster)
    assert set(discord.identifies.values()) == {1}, "none was spent"


@settings(max_examples=40)
@given(st.integers(0, 1 << 32), faults)
def test_no_shard_has_two_sessions_and_each_has_one_again(seed: int, happens: list[Fault]) -> None:
    play(lambda: scenario(seed, happens))


OTHER_MACHINE: Final = [Fault(1, "other machine", "b", 20.0)]
CUT: Final = [Fault(1, "cut both", "b", 13.0)]


def longer(lease: WorkerLease, seconds: float, now: float, first: int = 1) -> None:
    """Begin a lease that a worker takes for longer than the coordinator does."""
    _init(lease, 1.5 * seconds, now, first)


def early(lease: HostLease) -> float:
    """Return when a lease is taken to be over, long before it is."""
    return lease._answered_at + LEASE_S / 2


_init = WorkerLease.__init__


@pytest.mark.parametrize(
    ("owner", "name", "wrong", "happens"),
    [
        (WorkerLease, "__init__", longer, CUT),
        (HostLease, "ends_at", property(early), CUT),
        (Host, "_doubt", lambda host: None, OTHER_MACHINE),
    ],
)
def test_what_is_done_wrong_is_seen(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, wrong: object, happens: list[Fault]
) -> None:
    play(lambda: scenario(1, happens))
    monkeypatch.setattr(owner, name, wrong)
    with pytest.raises(AssertionError, match=r"shard \d+ with"):
        play(lambda: scenario(1, happens))
