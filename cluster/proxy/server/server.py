"""The proxy's port: clients' WebSockets, and the two requests by which they find it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from cluster.proxy.credentials import Credentials
from cluster.proxy.interfaces import Commands, Sessions

HEARTBEAT_INTERVAL_MS: Final = 41_250
"""Discord's own."""


class ClusterFacts(NamedTuple):
    """What clients are told, or held to, of the cluster behind the proxy."""

    shard_count: int
    intents: int
    """A client that asks for more is closed with 4014."""


class ServerCounts(NamedTuple):
    """What a server counts, for `status` and metrics."""

    connections: int
    unidentified: int
    """Those of them without a session."""
    most_connections: int
    closes: Mapping[int, int]
    """How many connections ended, by the close code; 1006: without one."""
    refused: int
    """Connections for which there was no place."""


class ProxyServer:
    """Serves clients on one listening socket."""

    def __init__(
        self,
        sessions: Sessions,
        commands: Commands,
        credentials: Credentials,
        *,
        cluster: Callable[[], ClusterFacts],
        url: str = "",
        tls: ssl.SSLContext | None = None,
        most_connections: int | None = None,
        heartbeat_interval_ms: int = HEARTBEAT_INTERVAL_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cluster: how the cluster is now. url: what clients are told; empty: the Host by which
        each came. tls: needed where the socket is not on loopback. most_connections: by default
        what the process's descriptors allow. clock: monotonic seconds."""

    async def start(self, listener: socket.socket) -> None:
        """Serve a bound socket, which is the server's from now on. ConfigError: other hosts reach
        it, and there is no TLS."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let nobody in any more, ask clients to connect anew (op 7), so that they RESUME
        elsewhere, and close those that have not gone after two seconds (4000). All sessions are
        detached once this returns."""
        raise NotImplementedError

    def counts(self) -> ServerCounts:
        raise NotImplementedError
