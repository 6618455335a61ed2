"""The connections to the HTTP server: how many there are at most, and when one is let go of.

Where all places are taken one makes room: who does not read, who has had an answer, or has been
idle for longest. So whoever opens many keeps no probe away, whether they ask much or say nothing.
Who asks for more than it reads is cut off: at most 64 KiB wait for it, and not for long. aiohttp
bounds the rest: lines, headers, requests that come before their turn (3.14 and newer), and the time
in which a request's head must come.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from cluster.decode_errors import worth_saying
from cluster.errors import ClusterError
from coordinator.http import answers

log = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 128
IDLE_S: Final = 30.0
"""Seconds that a connection may take until its next request is there: longer than a monitor waits
between two scrapes, mostly."""
UNREAD_S: Final = 10.0
"""Seconds for which a client may take less than LEAST_BYTES of what waits to be sent to it."""
LEAST_BYTES: Final = 4096
"""So much, or else all of it, is taken in that time by any link that is of use; who takes a byte
now and then holds a place."""
MAX_LINE_BYTES: Final = 4096
MAX_HEADER_BYTES: Final = 4096
MAX_HEADERS: Final = 64
REST_S: Final = 1.0
"""Seconds for which the rest of a body is read that nobody wants, so that the answer arrives."""
SEND_BUFFER_BYTES: Final = 256 * 1024
"""What the kernel keeps for a client; else it is some MiB for each that does not read."""
AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: a close does not wait for what was not sent."""
FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 2\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 40\r\n\r\n"
    b"all connections are busy: try once more\n"
)


class Unread:
    """Tells whether a client has taken too little for too long of what waits to be sent to it."""

    def __init__(self) -> None:
        self._waiting = 0
        self._since: float | None = None
        self._taken = 0
        """Bytes that it took since then, as far as they were seen to leave."""

    def is_over(self, waiting: int, now: float) -> bool:
        """Take how many bytes wait now; return whether that has gone on for too long."""
        self._taken += max(0, self._waiting - waiting)
        if not waiting:
            self._since = None
        elif self._since is None or self._taken >= LEAST_BYTES:
            self._since, self._taken = now, 0
        self._waiting = waiting
        return self._since is not None and now - self._since >= UNREAD_S


class _Seat:
    """What is known of one connection."""

    def __init__(self, transport: asyncio.Transport, now: float) -> None:
        self.transport = transport
        self.idle_since: float | None = now
        """None: a request is being answered."""
        self.was_answered = False
        self.unread = Unread()

    def worth(self) -> tuple[bool, bool, float]:
        """Return how much it is worth to keep one that is idle. Who does not read goes first, then
        who has had an answer, then who has not; of these who has been idle for longest."""
        reads = not self.transport.get_write_buffer_size()
        return reads, not self.was_answered, self.idle_since or 0.0

    def cut(self) -> None:
        """End it at once. The kernel drops what waits in it, too, which it would keep for a minute
        or two for a client that is still there and does not read."""
        own: socket.socket | None = self.transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()


class Connections:
    """All connections to the server."""

    def __init__(self, clock: Callable[[], float], most: int = MOST_CONNECTIONS) -> None:
        """clock: monotonic seconds."""
        self._clock = clock
        self._most = most
        self._seats: dict[web.RequestHandler, _Seat] = {}
        self._faults = 0

    def __len__(self) -> int:
        return len(self._seats)

    def _make_room(self) -> bool:
        """Let go of one connection of those that are not being answered. False: all are."""
        idle = [
            (*seat.worth(), number, connection)
            for number, (connection, seat) in enumerate(self._seats.items())
            if seat.idle_since is not None
        ]
        if not idle:
            return False
        self._seats.pop(min(idle)[-1]).cut()
        return True

    def opened(self, connection: web.RequestHandler, transport: asyncio.Transport) -> bool:
        """Take a connection in; False: there is no place for it."""
        if len(self._seats) >= self._most and not self._make_room():
            return False
        self._seats[connection] = _Seat(transport, self._clock())
        own: socket.socket | None = transport.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        return True

    def closed(self, connection: web.RequestHandler) -> None:
        """Forget a connection."""
        self._seats.pop(connection, None)

    @contextmanager
    def answering(self, connection: web.RequestHandler) -> Iterator[None]:
        """Keep a connection's place while the block makes its answer."""
        seat = self._seats.get(connection)
        if seat is None:
            yield
            return
        seat.idle_since = None
        try:
            yield
        finally:
            seat.idle_since = self._clock()
            seat.was_answered = True

    def sweep(self) -> None:
        """Cut off who does not read. It is called several times in a second."""
        now = self._clock()
        for seat in list(self._seats.values()):
            if seat.unread.is_over(seat.transport.get_write_buffer_size(), now):
                seat.cut()

    def fault(self, error: BaseException | None) -> None:
        """Log an error of our own, of which a client is told nothing."""
        self._faults += 1
        if worth_saying(self._faults):
            log.error("a request failed (%d times so far)", self._faults, exc_info=error)


class Connection(web.RequestHandler):
    """One connection, with the bounds above."""

    def __init__(self, connections: Connections, server: web.Server) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=IDLE_S,
            lingering_time=REST_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
            auto_decompress=False,  # a body of some bytes could become many
            access_log=None,  # type: ignore[arg-type]  # what AppRunner passes for none
            logger=log,
        )
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin (asyncio.BaseProtocol)."""
        assert isinstance(transport, asyncio.Transport)
        if self._connections.opened(self, transport):
            super().connection_made(transport)
            return
        self.close()  # what it may still send is not read
        transport.write(FULL)
        transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End (asyncio.BaseProtocol)."""
        super().connection_lost(exc)
        self._connections.closed(self)

    async def start(self) -> None:
        """Answer requests until the connection ends. It ends too where aiohttp fails on what is no
        request (3.14 does on "CONNECT" without a target): it would stay open with nobody to answer
        it, and each would be logged with a traceback."""
        try:
            await super().start()
        except Exception as error:  # noqa: BLE001  # counted, and logged
            self._connections.fault(error)
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what is no request, or to one that failed; the connection ends with
        it. Nothing that a client sent is logged: it could be a secret, and it could be much."""
        if isinstance(exc, ConnectionError):
            raise exc  # it went away while it was answered, which is no fault
        if isinstance(exc, UnicodeEncodeError):
            status = 400  # aiohttp repeats an Expect header, and can't where that is no UTF-8
        if status >= 500:
            self._connections.fault(exc)
            error = ClusterError("this failed", "see http.log")
        else:
            error = ClusterError(
                "this is no HTTP/1.1 request",
                f"or its headers are over the bounds: {MAX_HEADERS}, of {MAX_HEADER_BYTES} bytes",
            )
        if request.writer.output_size:
            raise ConnectionError("an answer is under way, no other can be given")
        response = answers.failed(status, error)
        response.force_close()
        return response
