"""The cache of a running cluster shows what a session that begins now is sent, whatever dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from cluster.cache import Cache
from cluster.control import ControlClient
from cluster.discord.intents import ALL_INTENTS
from cluster.endpoints.curve_keys import KeyFolder
from cluster.endpoints.paths import ClusterPaths, cluster_paths
from cluster.errors import KeyRefusedError
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.wire.status import CacheReport
from shard_worker import GatewayClient
from tests.cluster.cache.played import by_id
from tests.e2e.home import Home, offer, run_sandbox
from tests.e2e.test_restarts import happened
from tests.e2e.watching import WITHIN_S, control_of, eventually, identified, sandbox_of
from tests.follower.differences import differences
from tests.follower.mix import every_event

SHARDS, MORE_SHARDS = 2, 3
GUILDS = 6
LARGE = 250
KILLS = 10


async def reports(
    control: ControlClient, holds: Callable[[CacheReport], bool] = lambda report: True
) -> CacheReport:
    """Wait until what the cache says of itself is as it has to be; return it."""
    status = await eventually(control.status, lambda s: s.cache is not None and holds(s.cache))
    assert status.cache is not None
    return status.cache


async def killed(control: ControlClient) -> None:
    """Kill the cache, and wait until another one has taken its place."""
    pid = (await reports(control)).pid
    os.kill(pid, signal.SIGKILL)
    await reports(control, lambda report: report.pid != pid)


async def sent(
    info: SandboxInfo, shard: int, count: int, hidden: set[int]
) -> dict[int, bytes | None]:
    """Return GUILD_CREATE of each guild of a shard, as a session that begins now is sent it; None:
    it is not, since an outage hides the guild. hidden: guilds of which that is to be so."""
    found: dict[int, bytes | None] | None = None
    async with GatewayClient.connect(
        info.token, intents="all", shard=(shard, count), large_threshold=LARGE,
        api_url=info.api_url, ca_file=info.ca_file,
    ) as client:  # fmt: skip
        async with asyncio.timeout(WITHIN_S):
            while found is None or {key for key, data in found.items() if data is None} - hidden:
                item = await client.next_raw()
                d = msgspec.json.decode(item.data)
                if item.name == "READY":
                    found = {int(guild["id"]): None for guild in d["guilds"]}
                elif item.name == "GUILD_CREATE" and found is not None:
                    found[int(d["id"])] = item.data
    return found


async def caught_up(sandbox: SandboxControl, control: ControlClient, paths: ClusterPaths) -> None:
    """Stop the world, and wait until the cache has handled all that the sessions were sent."""
    await sandbox.quiesce()
    sent = {
        (session["shard_count"], session["shard"]): session["seq"]
        for session in (await sandbox.state())["sessions"]
        if session["connected"]
    }
    status = await control.status()
    with Cache(paths.cache) as cache:

        async def behind() -> list[int]:
            handled = {
                (count, shard): (epoch, seq)
                for count, shard, epoch, seq in (cache.position or {"shards": []})["shards"]
            }
            return [
                row.shard_id
                for row in status.shards
                if handled.get(key := (status.shard_count, row.shard_id), (0, 0))
                < (row.epoch, sent[key])
            ]

        await eventually(behind, lambda shards: shards == [])


async def compare(info: SandboxInfo, paths: ClusterPaths, count: int) -> None:
    """Compare every guild of the cache with what sessions of this shard count are sent."""
    with Cache(paths.cache) as cache, cache.snapshot() as view:
        hidden = {guild_id for guild_id in view.guild_ids() if view.is_unavailable(guild_id)}
        true: dict[int, bytes | None] = {}
        for shard in range(count):
            true |= await sent(info, shard, count, hidden)
        assert set(view.guild_ids()) == set(true)
        for guild_id, data in true.items():
            shown = view.guild_create(guild_id, int(ALL_INTENTS), LARGE)
            assert (shown is None) == (data is None)
            if shown is not None and data is not None:
                assert list(differences(by_id(shown), by_id(data))) == []


@asynccontextmanager
async def both(
    info: SandboxInfo, home: Home
) -> AsyncIterator[tuple[SandboxControl, ControlClient]]:
    async with sandbox_of(info) as sandbox, control_of(home) as control:
        await eventually(control.status, lambda s: s.state == "ready")
        yield sandbox, control


def test_killed_ten_times_under_traffic_and_a_reshard(home: Home) -> None:
    async def main(info: SandboxInfo) -> None:
        paths = cluster_paths("default", home.env)
        async with both(info, home) as (sandbox, control):
            for _ in range(KILLS // 2):
                await happened(sandbox, 100)
                await killed(control)
            resharding = asyncio.create_task(control.reshard(MORE_SHARDS, 1.0))
            for _ in range(KILLS // 2):
                await killed(control)
            await resharding
            await happened(sandbox, 100)
            assert await identified(sandbox) == SHARDS + MORE_SHARDS
            await caught_up(sandbox, control, paths)
            await compare(info, paths, MORE_SHARDS)
            report = await reports(control)
            assert (report.stale, report.unseen, report.gaps, report.malformed) == (0, 0, 0, 0)

    home.env["DCGW_CACHE_KEEP"] = "guilds,members,presences,users"
    mix = every_event(0.2)
    with run_sandbox(
        guilds=GUILDS, shards=SHARDS, max_concurrency=MORE_SHARDS, rate=400.0, mix=mix,
        members_per_guild=20,
    ) as info:  # fmt: skip
        home.use(info)
        assert home.cli("start", "--detach", "--workers", "2").returncode == 0
        asyncio.run(main(info))
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []
    assert home.cli("clean", "--yes").returncode == 0
    assert not (home.state / "default").exists(), "every file of the cache is known"


def test_one_that_is_enabled_late_knows_what_it_lacks_until_it_is_fetched(home: Home) -> None:
    async def prune(info: SandboxInfo) -> None:
        async with both(info, home) as (sandbox, control):
            # Until the journals hold nothing of the time in which the sessions began
            await eventually(
                control.status,
                lambda s: all((w.uptime_s or 0) > 3 + (w.journal_seconds or 0) for w in s.workers),
            )
            await sandbox.traffic(rate=100.0)

    async def main(info: SandboxInfo) -> None:
        paths = cluster_paths("default", home.env)
        async with both(info, home) as (sandbox, control):
            found = await reports(control, lambda one: one.unseen == GUILDS)
            assert found.unseen_shards == [0, 1]
            for shard in range(SHARDS):
                done = await asyncio.to_thread(home.cli, "refresh", "--shard", str(shard))
                assert done.returncode == 0, done.stderr
                assert f"shard {shard} identified anew" in done.stdout
            well = await reports(
                control, lambda one: one.guilds == GUILDS and not (one.unavailable or one.unseen)
            )
            assert well.stale == 0
            assert well.gaps >= SHARDS, "and what was pruned while it joined"
            assert await identified(sandbox) == 2 * SHARDS
            await caught_up(sandbox, control, paths)
            await compare(info, paths, SHARDS)
            await over_tcp(home, control)

    home.env["DCGW_JOURNAL_BYTES"] = str(1 << 20)
    offer(home)
    KeyFolder(cluster_paths("default", home.env).keys).add("first", (), now=0)
    with run_sandbox(
        guilds=GUILDS, shards=SHARDS, max_concurrency=SHARDS, rate=4000.0, members_per_guild=5
    ) as info:
        home.use(info)
        start = ("start", "--detach", "--workers", "1")
        assert home.cli(*start).returncode == 0
        asyncio.run(prune(info))
        assert home.cli("stop", "--keep-workers").returncode == 0
        home.env["DCGW_CACHE_KEEP"] = "guilds,members,presences"
        assert home.cli(*start).returncode == 0
        asyncio.run(main(info))
        assert home.cli("stop").returncode == 0
    assert home.leftovers() == []


async def over_tcp(home: Home, control: ControlClient) -> None:
    """Ask as a client on another host does, with the right to and without."""
    folder = KeyFolder(cluster_paths("default", home.env).keys)
    endpoint = home.env["DCGW_TCP_CONTROL"]
    guild_ids = await control.cache.guild_ids()
    async with ControlClient(endpoint, keys=folder.add("asks", ("cache",), now=0)) as far:
        assert await far.cache.guild_ids() == guild_ids
        here, there = await control.cache.roles(guild_ids[0]), await far.cache.roles(guild_ids[0])
        assert [part.raw for part in here] == [part.raw for part in there] != []
    async with ControlClient(endpoint, keys=folder.add("other", ("status",), now=0)) as other:
        with pytest.raises(KeyRefusedError, match="--may cache"):
            await other.cache.guild_ids()
