"""The coordinator's end of the way to host agents (ROUTER, ipc; cluster.wire.hosts).

Agents come in through the host gate, which holds each to the name of its key. A message has three
frames here: the host gate's own address, the host id, and what was said.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import zmq
import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.wire import hosts
from coordinator.descriptors import Descriptors
from coordinator.ipc_listener import IpcListener, attended

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""A bound in which a worker's report of many thousand shards fits, and what is put around it."""
KEPT_FREE: Final = 16
"""Descriptors that host gates leave free."""

Handler = Callable[[bytes, hosts.FromHost], None]
"""Takes a host id and what its agent said."""


class HostLink:
    """Receives what agents say, and sends to the agent of a host id."""

    def __init__(
        self, context: zmq.asyncio.Context, endpoint: str, descriptors: Descriptors | None = None
    ) -> None:
        """descriptors: those that the listeners of this process share."""
        self.refused = 0
        """How many messages were no agent's."""
        self._gates: dict[bytes, bytes] = {}
        """Host id -> the address of the host gate that it came through last."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        # A send to a host gate that is not there is an error then, and not dropped without a word
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.listener = IpcListener(
            self._socket, endpoint, descriptors or Descriptors(), keep=KEPT_FREE, part=16
        )

    def bind(self) -> None:
        """Bind the endpoint. zmq.ZMQError if that can't be done."""
        self.listener.bind()

    def close(self) -> None:
        self._socket.close(0)
        self.listener.close()

    def send(self, host_id: bytes, message: hosts.ToHost) -> bool:
        """Send a message to an agent. False: there is no way to it, as far as can be known here."""
        gate = self._gates.get(host_id)
        if gate is None:
            return False
        frames = [gate, host_id, hosts.encode(message)]
        # Through the asyncio socket and no other way: see WorkerLink.send
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        )
        error = sent.exception()
        if error is None:
            return True
        if isinstance(error, zmq.ZMQError) and error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
            log.debug("nothing sent to %r: %s", host_id, error)
            return False
        raise error

    def forget(self, host_id: bytes) -> None:
        """Take note that an agent is no more."""
        self._gates.pop(host_id, None)

    async def run(self, handler: Handler) -> None:
        """Receive, until cancelled, and hand each message to `handler`."""
        async with attended(self.listener):
            while True:
                frames: list[Any] = await self._socket.recv_multipart()
                self._take(frames, handler)

    def _take(self, frames: list[bytes], handler: Handler) -> None:
        try:
            gate, host_id, data = frames
            hosts.name_of(host_id)
            message = hosts.decode_from_host(data)
        except (ValueError, *MALFORMED) as error:
            self.refused += 1
            if worth_saying(self.refused):
                log.warning("host message %d was refused: %s", self.refused, error)
            return
        self._gates[host_id] = gate
        handler(host_id, message)
