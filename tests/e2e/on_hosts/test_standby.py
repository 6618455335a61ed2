"""Two coordinators on one store in PostgreSQL: never two at work, and the second takes over."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.control import ControlClient
from cluster.endpoints.discovery import running_clusters
from cluster.endpoints.paths import cluster_paths
from cluster.interrupts import EXIT_INTERRUPTED
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.on_hosts.agents import Agent, agents, offer_hosts
from tests.e2e.watching import eventually
from tests.postgres_server import PASSWORD

SHARDS = 2
TAKEN_OVER_S = 10.0


@pytest.fixture
def homes(tmp_path: Path, database_url: str) -> Iterator[tuple[Home, Home]]:
    """Two hosts, as far as they know: each has folders of its own, and both the same store."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        pair = [Home(tmp_path / name, Path(sockets) / name) for name in ("one", "two")]
        for home in pair:
            home.state.parent.mkdir(parents=True)
            home.env |= {"DCGW_STORE": database_url, "DCGW_WORKERS": "1"}
            home.env |= {"DCGW_SHARDS": str(SHARDS), "DCGW_ADOPT_SECONDS": "40"}
        yield pair[0], pair[1]
        for home in pair:
            for pid in pids(home):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)


def pids(home: Home, module: str = "") -> list[int]:
    """The processes of a home, or those of a module of ours."""
    mark = f"DCGW_STATE_DIR={home.state}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in environment and (not module or module.encode() in words):
            found.append(int(entry.name))
    return found


def logs(home: Home) -> str:
    folder = cluster_paths("default", home.env).logs
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


async def ready(home: Home) -> ClusterStatus:
    await until(lambda: bool(running_clusters(home.env)))
    async with ControlClient(cluster_paths("default", home.env).control) as control:
        return await eventually(control.status, lambda s: s.state == "ready")


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # a process tells nobody
            await asyncio.sleep(0.02)


class Foreground:
    """`dcgw-cluster start` in a terminal of its own, so to say."""

    def __init__(self, home: Home, *words: str) -> None:
        self._output = home.state.parent / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cluster", "start", *words],
                env=home.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    async def ended(self) -> int:
        await until(lambda: self.process.poll() is not None)
        return self.process.wait()


async def identified(discord: SandboxControl) -> int:
    return int((await discord.state())["identifies"]["admitted"])


def test_a_standby_adopts_the_hosts_and_their_sessions(homes: tuple[Home, Home]) -> None:
    """No connection is made anew: the workers on hosts that have joined never notice."""
    one, two = homes
    offer_hosts(one, lease_s=20.0)
    offer_hosts(two, lease_s=20.0)

    async def scenario(sandbox: SandboxInfo, discord: SandboxControl, agent: Agent) -> None:
        for home in homes:
            home.use(sandbox)
        shutil.copytree(cluster_paths("default", one.env).keys, keys_of(two))
        assert (await asyncio.to_thread(one.cli, "start", "--detach")).returncode == 0
        agent.standbys = [two.env["DCGW_HOSTS_CONTROL"]]
        agent.start()
        before = await ready(one)
        standby = Foreground(two, "--standby")
        await until(lambda: "Standing by" in standby.said)
        assert "engine is" not in standby.said
        for pid in pids(one, "coordinator"):
            os.kill(pid, signal.SIGKILL)
        after = await ready(two)
        assert after.store_id == before.store_id
        assert [worker.pid for worker in after.workers] == [worker.pid for worker in before.workers]
        assert [shard.epoch for shard in after.shards] == [1] * SHARDS
        assert await identified(discord) == SHARDS
        agent.die()

    async def run() -> None:
        with (
            run_sandbox(shards=SHARDS, max_concurrency=SHARDS, guilds=4, rate=20.0) as sandbox,
            agents(one, "host-1") as made,
        ):
            async with SandboxControl(sandbox.control_url, sandbox.control_token) as discord:
                await scenario(sandbox, discord, made[0])

    asyncio.run(run())


def keys_of(home: Home) -> Path:
    """Return the folder of a cluster's keys, which is to be made, in one that is there."""
    keys = cluster_paths("default", home.env).keys
    keys.parent.mkdir(parents=True, mode=0o700)
    return keys


async def until_identified(discord: SandboxControl, count: int) -> float:
    """Return how long it took until Discord has let so many identify."""
    began = time.monotonic()
    async with asyncio.timeout(20):
        while await identified(discord) < count:  # noqa: ASYNC110  # Discord tells nobody
            await asyncio.sleep(0.05)
    return time.monotonic() - began


def test_a_standby_takes_over_and_who_was_away_for_too_long_ends(homes: tuple[Home, Home]) -> None:
    one, two = homes

    async def scenario(sandbox: SandboxInfo, discord: SandboxControl) -> None:
        for home in homes:
            home.use(sandbox)
        began = time.monotonic()
        assert (await asyncio.to_thread(one.cli, "start", "--detach", "--wait")).returncode == 0
        # What a start takes is a matter of what else this machine has to do.
        within_s = TAKEN_OVER_S + time.monotonic() - began
        assert await identified(discord) == SHARDS
        (holder,) = pids(one, "coordinator")

        refused = await asyncio.to_thread(two.cli, "start", "--detach")
        assert refused.returncode == 4, refused.stderr
        assert f"(pid {holder})" in refused.stderr
        assert "--standby" in refused.stderr
        assert two.leftovers() == []

        waiting = Foreground(two, "--standby")
        await until(lambda: "Standing by: the coordinator on " in waiting.said)
        assert f"(pid {holder}) has the store" in waiting.said
        assert 'engine is "local"' in waiting.said
        assert not any(path.is_socket() for path in two.sockets.rglob("*"))
        found = await asyncio.to_thread(two.cli, "status")
        assert found.returncode == 3
        assert "default stands by (pid " in found.stderr
        waiting.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert await waiting.ended() == EXIT_INTERRUPTED
        assert time.monotonic() - began < 5.0
        assert two.leftovers() == []
        assert (await ready(one)).budget.spent == SHARDS, "it was not disturbed"

        standby = Foreground(two, "--standby")
        await until(lambda: "Standing by" in standby.said)
        for pid in (holder, *pids(one, "shard_worker")):
            os.kill(pid, signal.SIGKILL)
        assert await until_identified(discord, SHARDS + 1) < within_s
        after = await ready(two)
        assert after.budget.spent == 2 * SHARDS
        assert [shard.epoch for shard in after.shards] == [2] * SHARDS

        again = await asyncio.to_thread(one.cli, "start", "--detach", "--standby")
        assert again.returncode == 0, again.stderr
        assert "stands by in the background" in again.stdout
        (frozen,) = pids(two, "coordinator")
        os.kill(frozen, signal.SIGSTOP)
        assert await until_identified(discord, 2 * SHARDS + 1) < within_s
        os.kill(frozen, signal.SIGCONT)
        assert await standby.ended() == 1
        assert "another coordinator has" in standby.said
        assert pids(two, "shard_worker"), "they were left alone"
        last = await ready(one)
        assert last.budget.spent == 3 * SHARDS, "the one that was frozen has granted nothing"
        assert await identified(discord) == 3 * SHARDS
        assert (await asyncio.to_thread(one.cli, "stop")).returncode == 0
        for text in (refused.stderr, waiting.said, standby.said, again.stdout, *map(logs, homes)):
            assert PASSWORD not in text
            assert "p4ss" not in text

    async def run() -> None:
        with run_sandbox(shards=SHARDS, max_concurrency=SHARDS, guilds=4, rate=20.0) as sandbox:
            async with SandboxControl(sandbox.control_url, sandbox.control_token) as discord:
                await scenario(sandbox, discord)

    asyncio.run(run())
