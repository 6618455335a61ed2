"""ProxySessions: all sessions of one proxy process, from IDENTIFY to their end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import reduce
from typing import Any, Final, Literal

from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Outlet, Session, Snapshots, Views
from cluster.proxy.sessions.attachment import Attachment
from cluster.proxy.sessions.beginnings import Beginnings
from cluster.proxy.sessions.catch_ups import CatchUps
from cluster.proxy.sessions.identifies import Identifies
from cluster.proxy.sessions.intake import Counts, Intake, Subscribe
from cluster.proxy.sessions.keeper import MOST_AT_ONCE, Keeper, restored
from cluster.proxy.sessions.overlaps import Overlaps
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Begun
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State
from cluster.proxy.sessions.store import Found, SessionStore
from cluster.proxy.sessions.takeovers import Takeovers
from cluster.proxy.sessions.turns import Turns
from cluster.proxy.sessions.window import MAX_BYTES

log = logging.getLogger(__name__)

UPKEEP_SECONDS: Final = 1.0
"""How often sessions are stored that have changed."""
SELDOM: Final = 10
"""Every so many times those are stored, too, that have only moved on, and the store is looked
through."""
TRIES: Final = 10
"""How often it is tried to take a session from the store, where that fails."""
AGAIN_SECONDS: Final = 0.2
REST_LOOK_SECONDS: Final = 0.02
HEARTBEAT_SECONDS: Final = 2.0
"""How often a client is asked for a heartbeat that has not acknowledged everything: what it has
not comes to its heir a second time, or to itself after this process was killed."""


class ProxySessions:
    """An interfaces.Sessions. `run` reads the events, and has to run for as long as there are
    sessions. Belongs to one event loop."""

    def __init__(
        self, subscribe: Subscribe, cache: Snapshots, views: Views, asked: Asked,
        store: SessionStore, *, keep_seconds: float = 3600.0,
        overlap: Literal["each", "newest"] = "each",
        ready: Callable[[int, int], None] = lambda shard_id, shard_count: None,
        max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
        make_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:  # fmt: skip
        """subscribe: makes a Subscriber, of the cluster that the cache is of. store: this process's
        end of what the processes of the host share; it is closed with `run`. keep_seconds: how long
        a session without a client is kept. overlap: "newest": only the newest session of a client
        and shard gets events. ready: called with shard id and shard count when a shard of the
        cluster has begun a new session (Commands.shard_ready). max_bytes: what the window may hold.
        clock: monotonic seconds. now_ns: Unix time."""
        self.counts = Counts()
        self._cache = cache
        self._views = views
        self._asked = asked
        self._takes_over = overlap == "newest"
        self._clock = clock
        self._make_id = make_id
        self._sessions: dict[str, ProxySession] = {}
        self._turns = Turns(self._sessions.values, self._catch_up, max_bytes)
        self._intake = Intake(subscribe, self._turns, self.counts, ready)
        self._keeper = Keeper(
            store, lambda: self._turns.window, now_ns, int(keep_seconds * 1e9)
        )  # fmt: skip
        self._beginnings = Beginnings(
            subscribe, cache, views, lambda: self._turns.window, clock
        )  # fmt: skip
        self._catch_ups = CatchUps(subscribe, self.counts, self._join, self._give_up)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By session id: what is under way for it."""
        self._under_way: set[asyncio.Task[None]] = set()
        """The same, and what was cancelled and has not ended yet."""
        self._overlaps = Overlaps(
            self._sessions, stop=self._stop, go_on=self._go_on, end=self._end,
            replaced=self._replaced,
        )  # fmt: skip
        self._identifies = Identifies(
            cache, views, asked, self._beginnings, self._keeper, self._sessions,
            window=lambda: self._turns.window, let_go=self._let_go,
            part=self._part, clock=clock,
        )  # fmt: skip
        self._takeovers = Takeovers(
            store.holds, self._overlaps, self._sessions, had=self._identifies.had,
            is_alive=store.is_alive, clock=clock,
        )  # fmt: skip

    async def run(self) -> None:
        """Read the events, until this is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upkeep())
                if self._takes_over:
                    group.create_task(self._takeovers.run())
                start = await self._beginnings.first_positions()
                await self._intake.run(self._keeper.reaching_back(start))
        finally:
            self._turns.close()
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            for number in range(0, len(self._sessions), MOST_AT_ONCE):
                self._keeper.write(list(self._sessions.values())[number : number + MOST_AT_ONCE])
            self._keeper.close()

    async def rest(self, seconds: float) -> None:
        """Send nothing more to those that are LIVE, and wait until they have said how far they have
        got, for so long at most: whoever goes on with them then sends nothing twice."""
        self._turns.resting = True
        until = self._clock() + seconds
        waiting = [one for one in self._sessions.values() if one.state is State.LIVE]
        for session in waiting:
            if session.outlet is not None and session.acknowledged < session.seq:
                session.outlet.request_heartbeat()
        while self._clock() < until:
            waiting = [one for one in waiting if one.outlet and one.acknowledged < one.seq]
            if not waiting:
                break
            await asyncio.sleep(REST_LOOK_SECONDS)

    def count_by_state(self) -> dict[State, int]:
        """Return how many sessions are in each state."""
        states = [session.state for session in self._sessions.values()]
        return {state: states.count(state) for state in State}

    # -- IDENTIFY --------------------------------------------------------------------------------

    async def identify(self, outlet: Outlet, identify: Identify) -> Session:
        """See interfaces.Sessions."""
        session_id = self._make_id()
        await self._identifies.part_with_silent(identify)
        try:
            place = await self._place(session_id, identify) if self._takes_over else None
            session = await self._identifies.make(session_id, identify, place)
        except BaseException:
            self._release(session_id)
            raise
        self._sessions[session_id] = session
        session.outlet = outlet
        outlet.dispatch([session.say("READY", session.ready, place=Begun(0))])
        session.ready = b""
        self._begin(session)
        return Attachment(session, self._room, self._detach)

    async def _place(self, session_id: str, identify: Identify) -> Positions | None:
        """Return what an older session has been sent that is held from now on, so that this one
        takes its place; None: there is none."""
        older = self._overlaps.hold(session_id, identify)
        if not older:
            return await self._takeovers.ask(session_id, identify)
        return self._all_had(older)

    def _all_had(self, sessions: Sequence[ProxySession]) -> Positions:
        """Return what each of these has been sent."""
        first, *others = map(self._identifies.had, sessions)
        return reduce(Positions.met, others, first)

    def _release(self, session_id: str) -> None:
        self._overlaps.release(session_id)
        self._takeovers.release(session_id)

    # -- RESUME ----------------------------------------------------------------------------------

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> Session | None:
        """See interfaces.Sessions."""
        session = await self._taken(session_id, seq, client)
        if session is None:
            return None
        if (old := session.outlet) is not None:
            self._stop(session)
            session.change(Change.DETACH)
            old.close(4000, "Resumed by another connection.")
        session.outlet = outlet
        session.detached_ns = 0
        window = self._turns.window
        session.resuming_to = 1 if window is None else window.head
        session.go_back(seq)
        self._go_on(session)
        self._overlaps.resumed(session)
        return Attachment(session, self._room, self._detach)

    async def _taken(self, session_id: str, seq: int, client: str) -> ProxySession | None:
        """Return the session that a client resumes; None: it can't be gone on with. Refused."""
        for _ in range(TRIES):
            try:
                return self._taken_by(self._keeper.take, session_id, seq, client)
            except sqlite3.Error:
                await asyncio.sleep(AGAIN_SECONDS)
        return self._taken_by(self._keeper.read, session_id, seq, client)

    def _taken_by(
        self, take: Callable[[str, str, int], Found | None], session_id: str, seq: int, client: str
    ) -> ProxySession | None:
        """Return the same. sqlite3.Error: it could not be taken from the store."""
        session = self._sessions.get(session_id)
        if seq < 1:
            return None  # who has not got READY knows no session
        if session is not None:
            if session.identify.client != client or session.is_over:
                return None
            if session.state is State.REPLACED:
                return None
            if seq < session.acknowledged:
                log.warning("session %s: what came after %d is forgotten", session_id, seq)
                return None
            if not session.is_stored:
                session.acknowledge(seq)  # no other process can have it
                return session
        try:
            found = take(session_id, client, seq)
        except sqlite3.Error:
            if session is None:
                raise
            session.acknowledge(seq)
            return session
        if found is not None and session is not None and self._keeper.is_own(found):
            if seq > session.seq:
                self._keeper.write([session])  # it was not taken
            session.acknowledge(seq)
            return session
        if session is not None:
            self._let_go(session)  # another process has ended it, or had it meanwhile
        if found is None:
            return None
        try:
            session = restored(found.stored, seq, self._views, self._asked)
        except ValueError as error:
            log.error("session %s can't be gone on with: %s", session_id, error)
            self._keeper.remove([session_id])
            return None
        session.is_stored = take == self._keeper.take
        self._sessions[session_id] = session
        return session

    # -- connections -----------------------------------------------------------------------------

    def _room(self, session: ProxySession) -> None:
        session.has_room.set()
        self._turns.go_on(session)

    def _detach(self, session: ProxySession, over: bool) -> None:
        session.is_over = over
        # The older one goes on, so this one can't.
        gives_up = self._overlaps.holds(session.id) or self._takeovers.holds(session.id)
        self._lose_connection(session)
        if gives_up or session.state is State.ENDED:
            self._end(session)
        elif self._keeper.detached(session):
            self._let_go(session)

    def _part(self, session: ProxySession) -> None:
        """Close a connection whose client does not answer."""
        self._close(session, over=False)

    def _give_up(self, session: ProxySession) -> None:
        """Close a connection whose client can't resume, and has to begin anew: its next RESUME is
        refused, and the session that it begins then is the heir of this one."""
        log.warning("session %s can't be gone on with: the journals do not reach it", session.id)
        self._close(session, over=True)

    def _close(self, session: ProxySession, *, over: bool) -> None:
        outlet = session.outlet
        self._detach(session, over)
        if outlet is not None:
            outlet.close(4009, "Session timed out.")

    def _lose_connection(self, session: ProxySession) -> None:
        self._stop(session)
        session.outlet = None
        session.change(Change.DETACH)
        self._release(session.id)

    def _stop(self, session: ProxySession) -> None:
        """Send a session nothing more."""
        self._turns.leave(session)
        if (task := self._tasks.pop(session.id, None)) is not None:
            task.cancel()

    def _let_go(self, session: ProxySession) -> None:
        """Another process goes on with a session, or an heir: nothing more is sent here."""
        if (outlet := session.outlet) is not None:
            self._lose_connection(session)
            outlet.close(4000, "Resumed by another connection.")
        if self._sessions.pop(session.id, None) is not None:
            session.change(Change.END)

    def _end(self, session: ProxySession) -> None:
        """End a session without a connection."""
        self._let_go(session)
        self._forget(session)

    def _replaced(self, session: ProxySession) -> None:
        """Another session is in this one's place, and in that which it may have asked for."""
        self._forget(session)
        self._takeovers.replace(session.id)

    def _forget(self, session: ProxySession) -> None:
        """Nobody goes on with a session."""
        self._keeper.remove([session.id])
        session.is_stored = False

    # -- what sessions do ------------------------------------------------------------------------

    def _begin(self, session: ProxySession) -> None:
        """Tell a session of its guilds, as far as it was not, and then of what happens."""
        session.change(Change.BEGIN)
        self._do(session, self._tell(session))

    async def _tell(self, session: ProxySession) -> None:
        await self._beginnings.tell(session)
        # One that was held may have lost its connection since, with what was under way there.
        held = map(self._identifies.had, self._overlaps.held(session.id))
        session.mark(reduce(Positions.met, held, session.positions))
        self._overlaps.replace(session.id)
        self._takeovers.replace(session.id)
        self._settle(session)

    def _go_on(self, session: ProxySession) -> None:
        """Let a session with a connection go on where it has gone back to."""
        if session.sent.at(session.seq).begun is not None:
            self._begin(session)
        else:
            self._settle(session)

    def _settle(self, session: ProxySession) -> None:
        """Let a session with a connection go on where it is: in the window, or before it."""
        if isinstance(session.sent.marks[-1].where, int):
            session.change(Change.JOIN)
            self._turns.join(session)
        elif not self._join(session, session.positions):
            session.change(Change.FALL_BEHIND)
            self._catch_up(session)

    def _join(self, session: ProxySession, positions: Positions) -> bool:
        """Let a session that has come so far go on in the window; False: it can't."""
        window = self._turns.window
        g = None if window is None else window.join(positions)
        if g is None:
            return False
        session.join(g, positions)
        session.change(Change.JOIN)
        self._turns.join(session)
        return True

    def _catch_up(self, session: ProxySession) -> None:
        log.info("session %s reads the journal", session.id)
        self._do(session, self._catch_ups.run(session))

    def _do(self, session: ProxySession, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[session.id] = task
        self._under_way.add(task)
        task.add_done_callback(lambda task: self._done(session, task))

    def _done(self, session: ProxySession, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._tasks.get(session.id) is task:
            del self._tasks[session.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("session %s can't go on", session.id, exc_info=error)
            if session.outlet is not None:
                session.outlet.close(4000, "Unknown error.")

    # -- upkeep ----------------------------------------------------------------------------------

    async def _upkeep(self) -> None:
        number = 0
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            number += 1
            seldom = number % SELDOM == 0
            due = [
                session
                for session in self._sessions.values()
                if (session.changed or (session.moved and seldom))
                and session.state is not State.REPLACED
            ]
            due.sort(key=lambda session: session.cursor)
            for start in range(0, len(due), MOST_AT_ONCE):
                # Some may have ended while others were written.
                some = [s for s in due[start : start + MOST_AT_ONCE] if s.id in self._sessions]
                for session_id in self._keeper.write(some):
                    self._let_go(self._sessions[session_id])
                await asyncio.sleep(0)
            self._ask_for_heartbeats()
            if seldom and (own := self._keeper.expire()) is not None:
                for session in list(self._sessions.values()):
                    if session.id not in own and session.is_stored:
                        self._let_go(session)

    def _ask_for_heartbeats(self) -> None:
        now = self._clock()
        for session in self._sessions.values():
            outlet = session.outlet
            if outlet is None or session.acknowledged == session.seq:
                continue
            if now - session.asked_at >= HEARTBEAT_SECONDS:
                session.asked_at = now
                outlet.request_heartbeat()
