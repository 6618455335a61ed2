"""Strikes at subscribers, and subscribers that come and go."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.arena import SOME, Arena
from tests.chaos.hands import hub_away, kill_worker, next_worker, send, start


async def subscriber_stopped(arena: Arena, bot: str, seconds: float) -> None:
    """It reads nothing, and the hub drops what it must."""
    pid = arena.bots[bot].pid
    send(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send(pid, signal.SIGCONT)


async def subscriber_busy(arena: Arena, bot: str, seconds: float) -> None:
    """It handles nothing for a while."""
    send(arena.bots[bot].pid, signal.SIGUSR1)
    await asyncio.sleep(seconds)


async def subscriber_restarted(arena: Arena, bot: str, slot: int) -> None:
    """The bot dies, a worker dies while it is away, and it goes on from what it saved."""
    slot = arena.slot(slot)
    its = arena.bots[bot]
    await its.kill()
    before = await kill_worker(arena, slot)
    await its.start()
    await next_worker(arena, slot, before)
    await asyncio.wait_for(its.joined.wait(), 60)


async def late_joiner(arena: Arena, seconds: float) -> None:
    late = await arena.add_late(None if seconds < 2 else SOME)
    await asyncio.wait_for(late.joined.wait(), 60)
    await asyncio.sleep(seconds)
    await arena.drop_late(late)


async def started_together(arena: Arena) -> None:
    """All of the cluster is stopped; then it and a subscriber start at the same moment."""
    async with hub_away(arena):
        await arena.machine.cli("stop")
        late, _ = await asyncio.gather(arena.add_late(None), start(arena))
        await asyncio.wait_for(late.joined.wait(), 60)
        await arena.connected(range(arena.shards))
        await arena.drop_late(late)
