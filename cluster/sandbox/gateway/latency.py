"""The latency of a client's line: what it sends is heard that much later, in the order sent.

Answers then come as late as they do from a server that is some way off, and dispatches keep their
order: an answer is made, and takes its place among them, when the request is heard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

MOST_ON_THE_WAY: Final = 256
"""Messages of one client that may be on the way at a time; more than it may send in a minute."""


class Line:
    """What one client sent and the gateway has not heard yet. latency_s: 0 for no delay.

    guard: calls what is heard, and deals with what it raises.
    """

    def __init__(self, latency_s: float, guard: Callable[[Callable[[], None]], None]) -> None:
        self._latency_s = latency_s
        self._guard = guard
        self._loop = asyncio.get_running_loop()
        self._on_the_way: deque[tuple[float, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._room.set()

    def send(self, heard: Callable[[], None]) -> None:
        """Let ``heard`` be called when the latency is over, after all that was sent before."""
        if not self._latency_s:
            self._guard(heard)
            return
        self._on_the_way.append((self._loop.time() + self._latency_s, heard))
        if len(self._on_the_way) >= MOST_ON_THE_WAY:
            self._room.clear()
        if self._timer is None:
            self._timer = self._loop.call_later(self._latency_s, self._arrive)

    async def room(self) -> None:
        """Wait until there is room for another message."""
        await self._room.wait()

    def hear_all(self) -> None:
        """Call all that is on the way now: the client has sent its last."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._hear(float("inf"))

    def _arrive(self) -> None:
        self._timer = None
        self._hear(self._loop.time())
        if self._on_the_way:
            self._timer = self._loop.call_at(self._on_the_way[0][0], self._arrive)

    def _hear(self, now: float) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= now:
            self._guard(self._on_the_way.popleft()[1])
        if len(self._on_the_way) < MOST_ON_THE_WAY:
            self._room.set()
