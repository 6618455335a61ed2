"""An agent's way to one coordinator: a DEALER over TCP with CURVE, and what becomes of its
connection.

Nothing is queued for a coordinator that is not there (IMMEDIATE), and so much at most for one that
does not read: what it must know is said again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec
import zmq
import zmq.asyncio
from zmq.utils.monitor import parse_monitor_message

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.endpoints.curve_client import connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.endpoints.tcp import HOST_LOST_MS, lose_soon
from cluster.errors import ClusterError, KeyRefusedError, NotRunningError
from cluster.loops import until_one_ends
from cluster.wire.hosts import ToHost, decode_to_host
from host_agent.sending import try_send

log = logging.getLogger(__name__)

QUEUE_MESSAGES: Final = 4096
MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""A bound in which a worker's spec fits, and what belongs to it."""
AGAIN_S: Final = 5.0
"""Seconds until it is tried anew with a key that was refused: libzmq never tries again, and a key
may be given the right that it lacked."""
LINGER_MS: Final = 500
_WATCHED: Final = (
    zmq.EVENT_CONNECTED
    | zmq.EVENT_CONNECT_RETRIED
    | zmq.EVENT_DISCONNECTED
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_SUCCEEDED
)


class ControlWay:
    """The way to the coordinator that listens at an endpoint, while `run` does."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        keys: ClientKeys,
        identity: bytes,
        *,
        on_message: Callable[[ToHost], None],
        on_open: Callable[[], None],
        on_trouble: Callable[[ClusterError], None],
    ) -> None:
        """identity: the host id. on_open: somebody there has let the agent in. on_trouble: called
        with why nobody has, each time that this is another reason."""
        self.endpoint = endpoint
        self.trouble: ClusterError | None = None
        """Why there is no connection; None: there is one, or none was tried yet."""
        self.refused = 0
        """How many messages were none that an agent knows."""
        self.was_refused = False
        """Whether the key was refused since this was last set to False: other sockets with it may
        have been, too, and do not try again."""
        self._context = context
        self._keys = keys
        self._identity = identity
        self._on_message = on_message
        self._on_open = on_open
        self._on_trouble = on_trouble
        self._connected = False
        self._socket: zmq.asyncio.Socket | None = None

    def send(self, data: bytes) -> bool:
        """Send a message. False: nobody is there to take it."""
        return self._socket is not None and try_send(self._socket, [data])

    async def run(self) -> None:
        """Connect, and hand on what comes, until cancelled. ClusterError: the endpoint is none."""
        while True:
            await self._run_once()
            await asyncio.sleep(AGAIN_S)

    async def _run_once(self) -> None:
        """Run one socket until its key is refused."""
        socket = self._context.socket(zmq.DEALER)
        monitor = socket.get_monitor_socket(_WATCHED)
        try:
            socket.setsockopt(zmq.IDENTITY, self._identity)
            socket.setsockopt(zmq.IMMEDIATE, 1)
            socket.setsockopt(zmq.LINGER, LINGER_MS)
            socket.setsockopt(zmq.SNDHWM, QUEUE_MESSAGES)
            socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
            lose_soon(socket, HOST_LOST_MS)
            connect(socket, self.endpoint, self._keys)
            self._socket = socket
            await until_one_ends(self._watch(monitor), self._receive(socket))
        finally:
            self._socket = None
            socket.disable_monitor()
            monitor.close(0)
            socket.close()

    async def _receive(self, socket: zmq.asyncio.Socket) -> None:
        while True:
            frames = await socket.recv_multipart()
            try:
                if len(frames) != 1:
                    raise msgspec.DecodeError(f"{len(frames)} frames")
                message = decode_to_host(frames[0])
            except MALFORMED as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning(
                        "%s sent what this agent does not know (%d times): %s",
                        self.endpoint, self.refused, error,
                    )  # fmt: skip
                continue
            self._on_message(message)

    async def _watch(self, monitor: zmq.asyncio.Socket) -> None:
        """Follow what becomes of the connection, until the key is refused."""
        while True:
            match parse_monitor_message(await monitor.recv_multipart())["event"]:
                case zmq.EVENT_CONNECTED:
                    self._connected = True
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self.trouble = None
                    self._on_open()
                case zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    self.was_refused = True
                    self._tell(refused_key(self.endpoint, self._keys.name))
                    return
                case zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                    self._tell(other_server(self.endpoint))
                case zmq.EVENT_CONNECT_RETRIED:
                    if not self._connected:
                        self._tell(nobody(self.endpoint))
                    self._connected = False

    def _tell(self, trouble: ClusterError) -> None:
        before, self.trouble = self.trouble, trouble
        if before is None or str(before) != str(trouble):
            self._on_trouble(trouble)


def nobody(endpoint: str) -> ClusterError:
    """Return the error for an endpoint at which nobody answers."""
    return NotRunningError(
        f"nobody listens for hosts at {endpoint}, or it can't be reached",
        "is a cluster with [hosts] running there, and the port open?",
    )


def other_server(endpoint: str) -> ClusterError:
    """Return the error for somebody who does not answer as the server whose key is pinned."""
    return KeyRefusedError(
        f"{endpoint} is not the cluster that the key file is of, or something else listens there",
        "make the file anew there: `dcgw-cluster keys add NAME --may host`",
    )


def refused_key(endpoint: str, name: str) -> ClusterError:
    """Return the error for a server that does not let the key in."""
    return KeyRefusedError(
        f"{endpoint} does not let the key {name!r} in: it is not known there, or has not the right "
        '"host"',
        "make one there: `dcgw-cluster keys add NAME --may host`",
    )
