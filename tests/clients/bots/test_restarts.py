"""Bots of the proxy that are killed, replaced, and put into voice channels, under traffic."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from cluster.sandbox import SandboxControl
from tests.clients.bots.proxied_cluster import (
    DISCORD_PY,
    HIKARI,
    SHARDS,
    Content,
    ProxiedCluster,
    compared,
    dispatched,
    ledger_end,
    proxied_cluster,
)
from tests.clients.bots.raw_client import RawClient
from tests.clients.client_libraries import Library, case
from tests.clients.client_process import run_client
from tests.e2e.watching import eventually, identified

RATE: Final = 200.0
TIMES: Final = 10
MANY_GUILDS: Final = 1000
READY_S: Final = 2.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedCluster]:
    folder = tmp_path_factory.mktemp("restarts")
    with proxied_cluster(folder, guilds=20) as made:
        yield made


class Handled:
    """What a program had handled over all of its processes, by the trail that each left."""

    def __init__(self, trail: Path) -> None:
        self.trail = trail

    async def contents(self) -> Counter[Content]:
        text = self.trail.read_text() if self.trail.exists() else ""
        lines = text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]
        return compared([json.loads(line) for line in lines])

    async def all_of(self, expected: Counter[Content]) -> Counter[Content]:
        """Wait until all that is expected was handled; return what was handled beyond that."""
        await eventually(self.contents, lambda contents: not expected - contents)
        return await self.contents() - expected


async def traffic(control: SandboxControl, count: int) -> None:
    """Let so many events happen more."""
    end = await ledger_end(control) + count
    await control.traffic(rate=RATE)
    await eventually(control.ledger_summary, lambda summary: summary["dispatches"] >= end)


@pytest.mark.parametrize(
    ("library", "compression"), [case(DISCORD_PY, "zstd-stream"), case(HIKARI, "none")]
)
def test_killed_and_started_ten_times_it_misses_nothing(
    cluster: ProxiedCluster, library: Library, compression: str, tmp_path: Path
) -> None:
    times = TIMES if library is DISCORD_PY else 3

    async def lives() -> None:
        handled = Handled(tmp_path / "trail")
        settings = {"compression": compression, "trail": str(handled.trail)} | cluster.given()
        async with cluster.control() as control:
            after = 0
            for number in range(times):
                async with run_client(library, cluster.sandbox, **settings) as bot:
                    await bot.ready()
                    after = after or await ledger_end(control)
                    await traffic(control, 100)
                # Its process is killed here, and the world goes on.
                if number + 1 < times:
                    await traffic(control, 50)
            async with run_client(library, cluster.sandbox, **settings) as bot:
                await bot.ready()
                await control.quiesce()
                again = await handled.all_of(await dispatched(control, cluster.sessions, after))
                # Twice comes at most what came after the last heartbeat before a kill.
                assert sum(again.values()) <= times * RATE * 4
                await bot.stop()
            assert await identified(control) == SHARDS

    asyncio.run(lives())


def test_a_new_version_takes_over_and_each_event_comes_once(tmp_path: Path) -> None:
    async def change(cluster: ProxiedCluster) -> None:
        came: Counter[Content] = Counter()

        def received(name: str, digest: str, data: bytes) -> None:
            came.update(compared([[0, "", 0, name, digest]]))

        async with AsyncExitStack() as stack, cluster.control() as control:

            async def started() -> asyncio.Task[None]:
                client = RawClient(cluster.gateway_url, cluster.sandbox.token, received)
                running = asyncio.create_task(client.run())
                stack.callback(running.cancel)
                async with asyncio.timeout(30):
                    await client.ready.wait()
                return running

            blue = await started()
            after = await ledger_end(control)
            await traffic(control, 200)
            for _ in range(3):
                green = await started()
                await traffic(control, 100)
                blue.cancel()
                blue = green
                await traffic(control, 100)
            await control.quiesce()
            expected = await dispatched(control, cluster.sessions, after)

            async def contents() -> Counter[Content]:
                return Counter(came)

            await eventually(contents, lambda contents: not expected - contents)
            assert came == expected
            assert await identified(control) == SHARDS

    env = {"DCGW_PROXY_OVERLAP": "newest"}
    with proxied_cluster(tmp_path, env, guilds=8) as cluster:
        asyncio.run(change(cluster))


@pytest.mark.parametrize(
    ("library", "compression"), [case(DISCORD_PY, "zstd-stream"), case(HIKARI, "zlib-stream")]
)
def test_who_asks_for_a_voice_channel_gets_a_session_that_can_be_used(
    cluster: ProxiedCluster, library: Library, compression: str
) -> None:
    async def join() -> None:
        async with (
            cluster.control() as control,
            run_client(library, cluster.sandbox, compression=compression, **cluster.given()) as bot,
        ):
            await bot.ready()
            guild_id = next(iter((await bot.ask("dump"))["guilds"]))
            await bot.ask("voice", guild_id=guild_id)
            await bot.wait(1, "VOICE_SERVER_UPDATE")
            await bot.wait(1, "VOICE_STATE_UPDATE")
            text = json.dumps(await bot.ask("dump"))
            shard = (int(guild_id) >> 22) % SHARDS
            rows = await control.sessions()
            of_cluster = [r for r in rows if (r["shard_count"], r["shard"]) == (SHARDS, shard)]
            assert of_cluster[-1]["session"] in text
            await bot.stop()

    asyncio.run(join())


@pytest.mark.alone
def test_a_thousand_guilds_are_there_within_two_seconds(tmp_path: Path) -> None:
    async def ready(cluster: ProxiedCluster) -> list[tuple[float, float]]:
        seconds = []
        for _ in range(3):
            client = RawClient(cluster.gateway_url, cluster.sandbox.token, lambda *_: None)
            running = asyncio.create_task(client.run())
            async with asyncio.timeout(30):
                await client.ready.wait()
            seconds.append((client.ready_s, client.guilds_s))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        return seconds

    options: dict[str, Any] = {"guilds": MANY_GUILDS, "members_per_guild": 10}
    with proxied_cluster(tmp_path, **options) as cluster:
        seconds = asyncio.run(ready(cluster))
    assert min(guilds_s for _, guilds_s in seconds) < READY_S, seconds
