"""The HTTP server under a fuzzer: a connection without a socket."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final
from unittest import mock

from aiohttp import web

from coordinator.http import connections, routes
from coordinator.http.access import Access
from coordinator.http.connections import Connection, Connections
from coordinator.http.history import History
from coordinator.http.routes import Routes, make_app
from coordinator.http.snapshots import Snapshots
from tests.coordinator.http.serving import PlayedCoordinator

TOKEN: Final = "0123456789abcdef0123"
TURNS: Final = 12
"""Turns of the loop in which a request is answered, and more."""
MOST_TURNS: Final = 1000
"""Turns in which all that belongs to a connection has ended."""
HTTP_SEEDS: Final = [
    b'GET /status HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "a", W/"b"\r\n\r\n',
    b"GET /metrics HTTP/1.1\r\nHost: [::1]:1\r\n"
    b"Accept: application/openmetrics-text; version=1.0.0\r\n\r\n",
    b"GET /page/page.js HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"HEAD /readyz HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /restart HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
    b'Content-Length: 12\r\n\r\n{"worker":0}' % TOKEN.encode(),
    b"POST /reshard HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
    b'Transfer-Encoding: chunked\r\n\r\nc\r\n{"shards":4}\r\n0\r\n\r\n' % TOKEN.encode(),
]


class Peer(asyncio.Transport):
    """The transport of a client that reads at once."""

    def __init__(self) -> None:
        super().__init__()
        self.read = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.read += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None:
        """Do nothing: all is there."""

    resume_reading = pause_reading


class HttpServer:
    """One server, for all inputs, on a loop that turns while an input is looked at."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        played = PlayedCoordinator()
        served = Routes(
            Snapshots(played.status, time.monotonic), History(played.happenings),
            Access(token=TOKEN, loopback=True), played.begin, ready_shards=0, shard_metrics=512,
        )  # fmt: skip
        self._connections = Connections(time.monotonic)
        runner = web.AppRunner(make_app(served, self._connections))
        self._loop.run_until_complete(runner.setup())
        assert runner.server is not None
        self._server = runner.server

    def meet(self, data: bytes) -> None:
        """Let a client send this: whatever it is, it is answered without a fault, or ends the
        connection, and nothing of it is left."""
        with mock.patch.object(routes.log, "disabled", new=True):  # it tells of wrong tokens
            self._loop.run_until_complete(self._meet(data))

    async def _meet(self, data: bytes) -> None:
        with mock.patch.object(connections, "REST_S", 0.0):  # for which a rest is read after all
            connection, peer = Connection(self._connections, self._server), Peer()
        connection.connection_made(peer)
        connection.data_received(data)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        connection.connection_lost(None)
        for _ in range(MOST_TURNS):
            if not self._server.connections:
                break
            await asyncio.sleep(0)
        assert b" 500 " not in peer.read, peer.read
        assert not len(self._connections), "it still has a place"
        assert not self._server.connections, "it is still served"
