"""Beginnings: what a session is told of each guild when it begins, from the cache, as fast as its
client takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from cluster.proxy.interfaces import Snapshots, Views
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Begun
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.turns import MOST_WAITING

SLICE_BYTES: Final = 128 * 1024
"""About so much is sent at a time."""
PATIENCE_SECONDS: Final = 10.0
"""How long the cache is waited for that has not come as far as the window."""
QUIET_SECONDS: Final = 1.0
"""A cache that has come no further for so long is waited for no more."""
LOOK_SECONDS: Final = 0.02
FIRST_SECONDS: Final = 0.1
"""Between two looks whether the cache knows anything yet."""


class Beginnings:
    """Belongs to one event loop."""

    def __init__(self, cache: Snapshots, views: Views, clock: Callable[[], float]) -> None:
        self._cache = cache
        self._views = views
        self._clock = clock

    async def first_positions(self) -> Positions:
        """Return how far the cache has come, once it knows anything."""
        while True:
            with self._cache.snapshot() as snapshot:
                here = Positions.read(snapshot.position)
            if here.store:
                return here
            await asyncio.sleep(FIRST_SECONDS)

    async def wait_for_cache(self, head: Positions) -> None:
        """Wait until the cache has come as far as this, or comes no further."""
        begun = changed = self._clock()
        before: Positions | None = None
        while True:
            with self._cache.snapshot() as snapshot:
                here = Positions.read(snapshot.position)
            now = self._clock()
            if here.covers(head):
                return
            if here != before:
                before, changed = here, now
            if now - changed > QUIET_SECONDS or now - begun > PATIENCE_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def tell(self, session: ProxySession, done: int) -> None:
        """Send what is told of the guilds, after so many of them. It is to be cancelled when the
        session has lost its connection."""
        while done < len(session.guilds):
            outlet = session.outlet
            assert outlet is not None  # whoever detaches it cancels this
            while outlet.waiting > MOST_WAITING:
                session.has_room.clear()
                await session.has_room.wait()
            payloads, size = [], 0
            with self._cache.snapshot() as snapshot:
                while done < len(session.guilds) and size < SLICE_BYTES:
                    told = self._views.told(session.identify, snapshot, session.guilds[done])
                    done += 1
                    if told is not None:
                        payloads.append(session.say(*told, place=Begun(done)))
                        size += len(payloads[-1])
            if payloads:
                outlet.dispatch(payloads)
            await asyncio.sleep(0)
