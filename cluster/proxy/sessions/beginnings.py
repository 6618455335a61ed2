"""Beginnings: what a session is told of each guild when it begins, from the cache, as fast as its
client takes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from cluster.cache.kinds import Keep
from cluster.cache.updates import updates
from cluster.discord.intents import Intents
from cluster.errors import ClusterError
from cluster.proxy.interfaces import Snapshot, Snapshots, Views
from cluster.proxy.sessions.intake import Subscribe
from cluster.proxy.sessions.member_counts import JOINS, MemberCounts
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.reading import Reading
from cluster.proxy.sessions.sent import Begun
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.turns import MOST_WAITING
from cluster.proxy.sessions.window import Window
from cluster.subscriber import Event

log = logging.getLogger(__name__)

SLICE_BYTES: Final = 128 * 1024
"""About so much is sent at a time."""
PATIENCE_SECONDS: Final = 10.0
"""How long the cache is waited for that has not come as far as the window."""
QUIET_SECONDS: Final = 1.5
"""A cache that has come no further for so long is waited for no more. Once a second it hears how
far the shards are."""
CACHED: Final = frozenset(updates(frozenset(Keep) - {Keep.USERS})) - {"MESSAGE_CREATE"}
"""Names of the events that may change what sessions are told of guilds; a message only changes
last_message_id."""
LOOK_SECONDS: Final = 0.02
FIRST_SECONDS: Final = 0.1
"""Between two looks whether the cache knows anything yet."""


class Beginnings:
    """Belongs to one event loop."""

    def __init__(
        self, subscribe: Subscribe, cache: Snapshots, views: Views,
        window: Callable[[], Window | None], clock: Callable[[], float],
    ) -> None:  # fmt: skip
        """clock: monotonic seconds."""
        self._subscribe = subscribe
        self._cache = cache
        self._views = views
        self._window = window
        self._clock = clock
        self._known: tuple[Positions, int, Positions] | None = None
        """What `positions` has returned last, and for what: many may begin at a time."""

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
                here = self.positions(snapshot)
            now = self._clock()
            if here.covers(head):
                return
            if here != before:
                before, changed = here, now
            if now - changed > QUIET_SECONDS or now - begun > PATIENCE_SECONDS:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def positions(self, snapshot: Snapshot) -> Positions:
        """Return how far a snapshot has come. The cache learns once a second how far the shards are
        of which it takes nothing; the window knows it at once."""
        saved, window = Positions.read(snapshot.position), self._window()
        if window is None:
            return saved
        if self._known is None or self._known[0] != saved or self._known[1] != window.head:
            self._known = saved, window.head, window.beyond(saved, CACHED)
        return self._known[2].copy()

    async def tell(self, session: ProxySession) -> None:
        """Send what is told of the guilds, from where the session is on. It is to be cancelled when
        the session has lost its connection."""
        start, done = session.positions, session.sent.at(session.seq).begun or 0
        counts = await self._counts(session, start)
        while done < len(session.guilds):
            outlet = session.outlet
            assert outlet is not None  # whoever detaches it cancels this
            while outlet.waiting > MOST_WAITING:
                session.has_room.clear()
                await session.has_room.wait()
            payloads, size = [], 0
            with self._cache.snapshot() as snapshot:
                here = Positions.read(snapshot.position)
                while done < len(session.guilds) and size < SLICE_BYTES:
                    guild = session.guilds[done]
                    joins = 0 if counts is None else counts.joins(guild, here)
                    told = self._views.told(session.identify, snapshot, guild, joins=joins)
                    done += 1
                    if told is not None:
                        payloads.append(session.say(*told, place=Begun(done)))
                        size += len(payloads[-1])
            if payloads:
                outlet.dispatch(payloads)
            await asyncio.sleep(0)
            if counts is not None and (window := self._window()) is not None:
                counts.look(window)

    async def _counts(self, session: ProxySession, start: Positions) -> MemberCounts | None:
        """Return which joins and leaves of members the session will be sent that the cache knows;
        None: it is sent none."""
        if not session.identify.intents & Intents.GUILD_MEMBERS:
            return None
        with self._cache.snapshot() as snapshot:
            here = Positions.read(snapshot.position)
        counts, begun = MemberCounts(start), self._clock()
        while (window := self._window()) is not None and counts.look(window):
            if counts.had.covers(here) or self._clock() - begun > QUIET_SECONDS:
                return counts
            await asyncio.sleep(LOOK_SECONDS)
        if not start.covers(here):
            await self._read_counts(counts, here, begun + PATIENCE_SECONDS)
        return counts

    async def _read_counts(self, counts: MemberCounts, upto: Positions, deadline: float) -> None:
        """Read from the journal what the window has no more."""
        start = counts.had
        try:
            async with (
                self._subscribe(start.plain(), events=tuple(JOINS)) as stream,
                Reading(stream) as reading,
            ):
                had = start.copy()
                while not counts.had.covers(upto) and await reading.some():
                    for item in reading.take():
                        if isinstance(item, Event):
                            counts.add(item)
                            had.add(item)
                    counts.had = reading.positions(had)
                    if self._clock() > deadline:
                        log.warning("member counts may be off: joins are read for too long")
                        return
        except ClusterError as error:
            log.warning("member counts may be off: %s", error)
