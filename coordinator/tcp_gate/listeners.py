"""The sockets that listen on TCP: secured, bound, and counted who connects to them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

import zmq

from cluster.endpoints.curve_keys import ServerKeys
from cluster.endpoints.tcp import Tcp, keep_alive
from cluster.errors import AlreadyRunningError
from coordinator.tcp_gate.connection_stats import ConnectionStats
from coordinator.tcp_gate.zap import DOMAIN, HOSTS_DOMAIN

log = logging.getLogger(__name__)

QUESTIONS_HWM: Final = 16
"""Messages of one client that wait to be read."""
BIND_S: Final = 3.0
"""A port that was closed a moment ago, or by the TCP gate before this one, is free by then."""
TABLES: Final = {DOMAIN: "tcp", HOSTS_DOMAIN: "hosts"}
"""The table of the configuration in which the endpoints are, by domain."""
_BIND_AGAIN_S: Final = 0.02
"""Nothing tells that a port has become free, so it is tried again. This process has no event loop
that a sleep could hold up, and serves nobody until its ports are bound."""


class Listeners:
    """Makes sockets that speak to nobody whose key was not admitted."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        server: ServerKeys,
        endpoints: Mapping[str, str],
        handshake_ms: int,
        domain: bytes = DOMAIN,
    ) -> None:
        """endpoints: TCP endpoint of each socket by name. handshake_ms: who has not shown a key by
        then is dropped. domain: decides what a key must be allowed (zap.NEEDS)."""
        self._context = context
        self._server = server
        self._endpoints = endpoints
        self._handshake_ms = handshake_ms
        self._domain = domain
        self._stats: dict[str, ConnectionStats] = {}
        self._stack = ExitStack()

    def make(
        self, kind: int, most_bytes: int, send_hwm: int, receive_hwm: int = QUESTIONS_HWM
    ) -> zmq.Socket[bytes]:
        """Make a socket that is not bound yet; who asks for it closes it. most_bytes: of one
        message. send_hwm: messages that wait for one client. receive_hwm: of one client that wait
        to be read."""
        socket = self._context.socket(kind)
        secure(socket, self._server, self._domain)
        socket.setsockopt(zmq.HANDSHAKE_IVL, self._handshake_ms)
        socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
        socket.setsockopt(zmq.SNDHWM, send_hwm)
        socket.setsockopt(zmq.RCVHWM, receive_hwm)
        return socket

    def bind(self, socket: zmq.Socket[bytes], name: str) -> None:
        """Bind it to the endpoint of this name. AlreadyRunningError if it can't be bound."""
        stats = self._stats[name] = ConnectionStats(socket, self._handshake_ms / 1000)
        self._stack.callback(stats.close)
        endpoint = self._endpoints[name]
        tcp = Tcp.read(endpoint)
        socket.setsockopt(zmq.IPV6, int(tcp is not None and tcp.ipv6))
        deadline = time.monotonic() + BIND_S
        while True:
            try:
                socket.bind(endpoint)
            except zmq.ZMQError as error:
                if error.errno == zmq.EADDRINUSE and time.monotonic() < deadline:
                    time.sleep(_BIND_AGAIN_S)  # nothing else runs in this process yet
                    continue
                key = f"{TABLES[self._domain]}.{name}"
                raise AlreadyRunningError(
                    f"{key}: {endpoint} can't be bound ({zmq.strerror(error.errno or 0)})",
                    "stop what uses it, or give another address",
                ) from error
            log.info("%s on %s", name, endpoint)
            return

    def read(self, now: float) -> None:
        """Take note of who came and went. now: monotonic seconds."""
        for stats in self._stats.values():
            stats.read(now)

    def connected(self, name: str, now: float) -> int:
        """Return how many are connected to the socket of this name."""
        stats = self._stats.get(name)
        return stats.connected(now) if stats else 0

    @property
    def open(self) -> int:
        """How many connections there are, let in or not yet."""
        return sum(stats.open for stats in self._stats.values())

    @property
    def refused(self) -> int:
        """How many were not let in."""
        return sum(stats.refused for stats in self._stats.values())

    def close(self) -> None:
        """Count no more."""
        self._stack.close()


def secure(socket: zmq.Socket[bytes], server: ServerKeys, domain: bytes = DOMAIN) -> None:
    """Let only keys in that are admitted: CURVE, asked for at every handshake, without whose answer
    nobody gets in."""
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, server.secret.encode())
    socket.setsockopt(zmq.ZAP_DOMAIN, domain)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.LINGER, 0)
    keep_alive(socket)
