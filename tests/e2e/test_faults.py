"""8 shards on 2 workers under traffic, through what breaks connections: nothing is lost, nothing
comes twice, everything stays in order, and no identify is spent."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.wire.status import ClusterStatus
from tests.e2e.home import Home, run_sandbox
from tests.e2e.watching import (
    Raw,
    all_dispatched,
    assert_same,
    connected,
    control_of,
    eventually,
    identified,
    reconnects,
    sandbox_of,
    watching,
)

SHARDS = 8
RATE = 300.0
BEFORE, AFTER = 150, 300
"""Events that come before a fault, and after all is well again."""


class Cluster(NamedTuple):
    home: Home
    sandbox: SandboxInfo


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all faults: what one of them left behind, the next would meet."""
    with (
        tempfile.TemporaryDirectory(prefix="dcgw-") as sockets,
        run_sandbox(
            guilds=24,
            shards=SHARDS,
            max_concurrency=SHARDS,
            heartbeat_grace_s=5,
        ) as sandbox,
    ):
        home = Home(tmp_path_factory.mktemp("home"), Path(sockets))
        home.use(sandbox)
        start = home.cli("start", "--detach", "--workers", "2")
        assert start.returncode == 0, start.stderr
        asyncio.run(beat_quickly(Cluster(home, sandbox)))
        yield Cluster(home, sandbox)
        stop = home.cli("stop")
        assert stop.returncode == 0, stop.stderr
        assert home.leftovers() == []


async def beat_quickly(cluster: Cluster) -> None:
    """Let each shard connect again and beat every 1.5 s from then on. The start would be too early:
    READY can take longer on a busy machine, and a session that nobody had yet would be ended."""
    async with sandbox_of(cluster.sandbox) as sandbox, control_of(cluster.home) as control:
        await eventually(control.status, lambda s: s.state == "ready")
        await sandbox.fault(kind="heartbeat_interval", ms=1500)
        await sandbox.fault(kind="op7", shard="all")
        causes = {(shard, "op 7"): 1 for shard in range(SHARDS)}
        await eventually(
            control.status, lambda s: _met(s, Counter(), causes) and s.state == "ready"
        )


Causes = dict[tuple[int, str], int]
"""(shard, cause) -> how many reconnects at least."""


def through(
    cluster: Cluster, fault: Callable[[SandboxControl], Awaitable[None]], causes: Causes
) -> None:
    """Go through traffic, a fault, its reconnects, recovery and more traffic; then compare every
    event, those of earlier tests too."""

    async def main() -> None:
        async with (
            sandbox_of(cluster.sandbox) as sandbox,
            control_of(cluster.home) as control,
            watching(cluster.home) as seen,
        ):
            await connected(sandbox, SHARDS)
            already = len(await all_dispatched(sandbox, seen))
            async with Raw(cluster.home, already) as raw:
                await raw.joined()
                await sandbox.traffic(rate=RATE)
                await seen.more(BEFORE)
                before = reconnects(await control.status())
                await fault(sandbox)
                await eventually(control.status, lambda s: _met(s, before, causes))
                await sandbox.clear_faults()
                await eventually(control.status, lambda s: s.state == "ready")
                await connected(sandbox, SHARDS)
                await seen.more(AFTER)
                expected = await all_dispatched(sandbox, seen, raw)
                seen.check(expected)
                assert_same(raw.rows, expected[already:])
            assert await identified(sandbox) == SHARDS

    asyncio.run(main())


def _met(status: ClusterStatus, before: Causes, causes: Causes) -> bool:
    now = reconnects(status)
    return all(now[key] - before.get(key, 0) >= count for key, count in causes.items())


def test_a_cut(cluster: Cluster) -> None:
    async def fault(sandbox: SandboxControl) -> None:
        for shard, how in enumerate(("rst", "fin", "mid_frame")):
            await sandbox.fault(kind="cut", how=how, shard=shard)

    through(cluster, fault, {(shard, "connection lost"): 1 for shard in range(3)})


def test_op_7(cluster: Cluster) -> None:
    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="op7", shard="all")

    through(cluster, fault, {(shard, "op 7"): 1 for shard in range(SHARDS)})


def test_a_zombie(cluster: Cluster) -> None:
    """One connection that acknowledges no heartbeat, four in a row, though events come, and one
    that is dead without a word."""

    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="mute_heartbeats", shard=2)
        await sandbox.fault(kind="half_open", shard=5)

    through(cluster, fault, {(2, "zombie"): 1, (5, "zombie"): 1})


def test_a_corrupt_stream(cluster: Cluster) -> None:
    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="corrupt", shard=3)
        await sandbox.fault(kind="truncate", shard=4)

    through(cluster, fault, {(3, "corrupt stream"): 1, (4, "corrupt stream"): 1})


@pytest.mark.parametrize(("mode", "shard"), [("503", 1), ("refuse", 7)])
def test_a_dead_resume_host(cluster: Cluster, mode: str, shard: int) -> None:
    """After three handshakes that failed there the session is resumed at the main URL, and does
    not go back: so each mode has a shard of its own."""

    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="resume_host", mode=mode, count=1000, seconds=300.0)
        await sandbox.fault(kind="cut", how="rst", shard=shard)

    through(cluster, fault, {(shard, "connection lost"): 1, (shard, "connect failed"): 3})


def test_a_stalled_sender(cluster: Cluster) -> None:
    """A server that goes silent, then sends all at once: by then the session may be elsewhere."""

    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="stall", seconds=6.0, shard=6)
        await sandbox.fault(kind="slow", bytes_per_s=2000.0, seconds=3.0, shard=0)

    through(cluster, fault, {(6, "zombie"): 1})


def test_all_at_once(cluster: Cluster) -> None:
    async def fault(sandbox: SandboxControl) -> None:
        await sandbox.fault(kind="resume_host", mode="503", count=4)
        await sandbox.fault(kind="cut", how="rst", shard=0)
        await sandbox.fault(kind="op7", shard=1)
        await sandbox.fault(kind="mute_heartbeats", shard=2)
        await sandbox.fault(kind="corrupt", shard=3)
        await sandbox.fault(kind="close", code=4000, shard=4)
        await sandbox.fault(kind="half_open", shard=5)
        await sandbox.fault(kind="stall", seconds=6.0, shard=6)
        await sandbox.fault(kind="op9", resumable=True, shard=7)

    causes = (
        "connection lost", "op 7", "zombie", "corrupt stream", "closed 4000", "zombie", "zombie",
        "op 9",
    )  # fmt: skip
    through(cluster, fault, dict.fromkeys(enumerate(causes), 1))
