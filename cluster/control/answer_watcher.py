"""One Subscriber for all who wait for events that answer a command."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from cluster.commands import Take
from cluster.errors import ClusterError
from cluster.subscriber import Event, Stalled, Subscriber


class AnswerWatcher:
    """Hands events to whoever waits for some. Its subscriber is open while anybody does."""

    def __init__(
        self, make: Callable[[], Awaitable[Subscriber]], check: Callable[[], Awaitable[None]]
    ) -> None:
        """check: asks whether the coordinator is there; ClusterError: it is not."""
        self._make = make
        self._check = check
        self._takes: list[Take] = []
        self._limits: list[asyncio.Timeout] = []
        """The timeouts of those who wait: they expire when no more events come."""
        self._opening = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._end: ClusterError | None = None
        """Why the last subscriber came to its end."""

    @asynccontextmanager
    async def watching(self, take: Take) -> AsyncIterator[None]:
        """From entering to leaving, `take` is called with every event. ClusterError: events can't
        be had, or not any more."""
        limit = asyncio.timeout(None)
        async with self._opening:
            if self._reading is None or self._reading.done():
                subscriber = await (await self._make()).__aenter__()
                self._reading = asyncio.create_task(self._read(subscriber), name="answers")
            self._takes.append(take)
            self._limits.append(limit)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired() and self._end is not None:
                raise copy.copy(self._end) from None
            raise
        finally:
            self._limits.remove(limit)
            self._takes.remove(take)
            if not self._takes and self._reading is not None:
                reading, self._reading = self._reading, None
                _cancel(reading)
                await asyncio.gather(reading, return_exceptions=True)

    def close(self, error: ClusterError) -> None:
        """Whoever waits is given this error."""
        if self._reading is not None:
            _cancel(self._reading)
        self._stop(error)

    def _stop(self, error: ClusterError) -> None:
        self._end = error
        for limit in self._limits:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())

    async def _read(self, subscriber: Subscriber) -> None:
        try:
            async for item in subscriber:
                if isinstance(item, Event):
                    for take in self._takes:
                        take(item.name, item.data)
                elif isinstance(item, Stalled):
                    await self._check()
        except ClusterError as error:
            self._stop(error)
        finally:
            await subscriber.__aexit__(None, None, None)


def _cancel(reading: asyncio.Task[None]) -> None:
    """Cancel it in the loop's next turn: one that has not begun would not close its subscriber."""
    loop = reading.get_loop()
    if not (reading.done() or loop.is_closed()):
        loop.call_soon(reading.cancel)
