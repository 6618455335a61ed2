"""The HTTP server on a played coordinator, in the test's own process and loop."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from cluster.errors import ClusterError
from cluster.wire.happenings import Happening, Happenings
from cluster.wire.status import ClusterStatus, Operation
from coordinator.http.access import Access
from coordinator.http.connections import Connections
from coordinator.http.history import History
from coordinator.http.routes import Routes, make_app
from coordinator.http.server import accepting
from coordinator.http.snapshots import Snapshots
from tests.coordinator.http.statuses import status


class PlayedCoordinator:
    """Answers with one status, or with an error."""

    def __init__(self, answer: ClusterStatus | ClusterError | None = None) -> None:
        self.answer = answer or status()
        self.asked = 0
        self.happened: list[Happening] = []
        self.begun: list[tuple[str, dict[str, Any]]] = []

    async def status(self) -> ClusterStatus:
        self.asked += 1
        if isinstance(self.answer, ClusterError):
            raise self.answer
        return self.answer

    async def happenings(self, after: int) -> Happenings:
        rows = [one for one in self.happened if one.number > after]
        return Happenings(last=self.happened[-1].number if self.happened else 0, happenings=rows)

    async def begin(self, verb: str, args: dict[str, Any]) -> Operation:
        if isinstance(self.answer, ClusterError):
            raise self.answer
        self.begun.append((verb, args))
        return Operation(id="1", kind=verb)


@asynccontextmanager
async def served(
    coordinator: PlayedCoordinator | None = None,
    *,
    token: str = "",
    loopback: bool = True,
    connections: Connections | None = None,
    port: int = 0,
) -> AsyncIterator[str]:
    """Serve on a port, or on a free one; yield "http://127.0.0.1:PORT"."""
    played = coordinator or PlayedCoordinator()
    seats = Connections(time.monotonic) if connections is None else connections
    routes = Routes(
        Snapshots(played.status, time.monotonic),
        History(played.happenings),
        Access(token=token, loopback=loopback),
        played.begin,
        ready_shards=0,
        shard_metrics=512,
    )
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        async with accepting(make_app(routes, seats), seats, listener):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
