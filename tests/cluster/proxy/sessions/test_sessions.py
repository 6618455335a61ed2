"""ProxySessions, with a played cluster, cache and clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cluster.proxy.sessions import ProxySessions, SessionStore
from tests.cluster.proxy.sessions.played import (
    Asked,
    Cache,
    Client,
    Cluster,
    Views,
    event,
    identify,
    turns,
)


@asynccontextmanager
async def proxy(
    cluster: Cluster, cache: Cache, folder: Path, **options: Any
) -> AsyncIterator[ProxySessions]:
    sessions = ProxySessions(
        cluster.subscribe, cache, Views(), Asked(), SessionStore(folder), **options
    )
    task = asyncio.create_task(sessions.run())
    await turns()
    yield sessions
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_session_begins_and_gets_every_event_once_and_in_order(tmp_path: Path) -> None:
    async def go() -> None:
        cluster, cache = Cluster(), Cache()
        async with proxy(cluster, cache, tmp_path) as sessions:
            cluster.add(event(0, 1), event(1, 1))
            await turns()
            cache.here.add(event(0, 1))
            cache.here.add(event(1, 1))
            client = Client()
            await sessions.identify(client, identify())
            cluster.add(event(0, 2))
            await turns()
            cluster.add(event(1, 2), event(0, 3))
            await turns()
            assert client.names == ["READY", *["GUILD_CREATE"] * 3, *["MESSAGE_CREATE"] * 3]
            assert [payload["s"] for payload in client.got] == list(range(1, 8))
            assert client.events == [(0, 2), (1, 2), (0, 3)]

    asyncio.run(go())


def test_a_resume_goes_on_after_its_seq(tmp_path: Path) -> None:
    async def go() -> None:
        cluster, cache = Cluster(), Cache()
        async with proxy(cluster, cache, tmp_path) as sessions:
            client = Client()
            session = await sessions.identify(client, identify())
            await turns()
            cluster.add(*(event(0, seq) for seq in range(1, 11)))
            await turns()
            session.acknowledge(6)
            session.detach(over=False)
            cluster.add(event(1, 1))
            await turns()
            again = Client()
            assert await sessions.resume(again, session.id, 9, "") is not None
            await turns()
            assert again.events == [(0, seq) for seq in range(6, 11)] + [(1, 1)]
            assert again.names[-1] == "RESUMED"
            assert [payload["s"] for payload in again.got] == list(range(10, 17))

    asyncio.run(go())
