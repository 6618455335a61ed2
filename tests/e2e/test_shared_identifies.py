"""Two clusters with parts of one bot: one grants the identifies of both, and Discord sees one."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cluster.control import ControlClient
from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.discord.opcodes import Op
from cluster.endpoints.curve_keys import KeyFolder, encode
from cluster.endpoints.paths import cluster_paths
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.watching import eventually

SHARDS = 8
BUCKETS = 4
JITTER_S = 0.3


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    """Homes of two clusters; each has folders of its own."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
        pair = [Home(tmp_path / name, Path(sockets) / name) for name in ("east", "west")]
        for home in pair:
            (home.state.parent).mkdir(parents=True)
        yield pair[0], pair[1]
        for home in pair:
            if home.processes():
                home.cli("stop")


async def cli(home: Home, *arguments: str) -> str:
    done = await asyncio.to_thread(home.cli, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(home: Home, code: int) -> str:
    """Start; return the one line that says why it is refused."""
    start = home.cli("start", "--detach")
    assert (start.returncode, start.stderr.count("\n")) == (code, 1), start.stderr
    return start.stderr


async def until_ready(home: Home) -> ClusterStatus:
    async with ControlClient(control_of(home)) as control:
        return await eventually(control.status, lambda s: s.state == "ready")


def control_of(home: Home) -> str:
    return cluster_paths("default", home.env).control


@asynccontextmanager
async def running(home: Home, sandbox: SandboxInfo, **env: str) -> AsyncIterator[None]:
    home.use(sandbox)
    home.env |= {"DCGW_WORKERS": "1"} | env
    await cli(home, "start", "--detach")
    try:
        yield
    finally:
        await asyncio.to_thread(home.cli, "stop")


def identifies(commands: list[dict[str, Any]]) -> dict[int, list[float]]:
    """When each bucket's identifies were read by the sandbox, which lets them arrive later."""
    times: dict[int, list[float]] = defaultdict(list)
    for command in commands:
        if command["op"] == Op.IDENTIFY:
            shard, count = command["d"]["shard"]
            assert count == SHARDS
            times[shard % BUCKETS].append(command["at"])
    return times


def test_two_parts_of_a_bot_share_one_limiter(homes: tuple[Home, Home], tmp_path: Path) -> None:
    """The second runs as if on another host: over TCP, with a key that may do nothing else."""
    east, west = homes
    offer(east)
    broker = east.env["DCGW_TCP_CONTROL"]
    file = tmp_path / "west.key"
    file.write_bytes(
        encode(KeyFolder(cluster_paths("default", east.env).keys).add("west", ("identify",), now=0))
    )

    async def scenario(sandbox: SandboxInfo) -> None:
        async with (
            running(east, sandbox, DCGW_SHARDS="0-3/8", DCGW_IDENTIFY_BROKER="self"),
            running(
                west,
                sandbox,
                DCGW_SHARDS="4-7/8",
                DCGW_IDENTIFY_BROKER=broker,
                DCGW_IDENTIFY_BROKER_KEYS=str(file),
            ),
            ControlClient(control_of(east)) as control,
            SandboxControl(sandbox.control_url, sandbox.control_token) as discord,
        ):
            async with control.request_identify(shard_id=1, shard_count=16):
                pass  # a program of its own, which says that it identified
            second, first = await until_ready(west), await until_ready(east)
            state = await discord.state()
            times = identifies(await discord.commands())
        spent = state["identifies"]
        assert (spent["admitted"], spent["early"], spent["unavoidable"]) == (SHARDS, 0, SHARDS)
        assert {bucket: len(sent) for bucket, sent in times.items()} == dict.fromkeys(
            range(BUCKETS), 2
        )
        for sent in times.values():  # what is sent 5 s apart may arrive closer, and did not
            assert min(b - a for a, b in itertools.pairwise(sent)) >= IDENTIFY_WINDOW_S
        assert first.budget.remaining == 1000 - SHARDS - 1, "the program outside is counted"
        assert first.budget.spent == SHARDS + 1
        assert first.budget.outside == []
        assert (second.budget.broker, second.budget.spent) == (broker, 4)
        assert [shard.epoch for shard in first.shards + second.shards] == [1] * SHARDS

    options = {"max_concurrency": BUCKETS, "identify_jitter_s": JITTER_S, "guilds": 8}
    with run_sandbox(**options) as sandbox:
        asyncio.run(scenario(sandbox))
    assert east.leftovers() + west.leftovers() == []


def test_a_broker_that_is_not_there_or_of_another_bot_is_named(homes: tuple[Home, Home]) -> None:
    east, west = homes
    with run_sandbox() as sandbox, run_sandbox(seed=2) as other:
        west.use(sandbox)
        west.env |= {"DCGW_SHARDS": "4-7/8"}
        line = refused(west, 2)
        assert "identify.broker" in line
        assert "identify.budget" in line
        west.env["DCGW_IDENTIFY_BROKER"] = control_of(east)
        assert control_of(east) in refused(west, 1)
        east.use(other)
        assert east.cli("start", "--detach").returncode == 0
        line = refused(west, 1)
        assert "another account" in line
        assert sandbox.token not in line
        east.cli("stop")
    assert east.leftovers() + west.leftovers() == []


def test_a_broker_that_is_killed_and_comes_back_is_waited_for(homes: tuple[Home, Home]) -> None:
    """The broker's workers go on, the other cluster waits; nobody grants meanwhile, and nothing is
    granted twice."""
    east, west = homes
    broker = control_of(east)

    async def scenario(sandbox: SandboxInfo) -> None:
        async with (
            running(east, sandbox, DCGW_SHARDS="0-0/3", DCGW_IDENTIFY_BROKER="self"),
            SandboxControl(sandbox.control_url, sandbox.control_token) as discord,
        ):
            granting = (await until_ready(east)).pid
            # Of the west's two shards one waits for 5 s after the other, whenever they come.
            async with running(west, sandbox, DCGW_SHARDS="1-2/3", DCGW_IDENTIFY_BROKER=broker):
                async with ControlClient(broker) as control:
                    await eventually(control.status, lambda s: len(s.budget.outside) > 0)
                os.kill(granting, signal.SIGKILL)
                async with ControlClient(control_of(west)) as control:
                    status = await eventually(control.status, lambda s: s.budget.trouble != "")
                assert broker in status.budget.trouble
                assert status.state == "starting"
                assert status.shards_ready < 2, "those that are left wait"
                await cli(east, "start", "--detach")
                second, first = await until_ready(west), await until_ready(east)
                assert second.budget.trouble == ""
                state = await discord.state()
        spent = state["identifies"]
        assert (spent["admitted"], spent["early"], spent["unavoidable"]) == (3, 0, 3)
        assert first.budget.spent == 3

    with run_sandbox(max_concurrency=1, identify_jitter_s=JITTER_S, guilds=8) as sandbox:
        asyncio.run(scenario(sandbox))
    assert east.leftovers() + west.leftovers() == []
