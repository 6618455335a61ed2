"""Strikes at processes: SIGKILL, and SIGSTOP for a while or for good."""

from __future__ import annotations

import asyncio
import signal

from cluster.endpoints.paths import is_held
from tests.chaos.arena import Arena
from tests.chaos.hands import hub_away, kill_coordinator, kill_worker, next_worker, send, start


async def worker_killed(arena: Arena, slot: int) -> None:
    slot = arena.slot(slot)
    await next_worker(arena, slot, await kill_worker(arena, slot))


async def two_workers_killed(arena: Arena, slots: list[int]) -> None:
    await asyncio.gather(*(worker_killed(arena, slot) for slot in slots))


async def worker_stopped(arena: Arena, slot: int, seconds: float) -> None:
    slot = arena.slot(slot)
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    send(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send(pid, signal.SIGCONT)


async def worker_hangs(arena: Arena, slot: int) -> None:
    """SIGSTOP for good: the coordinator has to notice."""
    slot = arena.slot(slot)
    await arena.until(lambda: arena.machine.worker(slot) is not None, f"worker {slot} is there")
    pid = arena.machine.worker(slot)
    send(pid, signal.SIGSTOP)
    await next_worker(arena, slot, pid)


async def coordinator_killed(arena: Arena, seconds: float) -> None:
    async with hub_away(arena):
        await kill_coordinator(arena)
        await asyncio.sleep(seconds)
        await start(arena)


async def coordinator_stopped(arena: Arena, seconds: float) -> None:
    async with hub_away(arena):
        pid = arena.machine.coordinator()
        send(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        send(pid, signal.SIGCONT)


async def replay_killed(arena: Arena) -> None:
    await arena.until(lambda: arena.machine.replay() is not None, "the replay server is there")
    pid = arena.machine.replay()
    send(pid, signal.SIGKILL)
    await arena.until(
        lambda: arena.machine.replay() not in (None, pid), "the replay server is there again"
    )


async def replay_stopped(arena: Arena, seconds: float) -> None:
    await arena.until(lambda: arena.machine.replay() is not None, "the replay server is there")
    pid = arena.machine.replay()
    send(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send(pid, signal.SIGCONT)


async def worker_and_coordinator_killed(arena: Arena, slot: int) -> None:
    slot = arena.slot(slot)
    async with hub_away(arena):
        send(arena.machine.coordinator(), signal.SIGKILL)
        before = await kill_worker(arena, slot)
        await arena.until(lambda: not is_held(arena.machine.paths.lock), "it is dead")
        await start(arena)
        await next_worker(arena, slot, before)


async def worker_and_replay_killed(arena: Arena, slot: int) -> None:
    await asyncio.gather(worker_killed(arena, slot), replay_killed(arena))
