"""The connections of a ZeroMQ socket, counted."""

from __future__ import annotations

import asyncio

import zmq
from zmq.utils.monitor import parse_monitor_message


class Connections:
    """Counts a socket's connections. Made before the socket is given to its thread, read on the
    loop. Source: zmq_socket_monitor(3)."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self._descriptors: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        endpoint = f"inproc://connections-{id(self):x}"
        socket.monitor(endpoint, zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._monitor: zmq.Socket[bytes] = socket.context.socket(zmq.PAIR)
        self._monitor.setsockopt(zmq.RCVHWM, 0)  # a full one would stop libzmq's own thread
        self._monitor.connect(endpoint)
        self._fd = int(self._monitor.getsockopt(zmq.FD))

    def __len__(self) -> int:
        self.read()
        return len(self._descriptors)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the connections on this loop, so that events do not pile up."""
        self._loop = loop
        loop.add_reader(self._fd, self.read)
        self.read()

    def read(self) -> None:
        """Take the events that have come."""
        while not self._monitor.closed:
            try:
                message = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            if message["event"] == zmq.EVENT_ACCEPTED:
                self._descriptors.add(message["value"])
            else:
                self._descriptors.discard(message["value"])

    def close(self) -> None:
        """Count no more. Calling it again does nothing."""
        if self._monitor.closed:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        self._monitor.close(0)
