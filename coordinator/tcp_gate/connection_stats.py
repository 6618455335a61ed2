"""Counts who connects to a socket on TCP, who is let in, and who is not. Source:
zmq_socket_monitor(3)."""

from __future__ import annotations

from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

_SLACK_S: Final = 1.0
"""How much later than asked libzmq's timers may be, and its events read."""
_WATCHED: Final = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED


class ConnectionStats:
    """Counts the connections of one socket. Made before the socket is bound or given to a thread.

    libzmq says which connection comes and goes, but not which one's handshake succeeded. One that
    has outlived the handshake's time was let in; one that is younger may have been.
    """

    def __init__(self, socket: zmq.Socket[bytes], handshake_s: float) -> None:
        """handshake_s: libzmq drops who has not finished the handshake by then."""
        self._settled_s = handshake_s + _SLACK_S
        self._since: dict[int, float] = {}
        """Descriptor -> when it was accepted."""
        self._accepted = self._let_in = 0
        self.refused = 0
        """How many connections ended without a handshake: wrong keys, none, rubbish, or no word at
        all."""
        endpoint = f"inproc://stats-{id(self):x}"
        socket.monitor(endpoint, _WATCHED)
        self._monitor = socket.context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full one would stop libzmq's own thread
        self._monitor.connect(endpoint)

    def read(self, now: float) -> None:
        """Take the events that have come. now: monotonic seconds."""
        while True:
            try:
                message = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                break
            match message["event"]:
                case zmq.EVENT_ACCEPTED:
                    self._accepted += 1
                    self._since[message["value"]] = now
                case zmq.EVENT_DISCONNECTED:
                    self._since.pop(message["value"], None)
                case zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    self._let_in += 1
        undecided = len(self._since) - self.connected(now)
        self.refused = max(self.refused, self._accepted - self._let_in - undecided)

    @property
    def open(self) -> int:
        """How many there are, let in or not yet."""
        return len(self._since)

    def connected(self, now: float) -> int:
        """Return how many have been connected for longer than a handshake takes."""
        return sum(now - since >= self._settled_s for since in self._since.values())

    def close(self) -> None:
        self._monitor.close(0)
