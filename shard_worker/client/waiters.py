"""Who waits for a client's session: until it is ready, or for an answer that comes as events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cluster.errors import ClusterError
from shard_worker.client.errors import closed


class SessionWaiters:
    """The waiting tasks of one session. Used on the running event loop."""

    def __init__(self) -> None:
        self._for_ready: list[asyncio.Future[None]] = []
        self._for_answers: list[asyncio.Timeout] = []
        self._end: Callable[[], ClusterError] = closed
        """Makes the error that the session last ended with."""

    async def ready(self) -> None:
        """Wait for `settle`. Raises what `end` makes, where that comes first."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._for_ready.append(waiter)
        try:
            await waiter
        finally:
            self._for_ready.remove(waiter)

    @asynccontextmanager
    async def answer(self) -> AsyncIterator[None]:
        """Entered while an answer is awaited. Raises what `end` makes, where that comes first."""
        limit = asyncio.timeout(None)
        self._for_answers.append(limit)
        try:
            async with limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise self._end() from None
            raise
        finally:
            self._for_answers.remove(limit)

    def settle(self) -> None:
        """The session is ready."""
        for waiter in self._for_ready:
            if not waiter.done():
                waiter.set_result(None)

    def end(self, error: Callable[[], ClusterError]) -> None:
        """Nothing more comes of the session; each waiter gets an error of its own."""
        for waiter in self._for_ready:
            if not waiter.done():
                waiter.set_exception(error())
        self._end = error
        for limit in self._for_answers:
            if not limit.expired():
                limit.reschedule(asyncio.get_running_loop().time())
