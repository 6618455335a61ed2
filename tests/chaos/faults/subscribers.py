"""Faults of subscribers, and subscribers that come and go."""

from __future__ import annotations

import asyncio
import signal

from tests.chaos.cluster_under_test import SOME_NAMES, ClusterUnderTest
from tests.chaos.faults.process_control import (
    hub_away,
    kill_worker,
    send_signal,
    start_cluster,
    wait_for_next_worker,
)


async def subscriber_stopped(tested: ClusterUnderTest, bot: str, seconds: float) -> None:
    """The bot reads nothing, and the hub drops what it must."""
    pid = tested.subscribers[bot].pid
    send_signal(pid, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    send_signal(pid, signal.SIGCONT)


async def subscriber_busy(tested: ClusterUnderTest, bot: str, seconds: float) -> None:
    """The bot handles nothing for a while."""
    send_signal(tested.subscribers[bot].pid, signal.SIGUSR1)
    await asyncio.sleep(seconds)


async def subscriber_restarted(tested: ClusterUnderTest, bot: str, slot: int) -> None:
    """The bot dies, a worker dies while it is away, and it goes on from what it saved."""
    slot = tested.slot(slot)
    subscriber = tested.subscribers[bot]
    await subscriber.kill()
    before = await kill_worker(tested, slot)
    await subscriber.start()
    await wait_for_next_worker(tested, slot, before)
    await asyncio.wait_for(subscriber.joined.wait(), 60)


async def late_joiner(tested: ClusterUnderTest, seconds: float) -> None:
    late = await tested.add_late_joiner(None if seconds < 2 else SOME_NAMES)
    await asyncio.wait_for(late.joined.wait(), 60)
    await asyncio.sleep(seconds)
    await tested.drop_late_joiner(late)


async def started_together(tested: ClusterUnderTest) -> None:
    """All of the cluster is stopped; then it and a subscriber start at the same moment."""
    async with hub_away(tested):
        await tested.processes.cli("stop")
        late, _ = await asyncio.gather(tested.add_late_joiner(None), start_cluster(tested))
        await asyncio.wait_for(late.joined.wait(), 60)
        await tested.connected(range(tested.shards))
        await tested.drop_late_joiner(late)


async def proxy_client_gone(
    tested: ClusterUnderTest, client: int, how: str, seconds: float
) -> None:
    """A client of the proxy loses its connection and resumes, or is killed and started again a
    while later."""
    one = tested.clients[client % len(tested.clients)]
    await asyncio.wait_for(one.client.ready.wait(), 60)
    if how == "cut":
        one.cut()
    else:
        one.die(seconds)
    await asyncio.sleep(seconds)
    await asyncio.wait_for(one.client.ready.wait(), 60)
