"""A cluster with two hubs: every event comes once and in order, through a hub that is killed, and
shards that move from one hub to the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest
import zmq
import zmq.asyncio

from cluster.endpoints.paths import cluster_paths
from cluster.wire import topic
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    WITHIN_S,
    Raw,
    all_dispatched,
    control_of,
    eventually,
    identified,
    sandbox_of,
    watching,
)

SHARDS = 4
HUBS = 2


@pytest.fixture
def two_hubs(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Where programs of this process find the cluster, too."""
    home.env["DCGW_HUBS"] = str(HUBS)
    for name in ("DCGW_STATE_DIR", "DCGW_RUNTIME_DIR"):
        monkeypatch.setenv(name, home.env[name])
    return home


def test_every_event_comes_once_through_either_hub(two_hubs: Home) -> None:
    home = two_hubs
    with run_sandbox(guilds=8, shards=SHARDS, max_concurrency=SHARDS, rate=300.0) as info:
        home.use(info)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr

        async def main() -> None:
            async with (
                sandbox_of(info) as sandbox,
                control_of(home) as control,
                watching(home, "the witness") as seen,
            ):
                await seen.until(1_000)
                status = await control.status()
                paths = cluster_paths("default", home.env)
                assert status.hub_endpoints == [paths.events, paths.events_of(1)]
                assert status.troubles == []
                for hub in range(HUBS):
                    own = {s.shard_id for s in status.shards if s.worker == hub}
                    assert own
                    assert await heard(paths.events_of(hub), len(own)) == own
                async with Raw(home, hubs=HUBS) as raw:
                    await raw.until(100)
                    status = await eventually(control.status, lambda s: s.subscribers_unknown == 1)
                    assert [hub.number for hub in status.hub_processes] == [1]
                    os.kill(process_of(home, "coordinator.hub.process"), signal.SIGKILL)
                    await eventually(control.status, is_back)
                await seen.more(500)
                moved = asyncio.create_task(asyncio.to_thread(home.cli, "scale", "--workers", "1"))
                while not moved.done():
                    await seen.more(10)
                assert (await moved).returncode == 0
                await seen.more(500)
                seen.check(await all_dispatched(sandbox, seen))
                assert await identified(sandbox) == SHARDS
                await eventually(control.status, lambda s: s.subscribers_unknown == 0)

        asyncio.run(main())
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
    assert home.leftovers() == []


async def heard(endpoint: str, shards: int) -> set[int]:
    """Return the shards whose events come from one hub, of so many at least."""
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.SUB)
    socket.subscribe(b"")
    socket.connect(endpoint)
    found: set[int] = set()
    messages = 0
    try:
        async with asyncio.timeout(WITHIN_S):
            while len(found) < shards or messages < 50:
                name, shard, _ = topic.split(await socket.recv())[0:3]
                if not name.startswith("_"):
                    found.add(shard)
                    messages += 1
    finally:
        context.destroy(0)
    return found


def is_back(status: ClusterStatus) -> bool:
    """Whether the hub that was killed runs again, and that is all that is told of it."""
    return len(status.troubles) == 1 and "the hub 1 was restarted 1 time" in status.troubles[0]


def process_of(home: Home, module: str) -> int:
    """Return the pid of the one process of this home that runs a module."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it may end while it is looked at
            mine = f"DCGW_STATE_DIR={home.state}".encode() in (entry / "environ").read_bytes()
            if mine and module.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    (pid,) = found
    return pid
