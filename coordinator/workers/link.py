"""The coordinator's end of the link to its workers (ROUTER, ipc; cluster.wire.link)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

import zmq.asyncio

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.descriptors import Descriptors
from cluster.wire import link
from coordinator.ipc_listener import IpcListener
from coordinator.router_socket import RouterSocket

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""A bound in which a report of many thousand shards fits."""

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
        self._router = RouterSocket(
            context, endpoint, descriptors, most_bytes=MAX_MESSAGE_BYTES, keep=KEPT_FREE
        )

    @property
    def listener(self) -> IpcListener:
        """What lets workers in."""
        return self._router.listener

    def bind(self) -> None:
        """Bind the endpoint; who connects waits until it runs. zmq.ZMQError if that can't be
        done."""
        self._router.bind()

    def close(self) -> None:
        self._router.close()

    def send(self, slot: int, message: link.ToWorker) -> bool:
        """Send a message to the worker of a slot. False: none is connected, or it has stopped
        reading."""
        is_sent = self._router.send([b"%d" % slot, link.encode(message)])
        if not is_sent:
            log.debug("nothing sent to worker %d", slot)
        return is_sent

    async def run(self, handler: Handler) -> None:
        """Receive, until cancelled, and hand each message to `handler`."""
        await self._router.run(partial(self._take, handler=handler))

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
