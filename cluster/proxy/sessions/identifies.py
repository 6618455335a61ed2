"""Identifies: makes the session of an IDENTIFY: one by itself, one in an older one's place, or the
heir of one that has no connection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final

from cluster.errors import ClusterError
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Beginning, Outlet, Snapshots, Views
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions.beginnings import Beginnings
from cluster.proxy.sessions.keeper import Inheritance, Keeper, place_of
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Sent, SentMark
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import State
from cluster.proxy.sessions.window import Window

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
"""How long a client may take to answer that one is asked whose place another may want: it may have
gone without a word, with its host's power or network."""
LOOK_SECONDS: Final = 0.02


class Identifies:
    """Belongs to one event loop."""

    def __init__(
        self, cache: Snapshots, views: Views, asked: Asked, beginnings: Beginnings, keeper: Keeper,
        sessions: Mapping[str, ProxySession], *, window: Callable[[], Window | None],
        let_go: Callable[[ProxySession], None], part: Callable[[ProxySession], None],
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        """sessions: all of this process. let_go: called with one that has an heir. part: called
        with one whose client has gone without a word. clock: monotonic seconds."""
        self._cache = cache
        self._views = views
        self._asked = asked
        self._beginnings = beginnings
        self._keeper = keeper
        self._sessions = sessions
        self._window = window
        self._let_go = let_go
        self._part = part
        self._clock = clock

    async def part_with_silent(self, identify: Identify) -> None:
        """Close the connections of this client, shard and intents whose client does not answer:
        it has gone without a word, and what it has not had is for the session that begins."""
        asked: dict[str, tuple[Outlet, int]] = {}
        for session in self._sessions.values():
            if session.outlet is not None and _can_follow(identify, session):
                session.outlet.request_heartbeat()
                asked[session.id] = session.outlet, session.outlet.waiting
        deadline = self._clock() + ANSWER_SECONDS
        while any(outlet.owes_heartbeat for outlet, _ in asked.values()):
            if self._clock() >= deadline:
                break
            await asyncio.sleep(LOOK_SECONDS)
        for session_id, (outlet, waiting) in asked.items():
            silent = self._sessions.get(session_id)
            if silent is None or silent.outlet is not outlet:
                continue
            if outlet.owes_heartbeat and outlet.waiting >= waiting:
                log.info("session %s: its client does not answer, and another is here", session_id)
                self._part(silent)

    async def make(
        self, session_id: str, identify: Identify, place: Positions | None
    ) -> ProxySession:
        """Return a session that begins, with its READY. place: what the one has been sent that is
        held for it. Refused."""
        if (window := self._window()) is not None:
            await self._beginnings.wait_for_cache(window.now.copy())
        while True:
            inherits = None
            if place is None:
                inherits = self._keeper.inheritance(identify, self._sessions)
            begun, here = self._begun(session_id, identify, inherits)
            start, predecessor = here, ""
            if place is not None:
                # What the cache does not know yet is sent once more: READY is without it.
                start = place.met(here)
            elif inherits is not None:
                predecessor = inherits.found.stored.id
                start = inherits.start.met(here)
            sent = Sent(SentMark(0, start, begun.view.state, begun=0))
            session = ProxySession(
                session_id, identify, self._views, self._asked, begun.view, sent,
                guilds=begun.guilds, predecessor=predecessor,
            )  # fmt: skip
            session.ready = begun.ready
            if self._keeper.add(session, inherits):
                if inherits is not None:
                    if (own := self._sessions.get(predecessor)) is not None:
                        self._let_go(own)
                    log.info("session %s goes on where %s has ended", session_id, predecessor)
                return session

    def _begun(
        self, session_id: str, identify: Identify, inherits: Inheritance | None
    ) -> tuple[Beginning, Positions]:
        before = b"" if inherits is None else inherits.found.stored.state
        try:
            with self._cache.snapshot() as snapshot:
                begun = self._views.begin(identify, session_id, snapshot, before=before)
                return begun, self._beginnings.positions(snapshot)
        except ClusterError as error:
            raise Refused(4000, "Not ready.", f"the cache can't be read: {error}") from error

    def had(self, session: ProxySession) -> Positions:
        """Return what a session has been sent; without a connection, what its client is known to
        have of that."""
        seq = session.acknowledged if session.outlet is None else session.seq
        where, mute = place_of(session.sent.at(seq), self._window())
        return where.joined(mute)


def _can_follow(identify: Identify, session: ProxySession) -> bool:
    """Return whether one that identifies so may be the heir of a session, if that has ended: one
    whose client has answered since it was told of its guilds."""
    if session.state not in (State.LIVE, State.CATCHING_UP) or session.acknowledged == 0:
        return False
    mine, other = identify, session.identify
    return (
        mine.client, mine.shard_id, mine.shard_count, mine.intents
    ) == (other.client, other.shard_id, other.shard_count, other.intents)  # fmt: skip
