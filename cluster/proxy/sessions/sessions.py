"""ProxySessions: all sessions of one proxy process, from IDENTIFY to their end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Outlet, Session, Snapshots, Views
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions.attachment import Attachment
from cluster.proxy.sessions.beginnings import Beginnings
from cluster.proxy.sessions.intake import Counts, Intake, Subscribe
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Begun, Sent, SentMark
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State
from cluster.proxy.sessions.turns import Turns
from cluster.proxy.sessions.window import MAX_BYTES

log = logging.getLogger(__name__)


class ProxySessions:
    """An interfaces.Sessions. `run` reads the events, and has to run for as long as there are
    sessions. Belongs to one event loop."""

    def __init__(
        self, subscribe: Subscribe, cache: Snapshots, views: Views, asked: Asked, *,
        ready: Callable[[int, int], None] = lambda shard_id, shard_count: None,
        max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic,
        make_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:  # fmt: skip
        """subscribe: makes a Subscriber, of the cluster that the cache is of. ready: called with
        shard id and shard count when a shard of the cluster has begun a new session
        (Commands.shard_ready). max_bytes: what the window may hold. clock: monotonic seconds."""
        self.counts = Counts()
        self._cache = cache
        self._views = views
        self._asked = asked
        self._clock = clock
        self._make_id = make_id
        self._sessions: dict[str, ProxySession] = {}
        self._turns = Turns(self._sessions.values, self._settle, max_bytes)
        self._intake = Intake(subscribe, self._turns, self.counts, ready)
        self._beginnings = Beginnings(cache, views, clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By session id: what is under way for it."""

    async def run(self) -> None:
        """Read the events, until this is cancelled."""
        try:
            await self._intake.run(await self._beginnings.first_positions())
        finally:
            self._turns.close()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # -- what connections ask --------------------------------------------------------------------

    async def identify(self, outlet: Outlet, identify: Identify) -> Session:
        """See interfaces.Sessions."""
        if self._turns.window is not None:
            await self._beginnings.wait_for_cache(self._turns.window.now.copy())
        session_id = self._make_id()
        with self._cache.snapshot() as snapshot:
            begun = self._views.begin(identify, session_id, snapshot)
            start = Positions.read(snapshot.position)
        sent = Sent(SentMark(0, start, begun.view.state))
        session = ProxySession(
            session_id, identify, self._views, self._asked, begun.view, sent, guilds=begun.guilds
        )
        self._sessions[session_id] = session
        session.outlet = outlet
        outlet.dispatch([session.say("READY", begun.ready, place=Begun(0))])
        self._begin(session, 0)
        return Attachment(session, self._room, self._detach)

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> Session | None:
        """See interfaces.Sessions."""
        session = self._sessions.get(session_id)
        if session is None or session.identify.client != client or session.is_over:
            return None
        if seq > session.seq:
            raise Refused(4007, "Invalid seq.", f"RESUME after {seq}, of {session.seq}")
        if seq < session.acknowledged:
            log.warning("session %s: RESUME after %d, which is forgotten", session_id, seq)
            return None
        if (old := session.outlet) is not None:
            self._detach(session, False)
            old.close(4000, "Resumed by another connection.")
        session.outlet = outlet
        window = self._turns.window
        session.resuming_to = 1 if window is None else window.head
        back = session.go_back(seq)
        if back.begun is not None:
            self._begin(session, back.begun)
        else:
            self._settle(session)
        return Attachment(session, self._room, self._detach)

    def _room(self, session: ProxySession) -> None:
        session.has_room.set()
        self._turns.go_on(session)

    def _detach(self, session: ProxySession, over: bool) -> None:
        session.outlet = None
        session.is_over = over
        session.detached_at = self._clock()
        self._turns.leave(session)
        if (task := self._tasks.pop(session.id, None)) is not None:
            task.cancel()
        session.change(Change.DETACH)

    # -- what sessions do ------------------------------------------------------------------------

    def _begin(self, session: ProxySession, done: int) -> None:
        """Tell a session of its guilds, after so many of them, and then of what happens."""
        session.change(Change.BEGIN)
        self._do(session, self._tell(session, done))

    async def _tell(self, session: ProxySession, done: int) -> None:
        await self._beginnings.tell(session, done)
        session.mark(session.sent.marks[-1].where)
        self._settle(session)

    def _settle(self, session: ProxySession) -> None:
        """Let a session with a connection go on where it is: in the window, or before it."""
        mark = session.sent.marks[-1]
        window = self._turns.window
        if isinstance(mark.where, Positions):
            g = None if window is None else window.join(mark.where)
            if g is None:
                return
            session.join(g, mark.where)
        session.change(Change.JOIN)
        self._turns.join(session)

    def _do(self, session: ProxySession, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[session.id] = task
        task.add_done_callback(lambda task: self._done(session, task))

    def _done(self, session: ProxySession, task: asyncio.Task[None]) -> None:
        if self._tasks.get(session.id) is task:
            del self._tasks[session.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("session %s can't go on", session.id, exc_info=error)
            if session.outlet is not None:
                session.outlet.close(4000, "Unknown error.")

    def count_by_state(self) -> dict[State, int]:
        """Return how many sessions are in each state."""
        states = [session.state for session in self._sessions.values()]
        return {state: states.count(state) for state in State}
