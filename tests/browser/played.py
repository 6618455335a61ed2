"""The real HTTP server over a cluster that is played: statuses in place of a coordinator."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final
from unittest import mock

from aiohttp import web

from cluster.errors import NotRunningError
from cluster.wire.states import SessionState
from cluster.wire.status import ClusterStatus, Operation
from coordinator.http import stream
from coordinator.http.access import Access
from coordinator.http.routes import Routes, make_app
from coordinator.http.snapshots import Snapshots
from tests.coordinator.http.statuses import shard, status, worker

TOKEN: Final = "0123456789abcdef0123456789abcdef"


class PlayedCluster:
    """Answers as a coordinator does; a test changes what it answers."""

    def __init__(self, shards: int = 2, workers: int = 1, **changed: Any) -> None:
        self.shards = [shard(number, worker=number * workers // shards) for number in range(shards)]
        self.workers = [
            worker(slot, shards=len(mine), shards_ready=len(mine))
            for slot in range(workers)
            if (mine := [one for one in self.shards if one.worker == slot])
        ]
        self.changed = changed
        self.away = False
        self.begun: list[tuple[str, dict[str, Any]]] = []
        """Verbs and args of what was asked to change."""
        self.uptime_s = 100.0
        self.runner: web.AppRunner | None = None

    async def status(self) -> ClusterStatus:
        """Return the status, in which a second more has gone by each time."""
        if self.away:
            raise NotRunningError("the coordinator does not answer")
        self.uptime_s += 1
        usual = {"shards": self.shards, "workers": self.workers, "uptime_s": self.uptime_s}
        return status(**usual | self.changed)

    async def begin(self, verb: str, args: dict[str, Any]) -> Operation:
        """Take a request to change something."""
        self.begun.append((verb, args))
        return Operation(id="1", kind=verb)

    def let(self, place: int, state: SessionState, **changed: Any) -> None:
        """Put a shard into a state."""
        self.shards = list(self.shards)
        self.shards[place] = shard(place, worker=self.shards[place].worker, state=state, **changed)

    async def comes_to(self, uptime_s: float) -> None:
        """Wait until so many seconds have gone by in it."""
        while self.uptime_s < uptime_s:  # noqa: ASYNC110  # the page asks, and no event tells of it
            await asyncio.sleep(0.01)

    async def hang_up(self) -> None:
        """Stop serving, at once."""
        assert self.runner is not None
        await self.runner.cleanup()


@contextlib.asynccontextmanager
async def serving(
    cluster: PlayedCluster,
    *,
    token: str = "",
    loopback: bool = True,
    port: int = 0,
    quicker: int = 10,
) -> AsyncIterator[str]:
    """Serve the cluster while the block runs; gives the URL. loopback: whether reading is free, as
    on loopback, where it listens in any case. quicker: so many times as often as else a status is
    had, and a picture sent."""
    routes = Routes(
        Snapshots(cluster.status, lambda: quicker * time.monotonic()),
        Access(token=token, loopback=loopback),
        cluster.begin,
        ready_shards=0,
        shard_metrics=512,
    )
    runner = web.AppRunner(make_app(routes), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    cluster.runner = runner
    try:
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        with mock.patch.object(stream, "EVERY_S", stream.EVERY_S / quicker):
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
