"""Faults of hosts: killed, frozen, cut off from the coordinator, for less than a lease or for more.

What lasts longer than a lease lets the shards go on elsewhere. Until the host is back nobody can
ask for what only its journals have, so no subscriber may lag then (the schedule sees to it).
"""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import Final

from cluster.control import ControlClient
from cluster.errors import ClusterError
from cluster.wire.states import HostState
from tests.chaos.cluster_under_test import ClusterUnderTest
from tests.chaos.faults.operations import operate
from tests.chaos.faults.process_control import check_journals, hub_away, send_signal
from tests.chaos.host_processes import ChaosHost

CUTS: Final[dict[str, dict[str, int]]] = {
    "silent": {"stalled": 1},
    "deaf": {"stalled_down": 1},
    "mute": {"stalled_up": 1},
    "refused": {"refused": 1},
}
"""How the ways of a host may be cut: nothing passes, nothing comes to it, nothing comes from it, or
its connections break and nobody is let in."""
WHOLE: Final = {"stalled": 0, "refused": 0, "delay": 0}


def _host(tested: ClusterUnderTest, host: int) -> ChaosHost:
    return tested.processes.hosts[host]


async def _until(tested: ClusterUnderTest, host: ChaosHost, *states: HostState) -> None:
    """Wait until the coordinator sees a host in one of these states."""

    async def state() -> HostState | None:
        paths = tested.processes.paths
        try:
            async with ControlClient(paths.control, lock=paths.lock) as control:
                rows = (await control.status()).hosts
        except (ClusterError, TimeoutError):
            return None
        return next((row.state for row in rows if row.name == host.name), None)

    seen: list[HostState | None] = []

    async def look() -> None:
        while (now := await state()) not in states:
            seen[:] = [now]
            await asyncio.sleep(0.1)

    looking = asyncio.create_task(look())
    try:
        await tested.until(looking.done, f"{host.name} is {' or '.join(states)}")
    finally:
        looking.cancel()


async def agent_killed(tested: ClusterUnderTest, host: int) -> None:
    """The agent alone dies; the next one finds its workers."""
    async with hub_away(tested):
        one = _host(tested, host)
        send_signal(one.agent(), signal.SIGKILL)
        await tested.until(lambda: one.agent() is None, f"the agent of {one.name} is dead")
        await one.start()
        await _until(tested, one, HostState.HERE)


async def host_worker_killed(tested: ClusterUnderTest, host: int) -> None:
    """A worker of a host dies, if it has one now."""
    async with hub_away(tested):
        for pid in list(_host(tested, host).workers().values())[:1]:
            send_signal(pid, signal.SIGKILL)
        check_journals(tested)


async def host_killed(tested: ClusterUnderTest, host: int, seconds: float) -> None:
    """All of a host dies, and is started again soon."""
    async with hub_away(tested):
        one = _host(tested, host)
        await one.die()
        check_journals(tested)
        await asyncio.sleep(seconds)
        await one.start()
        await _until(tested, one, HostState.HERE)


async def host_lost(tested: ClusterUnderTest, host: int) -> None:
    """All of a host dies, and stays away until its shards are elsewhere."""
    async with hub_away(tested):
        one = _host(tested, host)
        await one.die()
        check_journals(tested)
        await _until(tested, one, HostState.GONE)
        await tested.connected(range(tested.shards))
        await one.start()
        await _until(tested, one, HostState.HERE)


async def host_stopped(tested: ClusterUnderTest, host: int, seconds: float) -> None:
    """All of a host stands still for a while."""
    async with hub_away(tested):
        one = _host(tested, host)
        one.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        one.signal(signal.SIGCONT)
        await _until(tested, one, HostState.HERE)


async def host_frozen(tested: ClusterUnderTest, host: int) -> None:
    """All of a host stands still until its shards are elsewhere, and then goes on."""
    async with hub_away(tested):
        one = _host(tested, host)
        one.signal(signal.SIGSTOP)
        await _until(tested, one, HostState.GONE)
        await tested.connected(range(tested.shards))
        one.signal(signal.SIGCONT)
        await _until(tested, one, HostState.HERE)


async def host_cut(tested: ClusterUnderTest, host: int, how: str, seconds: float) -> None:
    """The ways of a host are cut for a while."""
    async with hub_away(tested):
        one = _host(tested, host)
        one.tell(**CUTS[how])
        await asyncio.sleep(seconds)
        one.tell(**WHOLE)
        await _until(tested, one, HostState.HERE)


async def host_cut_off(tested: ClusterUnderTest, host: int, how: str) -> None:
    """The ways of a host are cut until its shards are elsewhere."""
    async with hub_away(tested):
        one = _host(tested, host)
        one.tell(**CUTS[how])
        await _until(tested, one, HostState.GONE)
        await tested.connected(range(tested.shards))
        one.tell(**WHOLE)
        await _until(tested, one, HostState.HERE)


async def host_slow(tested: ClusterUnderTest, host: int, seconds: float) -> None:
    """All that goes between a host and the coordinator comes 200 ms late."""
    one = _host(tested, host)
    one.tell(delay=0.2)
    await asyncio.sleep(seconds)
    one.tell(**WHOLE)


async def host_gate_killed(tested: ClusterUnderTest) -> None:
    """The way in for hosts dies, and the events that are under way in it."""
    async with hub_away(tested):
        send_signal(tested.processes.process("host gate"), signal.SIGKILL)


async def host_replay_killed(tested: ClusterUnderTest, host: int) -> None:
    """The replay server of a host dies."""
    own = _host(tested, host).pids()
    for pid, role in tested.processes.living():
        if role == "replay" and pid in own:
            send_signal(pid, signal.SIGKILL)


async def host_drained(tested: ClusterUnderTest, host: int) -> None:
    """A host gives its shards away, and gets workers again."""

    async def drain(control: ControlClient, *, undo: bool) -> str:
        return await control.drain(_host(tested, host).name, undo=undo)

    async with hub_away(tested):  # a shard's new worker may be heard before the last of its old one
        for undo in (False, True):
            await operate(tested, partial(drain, undo=undo))
