"""libcurl's sockets in an epoll of their own, which is one descriptor to the event loop.

libcurl says anew what it wants of a socket with everything that is sent, and curl_cffi takes the
socket out of the loop and puts it back for each word of that. Here it is noted, and told to the
kernel once, in the loop's next turn. And one turn finds all sockets that are ready.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

SOCKETS_A_TURN: Final = 128
"""Most sockets that one turn is told of; where more are ready, the kernel begins with the others
the next time. Each takes a slice of work at most (connection.py)."""
READABLE: Final = 0x001
"""EPOLLIN; the module select has it on Linux only."""
WRITABLE: Final = 0x004
"""EPOLLOUT."""

Ready = list[tuple[int, int]]
"""Sockets that are ready, each with what for: READABLE, WRITABLE, and the kernel's bits for an
error or the other side's end."""


class Sockets:
    """The sockets of one Multi. Stands in for the event loop where curl_cffi asks one for
    something, which is what its public methods but ``close`` are."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_ready: Callable[[Ready], None]) -> None:
        """on_ready: called, on the loop, with the sockets that are ready."""
        self.create_future = loop.create_future
        self._loop = loop
        self._on_ready = on_ready
        self._epoll = select.epoll()
        self._wanted: dict[int, int] = {}
        """Socket -> what libcurl waits for; 0: nothing any more, and the kernel is not told yet."""
        self._changed: set[int] = set()
        """Sockets of which the kernel is to be told."""
        loop.add_reader(self._epoll.fileno(), self._turn)

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._loop.create_task(coroutine)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle | None:
        """Set libcurl's timer. A negative delay means that it wants none; curl_cffi does not tell
        the two apart, and would ask libcurl at once and in vain."""
        return None if delay < 0 else self._loop.call_later(delay, callback, *args)

    def add_reader(self, fd: int, *_: object) -> None:
        self._want(fd, self._wanted.get(fd, 0) | READABLE)

    def remove_reader(self, fd: int) -> None:
        self._want(fd, self._wanted.get(fd, 0) & ~READABLE)

    def add_writer(self, fd: int, *_: object) -> None:
        self._want(fd, self._wanted.get(fd, 0) | WRITABLE)

    def remove_writer(self, fd: int) -> None:
        self._want(fd, self._wanted.get(fd, 0) & ~WRITABLE)

    def close(self) -> None:
        """Watch nothing any more."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()

    def _want(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        if not self._changed:
            self._loop.call_soon(self._tell)
        self._changed.add(fd)

    def _tell(self) -> None:
        """Tell the kernel what changed. A socket may have been closed since, which takes it out of
        the epoll, and another have been given its number: that one is put in."""
        changed, self._changed = self._changed, set()
        if self._epoll.closed:
            return
        for fd in changed:
            if events := self._wanted[fd]:
                try:
                    self._epoll.modify(fd, events)
                except FileNotFoundError:
                    self._epoll.register(fd, events)
            else:
                del self._wanted[fd]
                with suppress(OSError):  # closed, or never put in
                    self._epoll.unregister(fd)

    def _turn(self) -> None:
        self._on_ready(self._epoll.poll(0, SOCKETS_A_TURN))
