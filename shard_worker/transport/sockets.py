"""libcurl's sockets in an epoll of their own, which is one descriptor to the event loop.

libcurl says anew what it wants of a socket with everything that is sent, and curl_cffi takes the
socket out of the loop and puts it back for each word of that. Here it is noted, and told to the
kernel once, in the loop's next turn: one call of epoll_ctl a frame that is sent, in place of 5.
And one turn finds all sockets that are ready.

Where much comes, a turn is followed by a rest (moderation.py), for which the loop does not watch
the epoll. What is sent leaves all the same, and whoever can't wait keeps the sockets awake.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from shard_worker.transport.moderation import Moderation

SOCKETS_A_TURN: Final = 128
"""Most sockets that one turn is told of; where more are ready, the kernel begins with the others
the next time. Each takes a slice of work at most (connection.py)."""
READABLE: Final = 0x001
"""EPOLLIN; the module select has it on Linux only."""
WRITABLE: Final = 0x004
"""EPOLLOUT."""
ANSWER_S: Final = 1.0
"""Seconds after a command within which its answer may come, and nothing rests."""

Ready = list[tuple[int, int]]
"""Sockets that are ready, each with what for: READABLE, WRITABLE, and the kernel's bits for an
error or the other side's end."""


class Sockets:
    """The sockets of one Multi. Stands in for the event loop where curl_cffi asks one for
    something: that is what the first of its methods are."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_ready: Callable[[Ready], None],
        latency_ms: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """on_ready: called, on the loop, with the sockets that are ready. latency_ms: most
        milliseconds that they may be left alone; 0: no rests. clock: monotonic seconds."""
        self.create_future = loop.create_future
        self._loop = loop
        self._on_ready = on_ready
        self._epoll = select.epoll()
        self._wanted: dict[int, int] = {}
        """Socket -> what libcurl waits for; 0: nothing any more, and the kernel is not told yet."""
        self._changed: set[int] = set()
        """Sockets of which the kernel is to be told."""
        self._timer_is_now = False
        """libcurl asked for its timer to ring at once."""
        self._clock = clock
        self._moderation = Moderation(latency_ms, clock()) if latency_ms else None
        self._awake: set[object] = set()
        """Who can't wait."""
        self._awake_until = clock()
        self._rest: asyncio.TimerHandle | None = None
        """What ends the rest; None: there is none, or its turn has begun."""
        self._watched = False
        """Whether the loop watches the epoll."""
        self._asked_at = clock()
        """When the sockets were last asked."""
        self.waited_s = 0.0
        """Most seconds that what this turn finds may have waited for it: those since the sockets
        were asked before, where there was a rest."""
        self._watch()

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._loop.create_task(coroutine)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: object
    ) -> asyncio.TimerHandle | None:
        """Set libcurl's timer. A negative delay means that it wants none; curl_cffi does not tell
        the two apart, and would ask libcurl at once and in vain."""
        self._timer_is_now = delay == 0
        return None if delay < 0 else self._loop.call_later(delay, callback, *args)

    def add_reader(self, fd: int, *_: object) -> None:
        self._want(fd, self._wanted.get(fd, 0) | READABLE)

    def remove_reader(self, fd: int) -> None:
        self._want(fd, self._wanted.get(fd, 0) & ~READABLE)

    def add_writer(self, fd: int, *_: object) -> None:
        self._want(fd, self._wanted.get(fd, 0) | WRITABLE)

    def remove_writer(self, fd: int) -> None:
        self._want(fd, self._wanted.get(fd, 0) & ~WRITABLE)

    def keep_awake(self, who: object) -> None:
        """Let nothing rest until ``let_rest`` says so for all who have asked for this."""
        self._awake.add(who)
        self._end_rest()

    def let_rest(self, who: object) -> None:
        self._awake.discard(who)

    def expect_answer(self) -> None:
        """Let nothing rest while the answer to a command may come."""
        if self._moderation is not None:
            self._awake_until = self._clock() + ANSWER_S
            self._end_rest()

    def close(self) -> None:
        """Watch nothing any more."""
        if not self._epoll.closed:
            self._unwatch()
            self._epoll.close()
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _want(self, fd: int, events: int) -> None:
        self._wanted[fd] = events
        if not self._changed:
            self._loop.call_soon(self._tell_soon)
        self._changed.add(fd)

    def _tell_soon(self) -> None:
        """Tell the kernel what changed; a turn later, and no more than that, where libcurl asked
        for its timer to ring at once. What is sent then is sent, and needs no socket to become
        writable, which libcurl asked for as well."""
        if self._timer_is_now:
            self._timer_is_now = False
            self._loop.call_soon(self._tell)
        else:
            self._tell()

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
        if self._moderation is None:
            self._on_ready(self._epoll.poll(0, SOCKETS_A_TURN))
            return
        self._rest = None
        rest_ms, asked_at = 0, self._clock()
        if not self._watched:
            self.waited_s = asked_at - self._asked_at
        self._asked_at = asked_at
        ready = self._epoll.poll(0, SOCKETS_A_TURN)
        try:
            self._on_ready(ready)
            now = self._clock()
            rest_ms = self._moderation.rest_ms(len(ready), asked_at, now)
            if self._awake or now < self._awake_until or len(ready) == SOCKETS_A_TURN:
                rest_ms = 0
        finally:
            self.waited_s = 0.0
            self._rest_for(rest_ms)

    def _rest_for(self, rest_ms: int) -> None:
        if rest_ms:
            self._unwatch()
            self._rest = self._loop.call_later(rest_ms / 1000, self._turn)
        else:
            self._watch()

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
            self._watch()

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._loop.add_reader(self._epoll.fileno(), self._turn)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._loop.remove_reader(self._epoll.fileno())
