"""HubReader: reads a subscriber's socket, which is connected to all hubs, in turns of the event
loop, while there is room.

ZMQ_FD tells of the first message only, and only by an edge (zmq_getsockopt(3)): so a turn reads
until there is nothing, or until it was long enough and another one follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import zmq

from cluster.decode_errors import worth_saying
from cluster.endpoints.curve_client import Handshakes, connect
from cluster.endpoints.curve_keys import ClientKeys
from cluster.errors import KeyRefusedError
from cluster.subscriber.arrival import Arrival
from cluster.wire import topic

log = logging.getLogger(__name__)

RECEIVE_HWM: Final = 256
"""Messages that wait in the socket: for as long as the event loop is busy elsewhere."""
READ_BATCHES: Final = 200
READ_BYTES: Final = 512 * 1024
"""At most so many messages, and so much, is read in one turn of the event loop: what the consumer
takes next is still in the processor's cache."""


class HubReader:
    """Reads the hubs for one subscriber, on the running loop. Owns its socket."""

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], endpoints: Sequence[str],
        keys: ClientKeys | None, *, topics: Iterable[bytes], on_message: Callable[[bytes], None],
        waiting_bytes: Callable[[], int], max_waiting: int, arrival: Arrival,
    ) -> None:  # fmt: skip
        """endpoints: of all hubs, one at least. topics: prefixes to subscribe to, in this order.
        on_message: called with every message; raises topic.WireError for what it can't read.
        waiting_bytes: how many bytes wait for the consumer; past ``max_waiting`` nothing is read.
        arrival: what the consumer waits for, which on_message may set. Raises ConfigError."""
        self.refused = 0
        """How many messages could not be read."""
        self.paused = False
        """There was no room: nothing is read until ``resume``."""
        self.reading = False
        """The loop tells when something comes."""
        self._on_message = on_message
        self._waiting_bytes = waiting_bytes
        self._max_waiting = max_waiting
        self._arrival = arrival
        self._loop = asyncio.get_running_loop()
        self._socket = context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, RECEIVE_HWM)
        self._socket.setsockopt(zmq.MAXMSGSIZE, topic.MAX_MESSAGE)
        self._fd = int(self._socket.getsockopt(zmq.FD))
        self._handshakes = Handshakes(self._socket, endpoints[0], keys)
        self._keys = keys
        self.endpoints: tuple[str, ...] = ()
        """Those of the hubs that are read."""
        try:
            for prefix in topics:
                self._socket.subscribe(prefix)
            self.connect(endpoints)
        except BaseException:
            self.close()
            raise
        self._listen(True)

    def connect(self, endpoints: Iterable[str]) -> None:
        """Read these hubs from now on, and no others. ConfigError."""
        wanted = tuple(dict.fromkeys(endpoints))
        for endpoint in wanted:
            if endpoint not in self.endpoints:
                connect(self._socket, endpoint, self._keys)
        for endpoint in self.endpoints:
            if endpoint not in wanted:
                self._socket.disconnect(endpoint)
        self.endpoints = wanted

    def refusal(self) -> KeyRefusedError | None:
        """Return an error if the cluster does not know our key (any more)."""
        return self._handshakes.refusal()

    def close(self) -> None:
        """Close the socket. Calling it again does nothing."""
        self._listen(False)
        self._handshakes.close()
        self.paused = False
        self._socket.close(0)

    def resume(self) -> None:
        """Read on if it was paused: there is room again."""
        if self.paused:
            self.paused = False
            self._listen(True)

    def poll(self) -> None:
        """Read what is there, in case an edge was missed."""
        if self.reading:
            self._turn()

    def _listen(self, wanted: bool) -> None:
        if wanted and not self.reading:
            self._loop.add_reader(self._fd, self._turn)
            self._loop.call_soon(self._turn)
        elif not wanted and self.reading:
            self._loop.remove_reader(self._fd)
        self.reading = wanted

    def _turn(self) -> None:
        """Read, and have the consumer take what came."""
        self._arrival.hold()
        try:
            self._read()
        finally:
            self._arrival.release()

    def _read(self) -> None:
        enough = self._waiting_bytes() + READ_BYTES
        for _ in range(READ_BATCHES):
            if not self.reading:
                return
            waiting = self._waiting_bytes()
            if waiting > enough:
                break
            if waiting > self._max_waiting:
                self._listen(False)
                self.paused = True
                return
            try:
                message = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                self._on_message(message)
            except topic.WireError as error:
                self.refused += 1
                if worth_saying(self.refused):
                    log.warning("message %d was refused: %s", self.refused, error)
        self._loop.call_soon(self._turn)
