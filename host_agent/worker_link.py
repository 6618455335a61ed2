"""The agent's end of the link to the host's workers (ROUTER, ipc): what they say is passed on as it
is, and so is what they are told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import zmq
import zmq.asyncio

from cluster.decode_errors import worth_saying
from cluster.errors import AlreadyRunningError
from host_agent.sending import try_send

log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES: Final = 7 * 1024 * 1024
"""A bound in which a report of many thousand shards fits; libzmq disconnects who sends more. With
what is put around it it must fit into what the host gate takes: else the agent would be cut off in
the worker's place."""
MOST_DIGITS: Final = 9
"""Decimal digits of a slot."""


class WorkerLink:
    """Receives what workers say, and sends to the worker of a slot.

    libzmq listens here itself, which it must not where descriptors may run out
    (coordinator.ipc_listener): nobody but this agent's own workers can enter the folder.
    """

    def __init__(self, context: zmq.asyncio.Context, endpoint: str) -> None:
        """AlreadyRunningError: the endpoint can't be bound."""
        self.refused = 0
        """How many messages came from no slot."""
        self.untold = 0
        """How many messages found no worker to take them."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        # A new process of a slot takes the name over from one whose connection is not yet gone
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        # A send to a worker that is not there is an error then, and not dropped without a word
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise AlreadyRunningError(f"{endpoint} can't be bound: {error.strerror}") from error

    def close(self) -> None:
        self._socket.close(0)

    def tell(self, slot: int, data: bytes) -> bool:
        """Send a message to the worker of a slot. False: none is connected, or it has stopped
        reading. The coordinator says again what matters, as to a worker of its own host."""
        if try_send(self._socket, [b"%d" % slot, data]):
            return True
        self.untold += 1
        if worth_saying(self.untold):
            log.info("worker %d is not there to be told something (message %d)", slot, self.untold)
        return False

    async def run(self, on_said: Callable[[int, bytes], None]) -> None:
        """Receive, until cancelled, and hand on each message with the slot of its worker."""
        while True:
            frames = await self._socket.recv_multipart()
            slot = _slot(frames[0])
            if slot is None or len(frames) != 2:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("message %d that is no worker's: %r", self.refused, frames[0][:16])
                continue
            on_said(slot, frames[1])


def _slot(identity: bytes) -> int | None:
    """Return the slot that a worker's socket is named after; None: it is none."""
    return int(identity) if identity.isdigit() and len(identity) <= MOST_DIGITS else None
