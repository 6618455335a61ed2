"""A subscriber's socket: messages are read in turns of the event loop, while there is room.

ZMQ_FD tells of the first message only, and only by an edge (zmq_getsockopt(3)): so a turn reads
until there is nothing, or until it was long enough and another one follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

import zmq

from cluster.decode_errors import worth_saying
from cluster.endpoints.curve_client import Handshakes, connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.errors import KeyRefusedError
from cluster.wire import topic

log = logging.getLogger(__name__)

RECEIVE_HWM: Final = 256
"""Messages that wait in the socket: for as long as the event loop is busy elsewhere."""
READ_BATCHES: Final = 200
READ_BYTES: Final = 512 * 1024
"""At most so many messages, and so much, is read in one turn of the event loop: what the consumer
takes next is still in the processor's cache."""


class HubReader:
    """Reads the hub for one subscriber, on the running loop. Owns its socket."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, keys: ClientKeys | None, *,
        topics: Iterable[bytes], take: Callable[[bytes], None], waiting: Callable[[], int],
        most: int,
    ) -> None:  # fmt: skip
        """topics: prefixes to subscribe to, in this order. take: is given every message; raises
        topic.WireError for what it can't read. waiting: how many bytes wait for the consumer; past
        ``most`` nothing is read. Raises ConfigError."""
        self.refused = 0
        """Messages that could not be read."""
        self.paused = False
        """There was no room: nothing is read until ``go_on``."""
        self.reading = False
        self._take = take
        self._waiting = waiting
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, RECEIVE_HWM)
        self._socket.setsockopt(zmq.MAXMSGSIZE, topic.MAX_MESSAGE)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._handshakes = Handshakes(self._socket, endpoint, keys)
        try:
            for prefix in topics:
                self._socket.subscribe(prefix)
            connect(self._socket, endpoint, keys)
        except BaseException:
            self.close()
            raise
        self._listen(True)

    def refusal(self) -> KeyRefusedError | None:
        """The cluster does not know our key (any more)."""
        return self._handshakes.refusal()

    def close(self) -> None:
        """Calling it again does nothing."""
        self._listen(False)
        self._handshakes.close()
        self.paused = False
        self._socket.close(0)

    def go_on(self) -> None:
        """There is room again."""
        if self.paused:
            self.paused = False
            self._listen(True)

    def look(self) -> None:
        """In case an edge was missed."""
        if self.reading:
            self._read()

    def _listen(self, wanted: bool) -> None:
        if wanted and not self.reading:
            self._loop.add_reader(self._fd, self._read)
            self._loop.call_soon(self._read)
        elif not wanted and self.reading:
            self._loop.remove_reader(self._fd)
        self.reading = wanted

    def _read(self) -> None:
        enough = self._waiting() + READ_BYTES
        for _ in range(READ_BATCHES):
            if not self.reading:
                return
            waiting = self._waiting()
            if waiting > enough:
                break
            if waiting > self._most:
                self._listen(False)
                self.paused = True
                return
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._take(message)
            except topic.WireError as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("message %d was refused: %s", self.refused, error)
        self._loop.call_soon(self._read)
