"""Faults of connections, through the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.chaos.cluster_under_test import ClusterUnderTest

FaultAction = Callable[..., Awaitable[None]]
"""Does a fault to a ClusterUnderTest, with the fault's parameters, and mends it again."""


async def _meet(tested: ClusterUnderTest, shard: int, **fault: Any) -> None:
    """Let a fault meet the shard's connection, and wait for its next one."""
    shard %= tested.shards  # there may be another number of them by now
    deadline = time.monotonic() + 60
    while True:
        await tested.connected([shard])
        before = tested.connections().get(shard)
        done = await tested.sandbox.fault(shard=shard, **fault)
        if done["met"] or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)  # it was lost just now
    await tested.until(
        lambda: tested.connections().get(shard) not in (None, before),
        f"shard {shard} has another connection after {fault}",
    )


def connection(kind: str, **fixed: Any) -> FaultAction:
    """A fault of the sandbox's that costs a connection."""

    async def act(tested: ClusterUnderTest, shard: int, **params: Any) -> None:
        await _meet(tested, shard, kind=kind, **fixed, **params)

    return act


async def stall(tested: ClusterUnderTest, shard: int, seconds: float) -> None:
    """The server sends nothing for a while, then all of it; the session may be elsewhere then."""
    shard %= tested.shards
    await tested.connected([shard])
    await tested.sandbox.fault(kind="stall", shard=shard, seconds=seconds)
    await asyncio.sleep(seconds)


async def refused_connections(tested: ClusterUnderTest, seconds: float) -> None:
    """Nobody gets in, and half of the shards have to."""
    await tested.sandbox.fault(kind="refuse_connections", seconds=seconds)
    for shard in range(0, tested.shards, 2):
        await tested.sandbox.fault(kind="cut", how="rst", shard=shard)
    await asyncio.sleep(seconds)
    await asyncio.sleep(0.1)


async def dead_resume_host(tested: ClusterUnderTest, shard: int, mode: str) -> None:
    # A client that waits for HELLO in vain gives up after its own deadline: once is enough.
    count = 1 if mode == "silent" else 3
    await tested.sandbox.fault(kind="resume_host", mode=mode, count=count, seconds=1.5)
    await _meet(tested, shard, kind="cut", how="rst")


async def replay_skips(tested: ClusterUnderTest, shard: int, count: int) -> None:
    """The connection is away long enough for something to be missed."""
    await tested.connected([shard % tested.shards])
    await tested.sandbox.fault(kind="replay_skips", count=count, resumes=2)
    await tested.sandbox.fault(kind="refuse_connections", seconds=0.5)
    await _meet(tested, shard, kind="cut", how="rst")


async def repeated_seq(tested: ClusterUnderTest, shard: int) -> None:
    """RESUMED comes with an s that came before."""
    await tested.sandbox.fault(kind="resumed_seq", mode="repeat", count=1)
    await _meet(tested, shard, kind="cut", how="fin")
