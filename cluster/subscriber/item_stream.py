"""ItemStream: gives what a subscriber's queue holds to the one task that reads it, from the moment
that the subscriber is entered until it is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from enum import Enum, auto

from cluster.errors import ClientClosedError, ClusterError
from cluster.loops import check_loop
from cluster.subscriber.arrival import Arrival
from cluster.subscriber.delivery_queue import DeliveryQueue
from cluster.subscriber.items import Item


class _Stage(Enum):
    """How far the life of a subscriber is."""

    NEW = auto()
    ENTERED = auto()
    LEFT = auto()


class ItemStream:
    """Nobody waits here for what will never come: who reads a subscriber that was left, or was
    never entered, is told so, and who waits when it is left comes to an end."""

    def __init__(self, queue: DeliveryQueue, plenty: int) -> None:
        """plenty: bytes of the queue below which there is room for more."""
        self.arrived = Arrival()
        """Set when something was queued, or there is another reason to look."""
        self.refusal: ClusterError | None = None
        """Why nothing more will come; None: it may."""
        self.read_on: Callable[[], None] = _nothing
        """Called when there is room for more in the queue."""
        self._queue = queue
        self._plenty = plenty
        self._stage = _Stage.NEW
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop that it was entered on."""
        self._awaited = False
        """A task waits for the next item."""

    def enter(self) -> None:
        """Begin. ClusterError: it began before."""
        if self._stage is not _Stage.NEW:
            raise ClusterError("the Subscriber was entered before", "make another one")
        self._stage = _Stage.ENTERED
        self._loop = asyncio.get_running_loop()

    def leave(self) -> bool:
        """End: who waits is told. Return whether there is anything to end. ClusterError: it is
        another event loop's."""
        if self._stage is not _Stage.ENTERED:
            return False
        self._check_loop()
        self._stage = _Stage.LEFT
        self.arrived.set()
        return True

    async def next(self) -> Item:
        """Return the next item. StopAsyncIteration: it was left meanwhile."""
        self._check_entered()
        while (item := self._next()) is None:
            if not await self._more():
                raise StopAsyncIteration
        return item

    async def each(self) -> AsyncIterator[Item]:
        """Yield the items as they come. As a generator it costs a third of a call of ``next``
        each."""
        self._check_entered()
        queue = self._queue
        while True:
            while (item := self._next()) is None:
                if not await self._more():
                    return
            yield item
            run = queue.run
            for index, event in enumerate(run[queue.next_index :], queue.next_index):
                if queue.next_index != index or queue.run is not run:
                    break  # somebody else has taken some meanwhile, or it was left
                queue.next_index = index + 1
                yield event

    def _next(self) -> Item | None:
        """Return the next item; None: there is nothing yet, and ``arrived`` will tell. Raises the
        refusal."""
        item = self._queue.next()
        if self._queue.bytes < self._plenty:
            self.read_on()
        if item is None:
            if self.refusal is not None:
                raise self.refusal
            self.arrived.is_set = False
        return item

    async def _more(self) -> bool:
        """Wait until something has come. False: nothing will, since the subscriber was left."""
        if self._stage is _Stage.LEFT:
            return False
        if self._awaited:
            raise ClusterError(
                "two tasks read one Subscriber at once",
                "read it in one, which hands on what others are to handle (asyncio.Queue)",
            )
        self._awaited = True
        try:
            await self.arrived
        finally:
            self._awaited = False
        return True

    def _check_entered(self) -> None:
        if self._stage is _Stage.NEW:
            raise ClusterError(
                "the Subscriber was not entered", "read it within `async with Subscriber(...)`"
            )
        if self._stage is _Stage.LEFT:
            raise ClientClosedError("the Subscriber was left", "make another one, and enter it")
        self._check_loop()

    def _check_loop(self) -> None:
        if self._loop is not None:
            check_loop(self._loop, "the Subscriber")


def _nothing() -> None:
    """Do nothing: there is no reader yet."""
