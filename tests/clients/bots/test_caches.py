"""Whole bots through the proxy: what their libraries keep is what they keep when they are connected
to Discord itself, field by field, and they get the events that Discord dispatched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.clients.bots.proxied_cluster import (
    ANSWERS,
    DISCORD_PY,
    DISCORDJS,
    HIKARI,
    ProxiedCluster,
    compared,
    dispatched,
    ledger_end,
    proxied_cluster,
)
from tests.clients.client_libraries import Library, case
from tests.clients.client_process import ClientProcess, Report, run_client
from tests.clients.test_client_events import DOCUMENTED
from tests.e2e.watching import eventually

EVENTS = sorted(set(DOCUMENTED) - ANSWERS)
SHARDS_OF: dict[Library, list[int] | None] = {DISCORD_PY: None, HIKARI: None, DISCORDJS: [0, 1, 2]}
"""The shards that a bot takes: all of a bot without shards, as many as it is told, and three."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedCluster]:
    """A cluster whose world has moved: each kind of event has happened, so that its cache is no
    more what the sessions began with."""
    folder = tmp_path_factory.mktemp("caches")
    with proxied_cluster(folder, guilds=6, channels_per_guild=6, members_per_guild=12) as made:
        asyncio.run(everything_happens(made))
        yield made


async def everything_happens(cluster: ProxiedCluster) -> None:
    async with cluster.control() as control:
        for name in EVENTS * 2:
            await control.emit(name)
        await control.quiesce()
        await cluster.cached(control)


@pytest.mark.parametrize(
    ("library", "compression"),
    [case(DISCORD_PY, "zstd-stream"), case(HIKARI, "zlib-stream"), case(DISCORDJS, "zlib-sync")],
)
def test_caches_and_events_are_those_of_discord(
    cluster: ProxiedCluster, library: Library, compression: str
) -> None:
    async def both() -> None:
        async with AsyncExitStack() as stack:
            control = await stack.enter_async_context(cluster.control())
            after = await ledger_end(control)
            settings: dict[str, Any] = {"compression": compression, "shards": SHARDS_OF[library]}

            async def started(given: dict[str, Any]) -> ClientProcess:
                one = await stack.enter_async_context(
                    run_client(library, cluster.sandbox, **settings, **given)
                )
                await one.ready()
                return one

            direct, proxied = await started({}), await started(cluster.given())
            assert differences(await direct.ask("dump"), await proxied.ask("dump")) == []
            for name in EVENTS:
                await control.emit(name)
            await control.quiesce()
            expected = await dispatched(control, cluster.sessions, after)
            report = await came(proxied, sum(expected.values()))
            at_direct = await came(direct, sum(expected.values()))
            assert compared(report.receipts) == compared(at_direct.receipts)
            if library.sees_bytes:
                assert compared(report.receipts) == expected
            assert differences(await direct.ask("dump"), await proxied.ask("dump")) == []
            for one in (direct, proxied):
                last = await one.stop()
                assert last.errors == []
                assert library.unexpected(last.logs, ("^rate-limited on opcode 8 for ",)) == []

    asyncio.run(both())


async def came(client: ClientProcess, count: int) -> Report:
    """Wait until so many events that are compared have come."""
    return await eventually(
        client.report, lambda report: sum(compared(report.receipts).values()) >= count
    )


def differences(one: Any, other: Any, where: str = "") -> list[tuple[str, Any, Any]]:
    """The fields in which two dumps differ: where, in the first, in the second."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [d for k in keys for d in differences(one.get(k), other.get(k), f"{where}/{k}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for n, (a, b) in pairs for d in differences(a, b, f"{where}/{n}")]
    return [] if json.dumps(one) == json.dumps(other) else [(where, one, other)]
