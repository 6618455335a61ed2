"""CatchUps: sessions whose place the window has no more read the journal, each by a Subscriber of
its own, as fast as their clients take it, until they are back in the window."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cluster.errors import ClusterError
from cluster.proxy.entry import Entry, gap_entry
from cluster.proxy.interfaces import Outlet
from cluster.proxy.sessions.intake import Counts, Stream, Subscribe
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.reading import Reading
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.turns import MOST_WAITING
from cluster.subscriber import Event, Gap, Item
from cluster.wire.states import GapReason

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Subscribers that read at a time; other sessions wait for their turn."""
MAX_BYTES: Final = 4 * 1024 * 1024
"""What one of them may keep in memory."""
AGAIN_SECONDS: Final = 1.0
PATIENCE_SECONDS: Final = 2.0
"""How long a client may take nothing while another session may wait for its Subscriber's place."""

LOST: Final = frozenset(
    (GapReason.GONE, GapReason.NO_REPLAY, GapReason.OTHER_STORE, GapReason.AHEAD)
)
"""Why journals do not reach back so far. Of the others a session that has all of them is told, too:
nobody ever had those events."""

Join = Callable[[ProxySession, Positions], bool]


class _OutOfReach(Exception):
    """The journals do not reach back to where a session is resumed."""


class CatchUps:
    """Belongs to one event loop."""

    def __init__(
        self, subscribe: Subscribe, counts: Counts, join: Join,
        give_up: Callable[[ProxySession], None],
    ) -> None:  # fmt: skip
        """join: lets a session go on in the window that has come so far; False: it can't. give_up:
        called with one that can't be resumed, since the journals do not reach back so far."""
        self._subscribe = subscribe
        self._counts = counts
        self._join = join
        self._give_up = give_up
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self, session: ProxySession) -> None:
        """Send a session what it has not had, until it is in the window. It is to be cancelled
        when the session has lost its connection."""
        while True:
            await _room(session)
            async with self._slots:
                had = session.positions
                if self._join(session, had):
                    return
                try:
                    async with self._subscribe(had.plain(), max_bytes=MAX_BYTES) as stream:
                        if await self._read(session, stream, had.copy()):
                            return
                except TimeoutError:
                    continue  # its client takes nothing: others may use the slot
                except _OutOfReach:
                    self._give_up(session)
                    return
                except ClusterError as error:
                    log.warning("session %s: %s; subscribing again", session.id, error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _read(self, session: ProxySession, stream: Stream, had: Positions) -> bool:
        """Return whether the session is in the window; False: the stream has ended. TimeoutError:
        the client takes nothing."""
        async with Reading(stream) as reading:
            while await reading.some():
                async with asyncio.timeout(PATIENCE_SECONDS):
                    outlet = await _room(session)
                payloads: list[bytes] = []
                items = reading.take()
                for item in items:
                    payloads += self._taken(session, item, had)
                if items:
                    session.mark(reading.positions(had))
                if payloads:
                    outlet.dispatch(payloads)
                if self._join(session, reading.positions(had)):
                    return True
        return False

    def _taken(self, session: ProxySession, item: Item, had: Positions) -> list[bytes]:
        if isinstance(item, Event):
            payloads = session.take_read(Entry(item))
            had.add(item)
            return payloads
        if isinstance(item, Gap):
            self._counts.gap(item, f"session {session.id}")
            if session.resuming_to and item.reason in LOST:
                raise _OutOfReach
            return session.take_read(gap_entry(item.shard_count, item.shard_id, item.epoch))
        return []


async def _room(session: ProxySession) -> Outlet:
    """Wait until a session's client has taken what waits. Return its connection."""
    outlet = session.outlet
    assert outlet is not None  # whoever detaches it cancels this
    while outlet.waiting > MOST_WAITING:
        session.has_room.clear()
        await session.has_room.wait()
    return outlet
