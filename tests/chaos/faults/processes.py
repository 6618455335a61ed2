"""Faults of processes: SIGKILL, and SIGSTOP for a while or for good."""

from __future__ import annotations

import asyncio
import signal

from cluster.endpoints.paths import is_held
from tests.chaos.cluster_under_test import ClusterUnderTest
from tests.chaos.faults.process_control import (
    hub_away,
    kill_coordinator,
    kill_worker,
    running_worker,
    send_signal,
    start_cluster,
    wait_for_next_worker,
)


async def worker_killed(tested: ClusterUnderTest, slot: int) -> None:
    slot = tested.slot(slot)
    await wait_for_next_worker(tested, slot, await kill_worker(tested, slot))


async def two_workers_killed(tested: ClusterUnderTest, slots: list[int]) -> None:
    await asyncio.gather(*(worker_killed(tested, slot) for slot in slots))


async def worker_stopped(tested: ClusterUnderTest, slot: int, seconds: float) -> None:
    slot = tested.slot(slot)
    pid = await running_worker(tested, slot)
    send_signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send_signal(pid, signal.SIGCONT)


async def worker_hangs(tested: ClusterUnderTest, slot: int) -> None:
    """The worker is stopped for good: the coordinator has to notice."""
    slot = tested.slot(slot)
    pid = await running_worker(tested, slot)
    send_signal(pid, signal.SIGSTOP)
    await wait_for_next_worker(tested, slot, pid)


async def coordinator_killed(tested: ClusterUnderTest, seconds: float) -> None:
    async with hub_away(tested):
        await kill_coordinator(tested)
        await asyncio.sleep(seconds)
        await start_cluster(tested)


async def coordinator_stopped(tested: ClusterUnderTest, seconds: float) -> None:
    async with hub_away(tested):
        pid = tested.processes.coordinator()
        send_signal(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        send_signal(pid, signal.SIGCONT)


async def replay_killed(tested: ClusterUnderTest) -> None:
    await tested.until(lambda: tested.processes.replay() is not None, "the replay server is there")
    pid = tested.processes.replay()
    send_signal(pid, signal.SIGKILL)
    await tested.until(
        lambda: tested.processes.replay() not in (None, pid), "the replay server is there again"
    )


async def replay_stopped(tested: ClusterUnderTest, seconds: float) -> None:
    await tested.until(lambda: tested.processes.replay() is not None, "the replay server is there")
    pid = tested.processes.replay()
    send_signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send_signal(pid, signal.SIGCONT)


async def worker_and_coordinator_killed(tested: ClusterUnderTest, slot: int) -> None:
    slot = tested.slot(slot)
    async with hub_away(tested):
        send_signal(tested.processes.coordinator(), signal.SIGKILL)
        before = await kill_worker(tested, slot)
        lock = tested.processes.paths.lock
        await tested.until(lambda: not is_held(lock), "the coordinator is dead")
        await start_cluster(tested)
        await wait_for_next_worker(tested, slot, before)


async def worker_and_replay_killed(tested: ClusterUnderTest, slot: int) -> None:
    await asyncio.gather(worker_killed(tested, slot), replay_killed(tested))


async def proxy_killed(tested: ClusterUnderTest) -> None:
    await _child_killed(tested, "proxy")


async def cache_killed(tested: ClusterUnderTest) -> None:
    await _child_killed(tested, "cache")


async def _child_killed(tested: ClusterUnderTest, role: str) -> None:
    """A child process of the coordinator dies, which starts it again."""
    processes = tested.processes
    await tested.until(lambda: processes.process(role) is not None, f"the {role} is there")
    pid = processes.process(role)
    send_signal(pid, signal.SIGKILL)
    await tested.until(
        lambda: processes.process(role) not in (None, pid), f"the {role} is there again"
    )
