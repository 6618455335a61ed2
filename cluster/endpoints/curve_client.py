"""A client's sockets on TCP: its keys, the server's key pinned, and what became of the handshake.

Local sockets (ipc) have no keys: who can enter their folder is who may use them.
"""

from __future__ import annotations

from typing import Any, Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.tcp import PREFIX, Tcp, keep_alive
from cluster.errors import ConfigError, KeyRefusedError

HANDSHAKE_MS: Final = 10_000
RECONNECT_MS: Final = 200
RECONNECT_MAX_MS: Final = 5_000


def connect(socket: zmq.Socket[Any], endpoint: str, keys: ClientKeys | None) -> None:
    """Set the socket's options and connect it. ConfigError: no endpoint, or one that leaves this
    host, and no keys. On loopback a TCP endpoint without keys may be the end of a tunnel."""
    if endpoint.startswith(PREFIX):
        tcp = Tcp.read(endpoint)
        if tcp is None or tcp.everywhere:
            raise ConfigError(f"{endpoint!r} is nowhere to connect to", "give tcp://HOST:PORT")
        if keys is None and not tcp.loopback:
            raise ConfigError(
                f"{endpoint} is on another host, and there are no keys for it",
                "give the key file that `dcgw-cluster keys add` made there",
            )
        socket.setsockopt(zmq.IPV6, int(tcp.ipv6))
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        keep_alive(socket)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MAX_MS)
        if keys is not None:
            socket.setsockopt(zmq.CURVE_SERVERKEY, keys.server.encode())
            socket.setsockopt(zmq.CURVE_PUBLICKEY, keys.public.encode())
            socket.setsockopt(zmq.CURVE_SECRETKEY, keys.secret.encode())
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        raise ConfigError(
            f"{endpoint!r} is no endpoint ({zmq.strerror(error.errno or 0)})",
            "give tcp://HOST:PORT or ipc:///PATH",
        ) from error


class Handshakes:
    """Notices that a server refuses our key: libzmq would be silent about it for ever, and does not
    try again. Made before the socket connects; ``close`` before the socket is closed."""

    def __init__(self, socket: zmq.Socket[Any], endpoint: str, keys: ClientKeys | None) -> None:
        self._endpoint = endpoint
        self._keys = keys
        self._refused = False
        self.broken = 0
        """How many handshakes broke off since the last that succeeded."""
        self._monitor: zmq.Socket[bytes] | None = None
        if keys is None or not endpoint.startswith(PREFIX):
            return
        address = f"inproc://handshakes-{id(self):x}"
        watched = (
            zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_SUCCEEDED
        )
        socket.monitor(address, watched)
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(socket.context.underlying)
        self._monitor = plain.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.LINGER, 0)
        self._monitor.connect(address)

    @property
    def watching(self) -> bool:
        """Whether there is a key that could be refused."""
        return self._monitor is not None

    def read(self) -> None:
        """Take in the socket's events that have come."""
        while self._monitor is not None:
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))["event"]
            except zmq.Again:
                return
            if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                self._refused = True
            elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.broken = 0
            else:
                self.broken += 1

    def refusal(self) -> KeyRefusedError | None:
        """Return an error if a server refused our key; None: no server did."""
        self.read()
        if not self._refused or self._keys is None:
            return None
        return KeyRefusedError(
            f"{self._endpoint} does not know the key {self._keys.name!r} (any more)",
            "make another there: `dcgw-cluster keys add NAME`",
        )

    def close(self) -> None:
        if self._monitor is not None:
            self._monitor.close(0)
            self._monitor = None
