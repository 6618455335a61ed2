"""What is played, and what must be so each time. AssertionError: it is not."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.wire.states import HostState
from tests.simulation.cluster_played import PlayedCluster, Reading, Shape, status_ms

MARGIN_S: Final = 0.25
"""identify.margin_ms."""
RACK: Final = 8
"""A rack has one of so many hosts, and they are lost together."""


class Outcome(NamedTuple):
    """What became of a scenario."""

    name: str
    seconds: float
    """Played, until all was well."""
    reading: Reading
    identifies: int
    resumes: int
    away_s: float
    """The longest time for which a shard had no connection."""
    detail: str
    real_s: float = 0.0
    """How long it took to play."""


@asynccontextmanager
async def cluster_of(shape: Shape, *, ready: bool = True) -> AsyncIterator[PlayedCluster]:
    """Make a cluster and start it. ready: its sessions are there from a run before."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        cluster = PlayedCluster(shape, Path(folder))
        if ready:
            cluster.gateway.leave_sessions(shape.shards)
        await cluster.start()
        try:
            if ready:
                await cluster.until(lambda: cluster.all_ready)
                await asyncio.sleep(5.0)
                cluster.gateway.watch()
            yield cluster
        finally:
            await cluster.close()


async def start(shape: Shape) -> Outcome:
    """Start with no session at all."""
    began = time.monotonic()
    async with cluster_of(shape, ready=False) as cluster:
        meter = cluster.meter()
        seconds = await cluster.until(lambda: cluster.all_ready)
        rounds = -(-shape.shards // shape.max_concurrency)
        least = (rounds - 1) * (IDENTIFY_WINDOW_S + MARGIN_S)
        assert cluster.gateway.identifies == shape.shards
        assert cluster.gateway.too_early == 0
        name = f"start from nothing, max_concurrency {shape.max_concurrency}"
        return _outcome(name, cluster, meter(), seconds, began, f"the limit allows {least:,.0f} s")


async def steady(shape: Shape, seconds: float = 30.0) -> Outcome:
    """Nothing happens but events."""
    began = time.monotonic()
    async with cluster_of(shape) as cluster:
        meter = cluster.meter()
        await asyncio.sleep(seconds)
        reading = meter()
        ms, size = await status_ms(cluster)
        detail = f"one status: {ms:.0f} ms, {size / 1e6:.1f} MB"
        return _outcome("nothing but events", cluster, reading, seconds, began, detail)


async def rolling(shape: Shape, most: int = 1_000) -> Outcome:
    """Drain each host, restart its agent, and let it have workers again. most: hosts of which this
    is done."""
    began = time.monotonic()
    async with cluster_of(shape) as cluster:
        meter, played = cluster.meter(), asyncio.get_running_loop().time
        begun = played()
        hosts = cluster.hosts[:most]
        for host in hosts:
            await cluster.drain(host.name)
            assert not host.running
            host.stop_agent()
            await asyncio.sleep(1.0)
            host.start_agent()
            await cluster.until(partial(_is_here, cluster, host.name))
            await cluster.drain(host.name, undo=True)
        await cluster.until(lambda: cluster.all_ready)
        gateway = cluster.gateway
        assert gateway.identifies == 0
        assert gateway.resumes >= 2 * len(hosts) * (shape.shards // shape.hosts)
        detail = f"{gateway.resumes:,} moves, {_evenly(cluster)}"
        name = f"{len(hosts)} hosts restarted, one by one"
        return _outcome(name, cluster, meter(), played() - begun, began, detail)


async def rack_lost(shape: Shape) -> Outcome:
    """Lose an eighth of the hosts at once, disks too."""
    began = time.monotonic()
    async with cluster_of(shape) as cluster:
        meter = cluster.meter()
        rack = cluster.hosts[: max(1, shape.hosts // RACK)]
        for host in rack:
            host.lose()
        await asyncio.sleep(1.0)
        seconds = 1.0 + await cluster.until(
            lambda: cluster.gateway.connected == shape.shards and cluster.all_ready
        )
        assert cluster.gateway.identifies == 0
        detail = f"{len(rack)} hosts; after it {_evenly(cluster, rack={h.name for h in rack})}"
        return _outcome("a rack is lost", cluster, meter(), seconds, began, detail)


async def rack_cut_off(shape: Shape, cut_s: float) -> Outcome:
    """Let nothing go to or come from an eighth of the hosts for a while."""
    began = time.monotonic()
    async with cluster_of(shape) as cluster:
        meter, lease_s = cluster.meter(), cluster.spec.hosts.lease_seconds
        cluster.network.cut |= {h.name for h in cluster.hosts[: max(1, shape.hosts // RACK)]}
        await asyncio.sleep(cut_s)
        cluster.network.cut.clear()
        seconds = await cluster.until(
            lambda: (
                cluster.gateway.connected == shape.shards
                and cluster.all_ready
                and all(_is_here(cluster, host.name) for host in cluster.hosts)
            )
        )
        assert cluster.gateway.identifies == 0
        if cut_s < lease_s:
            assert cluster.gateway.resumes == 0
        name = f"a rack is cut off for {cut_s:g} s"
        await asyncio.sleep(30.0)
        return _outcome(name, cluster, meter(), cut_s + seconds, began, f"a lease is {lease_s:g} s")


async def coordinator_killed(shape: Shape) -> Outcome:
    """Kill the coordinator, and start the next one at once."""
    began = time.monotonic()
    async with cluster_of(shape) as cluster:
        meter = cluster.meter()
        await cluster.restart_coordinator(1.0)
        seconds = await cluster.until(lambda: cluster.all_ready)
        assert cluster.gateway.identifies == cluster.gateway.resumes == 0
        hosts = len(cluster.coordinator.hosts.rooms)
        detail = f"{hosts} hosts and {len(cluster.coordinator.fleet.slots)} workers taken over"
        return _outcome("the coordinator is killed", cluster, meter(), seconds + 1.0, began, detail)


def _is_here(cluster: PlayedCluster, host: str) -> bool:
    """Whether the agent of a host has joined and is heard of."""
    known = cluster.coordinator.hosts.by_name.get(host)
    own = next(one for one in cluster.hosts if one.name == host)
    return known is not None and known.state is HostState.HERE and known.id == own.id


def _evenly(cluster: PlayedCluster, rack: Collection[str] = ()) -> str:
    """Return how many shards hosts have, those of a rack apart."""
    loads = [load for name, load in cluster.loads().items() if name not in rack]
    return f"{min(loads)} to {max(loads)} shards a host"


def _outcome(
    name: str, cluster: PlayedCluster, reading: Reading, seconds: float, began: float, detail: str
) -> Outcome:
    gateway = cluster.gateway
    assert gateway.doubles == 0, "a shard had two sessions"
    return Outcome(
        name, seconds, reading, gateway.identifies, gateway.resumes, gateway.longest_away_s,
        detail, time.monotonic() - began,
    )  # fmt: skip


def scenarios(shape: Shape) -> dict[str, Callable[[], Coroutine[object, object, Outcome]]]:
    """Return all of them by a short name, the longest last."""
    return {
        "steady": lambda: steady(shape),
        "killed": lambda: coordinator_killed(shape),
        "rack": lambda: rack_lost(shape),
        "cut-10": lambda: rack_cut_off(shape, 10.0),
        "cut-40": lambda: rack_cut_off(shape, 40.0),
        "start-256": lambda: start(shape._replace(max_concurrency=256)),
        "start-64": lambda: start(shape._replace(max_concurrency=64)),
        "rolling-8": lambda: rolling(shape, 8),
        "rolling": lambda: rolling(shape),
        "start-16": lambda: start(shape._replace(max_concurrency=16)),
    }
