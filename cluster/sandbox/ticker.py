"""The clock of the sandbox: steps the world at the chosen rate, lets sessions go on, flushes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cluster.sandbox.failures import Failures
from cluster.sandbox.sessions.connection import Connection
from cluster.sandbox.sessions.dispatcher import Dispatcher

if TYPE_CHECKING:
    from cluster.sandbox.world import World, WorldEvent

TICK_S: Final = 0.005
_SLICE: Final = 64
"""Events between two looks at the clock."""
_BUSY_S: Final = 0.02
"""Longest time that a tick generates before the event loop goes on."""
_CATCH_UP_S: Final = 0.5
"""How much traffic may be owed, and how much be ahead of its rate; what is owed longer is given up
and counted as shortfall."""


class Ticker:
    """Generates events and flushes connections, once a tick; sleeps while there is nothing to do.

    rate: world events a second that are asked for.
    """

    def __init__(
        self, world: World, dispatcher: Dispatcher, rate: float, failures: Failures
    ) -> None:
        self._world = world
        self._dispatcher = dispatcher
        self._failures = failures
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._dirty: list[Connection] = []
        self._credit = 0.0
        self._last = self._loop.time()
        self._recent: deque[tuple[float, int]] = deque()
        self._recent_count = 0
        self.generated = 0
        self.shortfall = 0
        self.rate = 0.0
        self.set_rate(rate)

    def set_rate(self, rate: float) -> None:
        self.rate = rate
        self._credit = 0.0
        self._last = self._loop.time()
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def mark_dirty(self, connection: Connection) -> None:
        self._dirty.append(connection)
        self._wake.set()

    def flush(self) -> None:
        """Send everything that is queued, now."""
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    @property
    def idle(self) -> bool:
        return not self.rate and not self._dirty and not self._dispatcher.busy

    def achieved(self) -> float:
        """Events a second over the last second or so."""
        self._forget(self._loop.time())
        return float(self._recent_count)

    async def run(self) -> None:
        while True:
            if self.idle:
                await self._wake.wait()
                self._last = self._loop.time()
            self._wake.clear()
            started = self._loop.time()
            self._failures.guard("traffic", self._generate)
            self._failures.guard("sessions", self._dispatcher.tick)
            self._failures.guard("sending", self.flush)
            spent = self._loop.time() - started
            await asyncio.sleep(max(0.0, TICK_S - spent))

    def _generate(self) -> None:
        if not self.rate:
            return
        now = self._loop.time()
        self._credit += (now - self._last) * self.rate
        self._last = now
        most = max(1.0, self.rate * _CATCH_UP_S)
        if self._credit > most:
            self.shortfall += int(self._credit - most)
            self._credit = most
        self._credit = max(self._credit, -most)  # of what a happening took beyond its slice
        before = self.generated
        try:
            while self._credit >= 1.0:
                self._slice(min(_SLICE, int(self._credit)))
                if self._loop.time() - now > _BUSY_S:
                    break
        finally:
            made = self.generated - before
            self._recent.append((now, made))
            self._recent_count += made
            self._forget(now)

    def _slice(self, count: int) -> None:
        self._dispatcher.publish(self._events(count))

    def _events(self, count: int) -> Iterator[WorldEvent]:
        """Make ``count`` events, and those that what has begun still lacks: a session that is shown
        a guild between two slices would be told twice of what is in it already."""
        while count > 0 or self._world.unfinished:
            count -= 1
            self._credit -= 1.0
            event = self._world.step()
            self.generated += 1
            yield event

    def _forget(self, now: float) -> None:
        recent = self._recent
        while recent and now - recent[0][0] > 1.0:
            self._recent_count -= recent.popleft()[1]

    @property
    def lag_s(self) -> float:
        """How far behind its rate the traffic is, in seconds."""
        return max(0.0, self._credit) / self.rate if self.rate else 0.0
