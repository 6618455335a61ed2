"""The worker's end of the link to its coordinator: a ZeroMQ DEALER on the event loop.

Nothing is queued for a coordinator that is not there (``IMMEDIATE``): what it must know it asks for
or hears again when it is back, and old reports are of no use to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import zmq

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.wire.link import FromWorker, Kept, Lease, ToWorker, decode_to_worker, encode

log = logging.getLogger(__name__)

QUEUE_MESSAGES: Final = 4096
MAX_MESSAGE_BYTES: Final = 1024 * 1024


class CoordinatorLink:
    """Made and closed on the event loop that it runs on."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        slot: int,
        on_message: Callable[[ToWorker], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self.refused = 0
        """How many messages came that this worker does not know."""
        self.heard_at = self._loop.time()
        """When the coordinator last sent something (the loop's time); at first: now. Answers to
        reports are left out: one that has not welcomed this worker yet gives them, too."""
        self._socket = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, str(slot).encode())
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.setsockopt(zmq.SNDHWM, QUEUE_MESSAGES)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 100)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        self._socket.connect(endpoint)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._fd, self.poll)

    def send(self, message: FromWorker) -> bool:
        """Send a message; False: there is no coordinator to take it, or the link is closed."""
        if self._socket.closed:
            return False
        try:
            self._socket.send(encode(message), zmq.NOBLOCK)
        except zmq.Again:
            return False
        finally:
            # The descriptor shows changes only, and a send uses up what it showed.
            self._loop.call_soon(self.poll)
        return True

    def poll(self) -> None:
        """Hand over all messages that have come."""
        while not self._socket.closed:
            try:
                data = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            heard_at, self.heard_at = self.heard_at, self._loop.time()
            try:
                message = decode_to_worker(data)
            except MALFORMED as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning(
                        "the coordinator sent what this worker does not know (%d times): %s",
                        self.refused, error,
                    )  # fmt: skip
                continue
            if isinstance(message, Lease | Kept):
                self.heard_at = heard_at
            self._on_message(message)

    def close(self) -> None:
        """Close the socket. What was sent may take another second to leave."""
        self._loop.remove_reader(self._fd)
        self._socket.close()
