"""The coordinator's end of the link to its workers (ROUTER, ipc; cluster.wire.link)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import zmq
import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.wire import link
from coordinator.descriptors import Descriptors
from coordinator.ipc_listener import IpcListener, attended

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""A bound in which a report of many thousand shards fits; libzmq disconnects who sends more."""

KEPT_FREE: Final = 16
"""Descriptors that workers leave free."""

Handler = Callable[[int, link.FromWorker], None]
"""Takes the slot of a worker and what it said."""
Send = Callable[[int, link.ToWorker], bool]
"""Sends a message to the worker of a slot. False: none is connected, or it has stopped reading."""


class WorkerLink:
    """Receives what workers say, and sends to the worker of a slot."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        descriptors: Descriptors | None = None,
    ) -> None:
        """descriptors: those that the listeners of this process share."""
        self.refused = 0
        """How many messages were not a worker's: malformed, or of another slot than its
        sender's."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        # A new process of a slot takes the name over from one whose connection is not yet gone
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        # A send to a worker that is not there is an error then, and not dropped without a word
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.listener = IpcListener(
            self._socket, endpoint, descriptors or Descriptors(), keep=KEPT_FREE, part=16
        )

    def bind(self) -> None:
        """Bind the endpoint; who connects waits until it runs. zmq.ZMQError if that can't be
        done."""
        self.listener.bind()

    def close(self) -> None:
        self._socket.close(0)
        self.listener.close()

    def send(self, slot: int, message: link.ToWorker) -> bool:
        """Send a message to the worker of a slot. False: none is connected, or it has stopped
        reading."""
        frames = [b"%d" % slot, link.encode(message)]
        # Through the asyncio socket and no other way: a send uses up what the descriptor said, and
        # this socket then looks again for what is to be received. NOBLOCK: done when it returns.
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        )
        error = sent.exception()
        if error is None:
            return True
        if isinstance(error, zmq.ZMQError) and error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
            log.debug("nothing sent to worker %d: %s", slot, error)
            return False
        raise error

    async def run(self, handler: Handler) -> None:
        """Receive, until cancelled, and hand each message to `handler`."""
        async with attended(self.listener):
            while True:
                frames: list[Any] = await self._socket.recv_multipart()
                self._take(frames, handler)

    def _take(self, frames: list[bytes], handler: Handler) -> None:
        try:
            sender, data = frames
            slot = int(sender)
            message = link.decode_from_worker(data)
        except (ValueError, *MALFORMED) as error:
            self._refuse(frames[0], str(error))
            return
        if slot != getattr(message, "slot", slot):
            self._refuse(sender, "it speaks for another slot")
            return
        handler(slot, message)

    def _refuse(self, sender: bytes, why: str) -> None:
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("link message %d of %r refused: %s", self.refused, sender[:16], why)
