"""Sending without waiting, on sockets of an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import zmq
import zmq.asyncio

NOBODY: Final = (zmq.EAGAIN, zmq.EHOSTUNREACH)


def try_send(socket: zmq.asyncio.Socket, frames: Sequence[bytes]) -> bool:
    """Send a message. False: nobody is connected who could take it, or whoever is takes no more."""
    # Through the asyncio socket and no other way: a send uses up what the descriptor said, and this
    # socket then looks again for what is to be received. NOBLOCK: done when it returns.
    sent: asyncio.Future[Any] = asyncio.ensure_future(socket.send_multipart(frames, zmq.NOBLOCK))
    error = sent.exception()
    if error is None:
        return True
    if isinstance(error, zmq.ZMQError) and error.errno in NOBODY:
        return False
    raise error
