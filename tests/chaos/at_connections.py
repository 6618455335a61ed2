"""Strikes at connections, through the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.chaos.arena import Arena

Strike = Callable[..., Awaitable[None]]


async def _meet(arena: Arena, shard: int, **fault: Any) -> None:
    """Let a fault meet the shard's connection, and wait for its next one."""
    shard %= arena.shards  # there may be another number of them by now
    deadline = time.monotonic() + 60
    while True:
        await arena.connected([shard])
        before = arena.connections().get(shard)
        done = await arena.sandbox.fault(shard=shard, **fault)
        if done["met"] or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)  # it was lost just now
    await arena.until(
        lambda: arena.connections().get(shard) not in (None, before),
        f"shard {shard} has another connection after {fault}",
    )


def connection(kind: str, **fixed: Any) -> Strike:
    """A fault of the sandbox's that costs a connection."""

    async def strike(arena: Arena, shard: int, **params: Any) -> None:
        await _meet(arena, shard, kind=kind, **fixed, **params)

    return strike


async def stall(arena: Arena, shard: int, seconds: float) -> None:
    """Nothing for a while, then all of it: if it lasts, the session is elsewhere by then."""
    shard %= arena.shards
    await arena.connected([shard])
    await arena.sandbox.fault(kind="stall", shard=shard, seconds=seconds)
    await asyncio.sleep(seconds)


async def refused_connections(arena: Arena, seconds: float) -> None:
    """Nobody gets in, and half of the shards have to."""
    await arena.sandbox.fault(kind="refuse_connections", seconds=seconds)
    for shard in range(0, arena.shards, 2):
        await arena.sandbox.fault(kind="cut", how="rst", shard=shard)
    await asyncio.sleep(seconds)
    await asyncio.sleep(0.1)


async def dead_resume_host(arena: Arena, shard: int, mode: str) -> None:
    # A client that waits for HELLO in vain gives up after its own deadline: once is enough.
    count = 1 if mode == "silent" else 3
    await arena.sandbox.fault(kind="resume_host", mode=mode, count=count, seconds=1.5)
    await _meet(arena, shard, kind="cut", how="rst")


async def replay_skips(arena: Arena, shard: int, count: int) -> None:
    """The connection is away long enough for something to be missed."""
    await arena.connected([shard % arena.shards])
    await arena.sandbox.fault(kind="replay_skips", count=count, resumes=2)
    await arena.sandbox.fault(kind="refuse_connections", seconds=0.5)
    await _meet(arena, shard, kind="cut", how="rst")


async def repeated_seq(arena: Arena, shard: int) -> None:
    """RESUMED with an s that was there before."""
    await arena.sandbox.fault(kind="resumed_seq", mode="repeat", count=1)
    await _meet(arena, shard, kind="cut", how="fin")
