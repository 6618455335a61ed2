"""A ROUTER on ipc that lives on the event loop: what those who connect say comes in, and words for
one of them go out, without a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import zmq
import zmq.asyncio

from cluster.descriptors import Descriptors
from coordinator.ipc_listener import IpcListener, attended


class RouterSocket:
    """Bound by `bind`, heard while `run` does, closed by `close`."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        endpoint: str,
        descriptors: Descriptors | None,
        *,
        most_bytes: int,
        keep: int,
    ) -> None:
        """descriptors: those that the listeners of this process share. most_bytes: of one frame;
        libzmq disconnects who sends more. keep: descriptors that those who connect leave free."""
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, most_bytes)
        # Who comes back takes its name over from a connection of its own that is not yet gone
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        # A send to somebody who is not there is an error then, and not dropped without a word
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.listener = IpcListener(
            self._socket, endpoint, descriptors or Descriptors(), keep=keep, part=16
        )

    def bind(self) -> None:
        """Bind the endpoint; who connects waits until it runs. zmq.ZMQError if that can't be
        done."""
        self.listener.bind()

    def close(self) -> None:
        self._socket.close(0)
        self.listener.close()

    def send(self, frames: list[bytes]) -> bool:
        """Send a message; the first frame says to whom. False: nobody of this name is connected, or
        it has stopped reading."""
        # Through the asyncio socket and no other way: a send uses up what the descriptor said, and
        # this socket then looks again for what is to be received. NOBLOCK: done when it returns.
        sent: asyncio.Future[Any] = asyncio.ensure_future(
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        )
        error = sent.exception()
        if isinstance(error, zmq.ZMQError) and error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
            return False
        if error is not None:
            raise error
        return True

    async def run(self, take: Callable[[list[bytes]], None]) -> None:
        """Receive, until cancelled, and hand on each message, with who sent it in its first
        frame."""
        async with attended(self.listener):
            while True:
                frames: list[Any] = await self._socket.recv_multipart()
                take(frames)
