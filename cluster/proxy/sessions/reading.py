"""Reading: what a Subscriber gives, some items at a time, and how far it has come with them."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

from cluster.proxy.sessions.intake import Stream
from cluster.proxy.sessions.positions import Positions
from cluster.subscriber import Event, Item

MOST_HELD: Final = 256
"""Items that are taken from it at a time."""
LOOK_SECONDS: Final = 0.1
"""After so long `some` returns, though nothing has come."""


class Reading:
    """An async context manager. It reads as far ahead as what is taken at a time."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._items: list[Item] = []
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._last: Event | None = None
        self._is_full = False
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(lambda _: self._some.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def some(self) -> bool:
        """Wait until there is an item, or for a moment. False: there will be no more, since the
        stream has ended. Raises what it ended with."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):  # wait_for may swallow a cancellation
                await self._some.wait()
        assert self._task is not None
        if self._task.done() and not self._items:
            self._task.result()
            return False
        return True

    def take(self) -> list[Item]:
        """Return what has come since the last call."""
        items, self._items = self._items, []
        self._some.clear()
        self._room.set()
        return items

    def positions(self, had: Positions) -> Positions:
        """Return how far the stream has come, once all that was taken was handled, and before
        anything is waited for. had: the same, by its events alone."""
        if self._is_full:
            return had.copy()  # there is more at hand, and what the stream knows may be in it
        found = Positions.read(self._stream.position)
        if self._last is not None:
            found.reach(self._last)  # it counts as handled there once the next is asked for
        return found.joined(had) if found.store == had.store else had.copy()

    async def _run(self) -> None:
        async for item in self._stream:
            self._items.append(item)
            self._some.set()
            if isinstance(item, Event):
                self._last = item
            if len(self._items) >= MOST_HELD:
                self._is_full = True
                self._room.clear()
                await self._room.wait()
                self._is_full = False
