"""Accepts connections on a listening socket, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Final

from cluster.decode_errors import worth_saying

log = logging.getLogger(__name__)

REST_S: Final = 1.0
"""Seconds without accepting after the system could not, for want of descriptors or memory."""
ACCEPTED_AT_ONCE: Final = 64
BACKLOG: Final = 1024


class Acceptor:
    """Gives each connection's socket to whoever takes it in. The event loop's own server would not
    tell of one before its TLS handshake is done, nor how many those are."""

    def __init__(self, listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
        """listener: a bound socket, which is the acceptor's from now on. take: gets a socket that
        does not block, and owns it."""
        self._listener = listener
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        listener.listen(BACKLOG)
        self._loop.add_reader(listener, self._accept)

    def close(self) -> None:
        """Let nobody in any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        """Take in who waits, so many at once at most."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor is left, no memory, or a network's error
                self._rest(error)
                return
            sock.setblocking(False)
            self._take(sock)

    def _rest(self, error: OSError) -> None:
        self._failures += 1
        if worth_saying(self._failures):
            log.warning("no connection can be accepted for %g s (%s)", REST_S, error.strerror)
        self._loop.remove_reader(self._listener)
        self._timer = self._loop.call_later(
            REST_S, self._loop.add_reader, self._listener, self._accept
        )
