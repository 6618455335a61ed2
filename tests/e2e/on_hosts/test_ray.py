"""A whole cluster whose workers run where Ray has placed them: 32 shards on three nodes, of which
one is lost under traffic and another one is added."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'dcgw-cluster[ray]'")

from cluster.wire.states import HostState
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    all_dispatched,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)
from tests.on_ray.nodes import Nodes, ray_nodes

pytestmark = pytest.mark.timeout(300)

SHARDS: Final = 32
LEASE_S: Final = 5.0


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Three nodes beside the head, with a home of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="dcgw-") as sockets,
        pytest.MonkeyPatch.context() as env,
    ):
        env.setenv("RAY_USAGE_STATS_ENABLED", "0")
        env.setenv("DCGW_STATE_DIR", str(tmp_path / "nodes"))
        env.setenv("DCGW_RUNTIME_DIR", sockets)
        with ray_nodes() as nodes:
            nodes.add()
            nodes.add()
            yield nodes


@pytest.fixture
def on_ray(home: Home, nodes: Nodes) -> Home:
    """A home whose cluster runs on these nodes."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    for one, name in zip(held, ("CONTROL", "EVENTS", "REPLAY"), strict=True):
        home.env[f"DCGW_HOSTS_{name}"] = f"tcp://127.0.0.1:{one.getsockname()[1]}"
        one.close()
    home.env |= {
        "DCGW_ENGINE": "ray",
        "DCGW_RAY_ADDRESS": nodes.address,
        "DCGW_HOSTS_EXPECTED": "3",
        "DCGW_HOSTS_LEASE_SECONDS": str(LEASE_S),
        "DCGW_JOURNAL_BYTES": str(16 * 1024 * 1024),
    }
    return home


def all_ready(status: ClusterStatus) -> bool:
    return len(status.shards) == SHARDS and all(one.state == "ready" for one in status.shards)


def shards_of(status: ClusterStatus) -> Counter[str]:
    """Return how many ready shards each host has."""
    host = {worker.slot: worker.host for worker in status.workers}
    return Counter(host[one.worker] for one in status.shards if one.state == "ready")


def on_hosts(status: ClusterStatus, number: int) -> bool:
    """Return whether all shards are ready, on so many hosts."""
    return all_ready(status) and len(shards_of(status)) == number


def here(status: ClusterStatus) -> int:
    """Return how many hosts are heard of."""
    return sum(host.state is HostState.HERE for host in status.hosts)


def test_shards_outlive_a_node_and_the_coordinator(on_ray: Home, nodes: Nodes) -> None:
    home = on_ray
    lost = nodes.add()
    with run_sandbox(guilds=64, shards=SHARDS, max_concurrency=16, rate=300.0) as info:
        home.use(info)
        start = home.cli("start", "--detach")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with sandbox_of(info) as sandbox, watching(home, "the witness") as seen:
                async with control_of(home) as control:
                    status = await eventually(control.status, all_ready)
                    assert sorted(shards_of(status).values()) == [10, 11, 11]
                    await seen.more(500)
                    nodes.lose(lost)
                    await eventually(control.status, lambda s: on_hosts(s, 2))
                    await seen.more(500)
                    nodes.add()  # Ray wants the main thread
                    await eventually(control.status, lambda s: here(s) == 3)
                    done = await asyncio.to_thread(home.cli, "scale", "--workers", "3")
                    assert done.returncode == 0, done.stderr
                    await eventually(control.status, lambda s: on_hosts(s, 3))
                    await seen.more(500)
                    os.kill((await control.status()).pid, signal.SIGKILL)
                again = await asyncio.to_thread(home.cli, "start", "--detach")
                assert again.returncode == 0, again.stderr
                async with control_of(home) as control:
                    await eventually(control.status, lambda s: on_hosts(s, 3))
                await seen.more(500)
                seen.check(await all_dispatched(sandbox, seen))
                assert await identified(sandbox) == SHARDS

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []
    assert nodes.processes("host_agent") == []
