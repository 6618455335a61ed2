"""The worker's end of the way to its hub: ZMTP on a local stream, by the event loop itself.

A ZeroMQ socket has a thread of its own, which each turn of the loop wakes for a few microseconds of
work. Without it a worker costs 0.72 of what it did with 200 sessions of 20 events/s, 0.9 with 40 of
50/s (medians of five alternating pairs on a busy machine, `latency_ms = 0`).

The pipe is what the kernel holds of the stream, and little more that is kept here: the queue is the
journal. A message that was begun is finished before anything else is written, or its connection is
over.

Source: cluster/wire/zmtp.py.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from cluster.backoff import Backoff
from cluster.decode_errors import worth_saying
from cluster.wire import zmtp

log = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 0.1
LONGEST_RETRY_S: Final = 1.0
MOST_KEPT_BYTES: Final = 256 * 1024
"""Beyond so many bytes no further message is kept: more than the kernel takes at once."""
_READ_BYTES: Final = 4096
_MOST_PARTS: Final = 1024
"""What one write may consist of (IOV_MAX)."""


class HubSocket:
    """Connects to the hub's SUB, again and again, from ``start`` until ``close``."""

    def __init__(
        self, endpoint: str, most_messages: int, *, on_there: Callable[[], None],
        on_gone: Callable[[], None], on_room: Callable[[], None],
    ) -> None:  # fmt: skip
        """endpoint: "ipc://PATH". most_messages: so many are kept at most while the kernel takes
        no more. on_there, on_gone: the hub takes events from now on, or no more; what was sent may
        be lost with it. on_room: it has room again, after a `send` for which it had none."""
        self.there = False
        """Whether the hub has subscribed."""
        self.full = False
        """Whether the kernel took no more of what waits here; it is written on when it does."""
        self._path = endpoint.removeprefix("ipc://")
        self._most_messages = most_messages
        self._on_there = on_there
        self._on_gone = on_gone
        self._on_room = on_room
        self._backoff = Backoff(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._failures = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._stream: socket.socket | None = None
        self._reader = zmtp.SubscriberReader()
        self._parts: list[bytes | memoryview] = []
        """What is to be written; of each message its header and itself, but for what was written
        of the first."""
        self._bytes = 0
        """How many bytes that is."""

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connect, on this loop."""
        self._loop = loop
        self._connect()

    def close(self, linger_s: float = 0.0) -> None:
        """Hang up, when the hub has read what was written or after so many seconds. To hang up
        before is to lose it: libzmq reads no further where it had to wait for room itself."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._stream is not None and self.there and not self.full and linger_s > 0:
            _let_read(self._stream, linger_s)
        self._hang_up()

    def send(self, message: bytes) -> bool:
        """Take a message; the next `flush` writes it. False: there is no room until `on_room`, or
        no hub."""
        if self._bytes >= MOST_KEPT_BYTES or len(self._parts) >= 2 * self._most_messages:
            self.flush()
            if self._parts:
                return False
        if not self.there:
            return False
        head = zmtp.header(len(message))
        self._parts += (head, message)
        self._bytes += len(head) + len(message)
        return True

    def flush(self) -> None:
        """Write what was taken, as far as the kernel takes it."""
        if self._parts and not self.full:
            self._write()

    def wait(self, seconds: float) -> bool:
        """Block until a full pipe has room, and write on. False: it had none within this time."""
        if self._stream is None:
            return False
        poller = select.poll()
        poller.register(self._stream, select.POLLOUT)
        if not poller.poll(max(0.0, seconds) * 1000):
            return False
        self._on_writable()
        return True

    def _connect(self) -> None:
        assert self._loop is not None
        self._retry = None
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.setblocking(False)
            stream.connect(self._path)
        except OSError as error:  # there is none, or too many wait to be let in
            stream.close()
            self._lose(error)
            return
        self._stream, self._reader = stream, zmtp.SubscriberReader()
        self._loop.add_reader(stream.fileno(), self._on_readable)
        self._keep(zmtp.OPENING)
        self.flush()

    def _on_readable(self) -> None:
        stream = self._stream
        assert stream is not None
        try:
            data = stream.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose("it hung up")
            return
        try:
            for said in self._reader.feed(data):
                self._hear(said)
                if self._stream is not stream:
                    return
        except zmtp.ZmtpError as error:
            self._lose(error)

    def _hear(self, said: zmtp.Said) -> None:
        match said:
            case zmtp.Subscribe(b""):
                if not self.there:
                    self.there = True
                    self._failures = 0
                    self._backoff.reset()
                    self._on_there()
            case zmtp.Cancel(b""):
                if self.there:
                    self.there = False
                    self._on_gone()
            case zmtp.Ping(context):
                if not self.full:  # else what waits says that somebody lives here
                    self._keep(zmtp.pong(context))
                    self.flush()
            case _:
                raise zmtp.OutOfPlaceError(f"{said}: a hub takes everything")

    def _keep(self, *parts: bytes) -> None:
        self._parts += parts
        self._bytes += sum(map(len, parts))

    def _write(self) -> None:
        assert self._stream is not None
        while self._parts:
            try:
                written = self._stream.sendmsg(self._parts[:_MOST_PARTS])
            except BlockingIOError:
                self._set_full(True)
                return
            except OSError as error:
                self._lose(error)
                return
            self._drop(written)
        self._set_full(False)

    def _drop(self, written: int) -> None:
        """Keep no more what was written."""
        if written == self._bytes:
            self._parts.clear()
            self._bytes = 0
            return
        self._bytes -= written
        whole = 0
        for part in self._parts:
            if len(part) > written:
                break
            written -= len(part)
            whole += 1
        del self._parts[:whole]
        if written:
            self._parts[0] = memoryview(self._parts[0])[written:]

    def _set_full(self, full: bool) -> None:
        if full == self.full:
            return
        assert self._loop is not None
        assert self._stream is not None
        self.full = full
        if full:
            self._loop.add_writer(self._stream.fileno(), self._on_writable)
        else:
            self._loop.remove_writer(self._stream.fileno())

    def _on_writable(self) -> None:
        self._write()
        if self._stream is not None and not self.full:
            self._on_room()

    def _lose(self, why: object) -> None:
        """The connection is over, or there was none: try again soon."""
        assert self._loop is not None
        was_there = self.there
        self._hang_up()
        self._failures += 1
        if not was_there and worth_saying(self._failures):
            log.info("no hub at %s: %s", self._path, why)
        self._retry = self._loop.call_later(self._backoff.next(), self._connect)
        if was_there:
            self._on_gone()

    def _hang_up(self) -> None:
        if self._stream is not None:
            assert self._loop is not None
            self._loop.remove_reader(self._stream.fileno())
            self._loop.remove_writer(self._stream.fileno())
            self._stream.close()
            self._stream = None
        self.there = self.full = False
        self._parts.clear()
        self._bytes = 0


def _let_read(stream: socket.socket, seconds: float) -> None:
    """Say that nothing more comes, and block until the other end has come to that and hangs up."""
    deadline = time.monotonic() + seconds
    try:
        stream.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            stream.settimeout(left)
            if not stream.recv(_READ_BYTES):
                return
    except OSError as error:  # the hub is gone, or did not come to it in time
        log.info("the hub may not have read all: %s", error)
