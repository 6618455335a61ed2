"""Takes in what a Subscriber yields, and writes it: one transaction for what a turn has brought.

While nothing comes that changes the cache, the position goes on being saved, since other events
move it, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterable, Callable
from typing import Any, Final, Protocol

from cluster.cache.errors import CacheFullError
from cluster.cache.store import Store
from cluster.subscriber import Event, Gap, Item

log = logging.getLogger(__name__)

MOST_ITEMS: Final = 4096
"""Items of one transaction."""
REST: Final = 3.0
"""A transaction is followed by so many times as long without one, in which what comes gathers."""
SHORTEST_REST_S: Final = 0.01
LONGEST_REST_S: Final = 0.25
IDLE_S: Final = 0.1
"""How often the position is looked at while nothing comes."""
FULL_S: Final = 10.0
"""When a full cache tries again."""


class Stream(AsyncIterable[Item], Protocol):
    """What items come from: a Subscriber."""

    @property
    def position(self) -> dict[str, Any]:
        """How far all was handled, without the item at hand."""


class Intake:
    """Fills one cache from one Subscriber."""

    def __init__(
        self, store: Store, stream: Stream, *,
        clock: Callable[[], float] = time.monotonic,
        unix_ns: Callable[[], int] = time.time_ns,
        most_items: int = MOST_ITEMS,
    ) -> None:  # fmt: skip
        """clock: monotonic seconds. unix_ns: Unix time."""
        self.events = 0
        """Events that were written."""
        self.transactions = 0
        self.gaps = 0
        self.full: CacheFullError | None = None
        """Why nothing is taken in; None: it is."""
        self._store = store
        self._stream = stream
        self._clock = clock
        self._unix_ns = unix_ns
        self._most_items = most_items
        self._items: list[Event | Gap] = []
        """What came since the last transaction."""
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._saved: dict[str, Any] | None = None

    async def read(self) -> None:
        """Take what comes until the stream ends or fails, beside `write`."""
        async for item in self._stream:
            await self._take(item)

    async def write(self) -> None:
        """Write whenever something has come and the stream waits for more, until cancelled. What is
        not written then is not in the saved position either, and comes again. Raises what the store
        does."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_S):
                    await self._arrived.wait()
            self._arrived.clear()
            began = self._clock()
            self.flush()
            rest_s = max(SHORTEST_REST_S, min(REST * (self._clock() - began), LONGEST_REST_S))
            await asyncio.sleep(FULL_S if self.full else rest_s)

    async def _take(self, item: Item) -> None:
        # The position is without the item at hand: it must not be among those that are written.
        while len(self._items) >= self._most_items:
            await self._room.wait()
            self.flush()
        if isinstance(item, Event | Gap):
            self._items.append(item)
            self._arrived.set()

    def flush(self) -> None:
        """Write what came, and how far that is. Not to be called while `read` has an item at hand
        that is among what came. Raises what the store does, but CacheFullError, which is noted."""
        now = self._stream.position
        # Before it has joined it knows of no shard, and what is saved is further.
        position = now if now["shards"] else self._saved
        if not self._items and position == self._saved:
            return
        try:
            with self._store.turn() as turn:
                doubted = []
                for item in self._items:
                    if isinstance(item, Event):
                        turn.apply(item)
                    else:
                        count = turn.doubt(item.shard_id, item.shard_count, self._unix_ns())
                        doubted.append((item, count))
                turn.position = position
        except CacheFullError as error:
            if self.full is None:
                log.error("%s", error)
            self.full = error
            self._room.clear()
            return
        if self.full is not None:
            log.info("the cache has room again")
            self.full = None
        self._room.set()
        self.transactions += 1
        self.events += len(self._items) - len(doubted)
        self.gaps += len(doubted)
        self._items, self._saved = [], position
        for gap, count in doubted:
            _tell(gap, count)


def _tell(gap: Gap, guilds: int) -> None:
    shard = "all shards" if gap.shard_id == -1 else f"shard {gap.shard_id} of {gap.shard_count}"
    log.warning(
        "events of %s were missed (%s, epoch %d from %d on); guilds that are of unknown age until "
        "their next GUILD_CREATE: %d",
        shard, gap.reason, gap.epoch, gap.first, guilds,
    )  # fmt: skip
