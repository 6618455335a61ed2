"""The WebSockets of one process: libcurl's raw mode, with Chrome's handshake, on one loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from cluster.discord.browser import browser
from shard_worker.transport.connection import CLOSE_TIMEOUT_S, Connection
from shard_worker.transport.multi import Multi
from shard_worker.transport.receiver import Receiver


class Transport:
    """Owns the connections of one process; made and closed on its event loop."""

    def __init__(
        self,
        *,
        ca_file: str = "",
        impersonate: str = "chrome",
        latency_ms: int = 0,
        env: Mapping[str, str] = os.environ,
    ) -> None:
        """latency_ms: most milliseconds that an event may wait in its socket where much comes
        (moderation.py); 0: none does. env: the environment, which may name a proxy
        (docs/proxy.md)."""
        self._env = env
        self._multi = Multi(latency_ms)
        self._ca_file = ca_file
        self._browser = browser(impersonate)
        self._open: set[Connection] = set()
        self._closed = False

    @property
    def received_bytes(self) -> int:
        """Bytes that all connections have brought after their handshakes, as TLS gave them:
        compressed, with the frames' heads."""
        return self._multi.received_bytes

    def connect(self, url: str, receiver: Receiver) -> Connection:
        """Begin to connect. ``receiver`` hears how it went, never before this returns."""
        connection = Connection(
            self._multi, url, receiver, self._ca_file, self._browser, self._env, self._open.discard
        )
        self._open.add(connection)
        return connection

    def abort(self) -> None:
        """End all connections now. Not to be called from within one of libcurl's callbacks."""
        for connection in list(self._open):
            connection.abort()

    async def close(self) -> None:
        """Let connections that are closing send their close frames (a second at most), then end
        all. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        until = loop.time() + CLOSE_TIMEOUT_S
        while (ends := [one.ended for one in self._open if one.closing]) and loop.time() < until:
            await asyncio.wait(ends, timeout=until - loop.time())
        self.abort()
        await self._multi.close()
