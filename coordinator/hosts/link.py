"""The coordinator's end of the way to host agents (ROUTER, ipc; cluster.wire.hosts).

Agents come in through the host gate, which holds each to the name of its key. A message has three
frames here: the host gate's own address, the host id, and what was said.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.descriptors import Descriptors
from cluster.wire import hosts
from coordinator.router_socket import RouterSocket

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
        self._gate = b""
        """The address of the host gate of which something came last: there is one at a time."""
        self._router = RouterSocket(
            context, endpoint, descriptors, most_bytes=MAX_MESSAGE_BYTES, keep=KEPT_FREE
        )

    def bind(self) -> None:
        """Bind the endpoint. zmq.ZMQError if that can't be done."""
        self._router.bind()

    def close(self) -> None:
        self._router.close()

    def send(self, host_id: bytes, message: hosts.ToHost) -> bool:
        """Send a message to an agent. False: there is no way to it, as far as can be known here."""
        if self._gate and self._router.send([self._gate, host_id, hosts.encode(message)]):
            return True
        log.debug("nothing sent to %r", host_id)
        return False

    async def run(self, handler: Handler) -> None:
        """Receive, until cancelled, and hand each message to `handler`."""
        await self._router.run(partial(self._take, handler=handler))

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
        self._gate = gate
        handler(host_id, message)
