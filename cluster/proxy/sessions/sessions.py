"""ProxySessions: all sessions of one proxy process, from IDENTIFY to their end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal

from cluster.errors import ClusterError
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Beginning, Outlet, Session, Snapshots, Views
from cluster.proxy.refusal import Refused
from cluster.proxy.sessions.attachment import Attachment
from cluster.proxy.sessions.beginnings import Beginnings
from cluster.proxy.sessions.catch_ups import CatchUps
from cluster.proxy.sessions.intake import Counts, Intake, Subscribe
from cluster.proxy.sessions.keeper import MOST_AT_ONCE, Inheritance, Keeper, place_of, restored
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Begun, Sent, SentMark
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State
from cluster.proxy.sessions.store import SessionStore
from cluster.proxy.sessions.turns import Turns
from cluster.proxy.sessions.window import MAX_BYTES

log = logging.getLogger(__name__)

UPKEEP_SECONDS: Final = 1.0
"""How often sessions are stored that have changed."""
SELDOM: Final = 10
"""Every so many times those are stored, too, that have only moved on, and the store is looked
through."""
ANSWER_SECONDS: Final = 5.0
"""How long a client may take to answer that one is asked whose place another may want: it may have
gone without a word, with its host's power or network."""
LOOK_SECONDS: Final = 0.02
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
        self._keep_seconds = keep_seconds
        self._takes_over = overlap == "newest"
        self._clock = clock
        self._make_id = make_id
        self._sessions: dict[str, ProxySession] = {}
        self._turns = Turns(self._sessions.values, self._catch_up, max_bytes)
        self._intake = Intake(subscribe, self._turns, self.counts, ready)
        self._keeper = Keeper(store, lambda: self._turns.window, now_ns)
        self._beginnings = Beginnings(
            subscribe, cache, views, lambda: self._turns.window, clock
        )  # fmt: skip
        self._catch_ups = CatchUps(subscribe, self.counts, self._join)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By session id: what is under way for it."""
        self._under_way: set[asyncio.Task[None]] = set()
        """The same, and what was cancelled and has not ended yet."""
        self._held: dict[str, ProxySession] = {}
        """By the id of a newer session: the one whose place it takes once it has begun."""

    async def run(self) -> None:
        """Read the events, until this is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upkeep())
                start = await self._beginnings.first_positions()
                await self._intake.run(start)
        finally:
            self._turns.close()
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
            for number in range(0, len(self._sessions), MOST_AT_ONCE):
                self._keeper.write(list(self._sessions.values())[number : number + MOST_AT_ONCE])
            self._keeper.close()

    def count_by_state(self) -> dict[State, int]:
        """Return how many sessions are in each state."""
        states = [session.state for session in self._sessions.values()]
        return {state: states.count(state) for state in State}

    # -- IDENTIFY --------------------------------------------------------------------------------

    async def identify(self, outlet: Outlet, identify: Identify) -> Session:
        """See interfaces.Sessions."""
        session_id = self._make_id()
        await self._part_with_silent(identify)
        older = self._hold_older(session_id, identify)
        try:
            if self._turns.window is not None:
                await self._beginnings.wait_for_cache(self._turns.window.now.copy())
            session = self._made(session_id, identify, older)
        except BaseException:
            self._release(session_id)
            raise
        self._sessions[session_id] = session
        session.outlet = outlet
        outlet.dispatch([session.say("READY", session.ready, place=Begun(0))])
        session.ready = b""
        self._begin(session)
        return Attachment(session, self._room, self._detach)

    async def _part_with_silent(self, identify: Identify) -> None:
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
                self._detach(silent, over=False)
                outlet.close(4009, "Session timed out.")

    def _made(
        self, session_id: str, identify: Identify, older: ProxySession | None
    ) -> ProxySession:
        """Return a session that begins: one by itself, or in an older one's place, or the heir of
        one that has no connection. Refused."""
        while True:
            inherits = None
            if older is None:
                inherits = self._keeper.inheritance(identify, self._sessions)
            begun, here = self._begun(session_id, identify, inherits)
            start, predecessor = here, ""
            if older is not None:
                start = self._place(older, older.seq).met(here)
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

    def _place(self, session: ProxySession, seq: int) -> Positions:
        """Return what a session had been sent with an s, and before."""
        where, mute = place_of(session.sent.at(seq), self._turns.window)
        return where.joined(mute)

    # -- RESUME ----------------------------------------------------------------------------------

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> Session | None:
        """See interfaces.Sessions."""
        session = self._taken(session_id, seq, client)
        if session is None:
            return None
        if (old := session.outlet) is not None:
            self._lose_connection(session)
            old.close(4000, "Resumed by another connection.")
        session.outlet = outlet
        session.detached_ns = 0
        window = self._turns.window
        session.resuming_to = 1 if window is None else window.head
        if session.go_back(seq).begun is not None:
            self._begin(session)
        else:
            self._settle(session)
        return Attachment(session, self._room, self._detach)

    def _taken(self, session_id: str, seq: int, client: str) -> ProxySession | None:
        """Return the session that a client resumes; None: it can't be gone on with. Refused."""
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
        try:
            found = self._keeper.take(session_id, client, seq)
        except sqlite3.Error:
            if session is not None:
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
        self._sessions[session_id] = session
        return session

    # -- connections -----------------------------------------------------------------------------

    def _room(self, session: ProxySession) -> None:
        session.has_room.set()
        self._turns.go_on(session)

    def _detach(self, session: ProxySession, over: bool) -> None:
        session.is_over = over
        gives_up = session.id in self._held  # the older one goes on, so this one can't
        self._lose_connection(session)
        if gives_up or session.state is State.ENDED:
            self._drop(session.id)
            self._keeper.remove([session.id])
        elif self._keeper.detached(session):
            self._let_go(session)

    def _lose_connection(self, session: ProxySession) -> None:
        session.outlet = None
        self._turns.leave(session)
        if (task := self._tasks.pop(session.id, None)) is not None:
            task.cancel()
        session.change(Change.DETACH)
        self._release(session.id)

    def _let_go(self, session: ProxySession) -> None:
        """Another process goes on with a session: nothing more is sent here."""
        if (outlet := session.outlet) is not None:
            self._lose_connection(session)
            outlet.close(4000, "Resumed by another connection.")
        self._drop(session.id)

    def _drop(self, session_id: str) -> None:
        if (session := self._sessions.pop(session_id, None)) is not None:
            self._turns.leave(session)
            session.change(Change.END)

    # -- what sessions do ------------------------------------------------------------------------

    def _begin(self, session: ProxySession) -> None:
        """Tell a session of its guilds, as far as it was not, and then of what happens."""
        session.change(Change.BEGIN)
        self._do(session, self._tell(session))

    async def _tell(self, session: ProxySession) -> None:
        await self._beginnings.tell(session)
        session.mark(session.positions)
        self._replace(session.id)
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

    # -- overlap = "newest" ----------------------------------------------------------------------

    def _hold_older(self, session_id: str, identify: Identify) -> ProxySession | None:
        """Hold the session whose place a new one takes; None: there is none. So it stays where it
        is, and the cache comes as far as that."""
        if not self._takes_over:
            return None
        for session in self._sessions.values():
            other = session.identify
            if (
                session.state in (State.LIVE, State.CATCHING_UP)
                and (other.client, other.shard_id, other.shard_count)
                == (identify.client, identify.shard_id, identify.shard_count)
            ):  # fmt: skip
                self._turns.leave(session)
                if (task := self._tasks.pop(session.id, None)) is not None:
                    task.cancel()
                session.change(Change.HOLD)
                self._held[session_id] = session
                return session
        return None

    def _release(self, newer_id: str) -> None:
        """A session will not take another one's place: that one goes on."""
        older = self._held.pop(newer_id, None)
        if older is not None and older.state is State.HELD:
            older.change(Change.RELEASE)
            older.go_back(older.seq)
            self._settle(older)

    def _replace(self, newer_id: str) -> None:
        """A session has begun, and is in the place of the one that it has held."""
        older = self._held.pop(newer_id, None)
        if older is None:
            return
        self._keeper.remove([older.id])
        if older.state is State.HELD:
            older.change(Change.REPLACE)
            log.info("session %s gets no more events: %s is newer", older.id, newer_id)
        else:
            self._drop(older.id)

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
            if seldom and (own := self._keeper.expire(int(self._keep_seconds * 1e9))) is not None:
                for session in list(self._sessions.values()):
                    if session.id not in own and session.state is not State.REPLACED:
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


def _can_follow(identify: Identify, session: ProxySession) -> bool:
    """Return whether one that identifies so may be the heir of a session, if that has ended: one
    whose client has answered since it was told of its guilds."""
    if session.state is not State.LIVE or session.acknowledged == 0:
        return False
    mine, other = identify, session.identify
    return (
        mine.client, mine.shard_id, mine.shard_count, mine.intents
    ) == (other.client, other.shard_id, other.shard_count, other.intents)  # fmt: skip
