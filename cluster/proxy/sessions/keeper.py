"""Keeper: writes down how the sessions of this process are, and finds those that others have left.
Where that can't be done (the disk is full), sessions go on, and the log says it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cluster.decode_errors import worth_saying
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Asked, Views
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.sent import Sent, SentMark
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import State
from cluster.proxy.sessions.store import Change, Found, SessionStore
from cluster.proxy.sessions.stored import Stored
from cluster.proxy.sessions.window import Window

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 16
"""Sessions that are written in one turn of the event loop."""
RECENT_NS: Final = 60 * 10**9
"""Sessions that have lost their connections within so long may be about to be resumed."""
MOST_SENT: Final = 8192
"""Dispatches that a client has not acknowledged, of which the places are stored when it has lost
its connection: it has got some of them, and says with its RESUME how many."""
NEAR: Final = 5_000
"""Events of a shard that a process reads again at most when it begins."""
TOGETHER_NS: Final = 60 * 10**9
"""Sessions that have lost their connections within so long may be those of several programs that
ended together, and which is whose nobody knows."""


class Inheritance(NamedTuple):
    """What an heir takes over."""

    found: Found
    """The session that it is the heir of."""
    start: Positions
    """What its client had."""
    beside: Sequence[Found]
    """Others of which heirs have to begin as early."""


class Keeper:
    """Stands between the sessions and their store."""

    def __init__(
        self, store: SessionStore, window: Callable[[], Window | None], now_ns: Callable[[], int],
        keep_ns: int,
    ) -> None:  # fmt: skip
        """now_ns: Unix time, which the processes of a host share. keep_ns: how long a session
        without a client is kept."""
        self.failures = 0
        """How often the store could not be read or written."""
        self._store = store
        self._window = window
        self._now_ns = now_ns
        self._keep_ns = keep_ns

    def close(self) -> None:
        self._store.close()

    def add(self, session: ProxySession, inherits: Inheritance | None) -> bool:
        """Write a session that begins, and remove the one that it is the heir of. False: somebody
        has taken that one meanwhile."""
        replaces, beside = (inherits.found, inherits.beside) if inherits else (None, ())
        try:
            added = self._store.add(
                self.stored(session), self._now_ns(), replaces=replaces, beside=beside
            )
        except sqlite3.Error as error:
            self._failed(error)
            return True
        session.is_stored = added
        session.changed, session.stored_state = False, session.sent.marks[0].state
        return added

    def write(self, sessions: Sequence[ProxySession]) -> list[str]:
        """Write how sessions are, MOST_AT_ONCE at most. Return the ids of those that are another
        process's now."""
        for session in sessions:
            if not session.is_stored:
                self.add(session, None)  # it could not be, when it began
        sessions = [session for session in sessions if session.is_stored]
        changes = []
        for session in sessions:
            stored = self.stored(session)
            is_new = stored.state is not session.stored_state
            changes.append(Change(stored, session.detached_ns, is_new))
        try:
            lost = self._store.write(changes, self._now_ns())
        except sqlite3.Error as error:
            self._failed(error)
            return []
        for session, change in zip(sessions, changes, strict=True):
            session.changed = session.moved = False
            session.stored_state = change.stored.state
        return lost

    def detached(self, session: ProxySession) -> list[str]:
        """Write at once that a session has lost its connection. Return as `write`."""
        session.detached_ns = self._now_ns()
        return self.write([session])

    def take(self, session_id: str, client: str, seq: int) -> Found | None:
        """Take a session, to go on with it after an s; None: it is not there for this client, or
        it can't be gone on with. sqlite3.Error: nobody knows."""
        try:
            return self._store.take(session_id, client, seq)
        except sqlite3.Error as error:
            self._failed(error)
            raise

    def read(self, session_id: str, client: str, seq: int) -> Found | None:
        """Return as `take`, of a session that can't be taken, since nothing can be written."""
        try:
            return self._store.read(session_id, client, seq)
        except sqlite3.Error as error:
            self._failed(error)
            return None

    def reaching_back(self, start: Positions) -> Positions:
        """Return where a process begins to read that could begin here: a little earlier, where the
        sessions are that are about to be resumed, so that they need no Subscriber of their own."""
        try:
            left = self._store.left(self._now_ns() - RECENT_NS)
        except sqlite3.Error as error:
            self._failed(error)
            return start
        found = start
        for stored in left:
            where = Positions.read(stored.positions)
            if start.is_near(where, NEAR):
                found = found.met(where)
        return found

    def is_own(self, found: Found) -> bool:
        """Return whether a session was this process's when it was found."""
        return found.owner == self._store.owner

    def inheritance(
        self, identify: Identify, own: Mapping[str, ProxySession]
    ) -> Inheritance | None:
        """Return what a session takes over that identifies so; None: nothing was left. own: the
        sessions of this process, by id.

        It is the heir of the session that has lost its connection last. Where others have at about
        the same time (several programs with one token were restarted together), it begins where
        the one begins that had least, and so will their heirs: no program misses what another one
        had.
        """
        begun_ns = self._now_ns() - self._keep_ns
        left = [one for one in self._left(identify, own) if one.ended_ns > begun_ns]
        if not left:
            return None
        together = [one for one in left if left[0].ended_ns - one.ended_ns <= TOGETHER_NS]
        fresh = [self._fresh(one, own) for one in together]
        start = _heir_start(fresh[0])
        for one in fresh[1:]:
            start = start.met(_heir_start(one))
        beside = [one._replace(heir_from=start.plain()) for one in fresh[1:]]
        return Inheritance(fresh[0], start, beside)

    def _left(self, identify: Identify, own: Mapping[str, ProxySession]) -> list[Found]:
        """Return the sessions of which one that identifies so may be the heir, the one that has
        lost its connection last first. Of its own sessions this process knows it also where that
        could not be written."""
        late = [
            one
            for one in own.values()
            if one.detached_ns and one.changed and _says_same(one.identify, identify)
        ]
        if late:
            self.write(late)
        unwritten = {one.id: one for one in late if one.changed}
        try:
            found = self._store.find_detached(identify)
        except sqlite3.Error as error:
            self._failed(error)
            found = []
        left = [
            one
            for one in found
            if one.stored.id not in unwritten and not (self.is_own(one) and _is_here(one, own))
        ]
        left += [
            Found(self.stored(one), self._store.owner, one.detached_ns, is_unwritten=True)
            for one in unwritten.values()
        ]
        return sorted(left, key=lambda one: one.ended_ns, reverse=True)

    def _fresh(self, found: Found, own: Mapping[str, ProxySession]) -> Found:
        """Return a session as it is now, if it is this process's."""
        session = own.get(found.stored.id) if self.is_own(found) else None
        return found if session is None else found._replace(stored=self.stored(session))

    def remove(self, ids: Sequence[str]) -> None:
        """Remove sessions that are no more."""
        try:
            self._store.remove(ids)
        except sqlite3.Error as error:
            self._failed(error)

    def expire(self) -> set[str] | None:
        """Remove what nobody has come back to for too long. Return the ids of the sessions that are
        this process's; None: nobody knows."""
        try:
            now_ns = self._now_ns()
            self._store.expire(now_ns - self._keep_ns, now_ns)
            return self._store.owned()
        except sqlite3.Error as error:
            self._failed(error)
            return None

    def _failed(self, error: sqlite3.Error) -> None:
        self.failures += 1
        if worth_saying(self.failures):
            log.error(
                "sessions can't be stored (%s): they go on, and will not outlive this process",
                error,
            )

    def stored(self, session: ProxySession) -> Stored:
        """Return a session as it is stored."""
        window = self._window()
        if session.state is State.LIVE and session.acknowledged == session.seq:
            session.mark(session.cursor)  # what it was not sent lies behind it, too
        mark = session.sent.at(session.acknowledged)
        where, mute = place_of(mark, window)
        return Stored(
            id=session.id, identify=session.identify, predecessor=session.predecessor,
            acknowledged=session.acknowledged, positions=where.plain(),
            mute=None if mute is None else mute.plain(), state=mark.state, begun=mark.begun,
            guilds=[] if mark.begun is None else list(session.guilds), is_over=session.is_over,
            sent=_sent(session, window),
        )  # fmt: skip


def _sent(session: ProxySession, window: Window | None) -> list[tuple[int, int, int, int] | None]:
    """Return `Stored.sent`: whoever goes on with it elsewhere may have got some of that."""
    if session.outlet is not None or session.seq - session.acknowledged > MOST_SENT:
        return []
    places = session.sent.after(session.acknowledged, window)
    return [None if place is None else (*place.key, *place.place) for place in places]


def place_of(mark: SentMark, window: Window | None) -> tuple[Positions, Positions | None]:
    """Return where a mark is, and what is muted there, by positions."""
    if isinstance(mark.where, Positions):
        return mark.where.joined(mark.skip), mark.mute
    assert window is not None  # it is a place there
    mute = mark.mute
    if mark.mute_to >= mark.where:
        mute = window.positions(mark.mute_to + 1).joined(mute)
    return window.positions(mark.where).joined(mark.skip), mute


def had(stored: Stored) -> Positions:
    """Return what a client had of a session as it was stored."""
    mute = None if stored.mute is None else Positions.read(stored.mute)
    return Positions.read(stored.positions).joined(mute)


def _says_same(one: Identify, other: Identify) -> bool:
    """Return whether both are of one program, as far as anybody can tell."""
    return (one.client, one.shard_id, one.shard_count, one.intents, one.program) == (
        other.client, other.shard_id, other.shard_count, other.intents, other.program
    )  # fmt: skip


def _is_here(found: Found, own: Mapping[str, ProxySession]) -> bool:
    """Return whether a session has a connection, though that could not be written."""
    session = own.get(found.stored.id)
    return session is not None and session.outlet is not None


def _heir_start(found: Found) -> Positions:
    start = had(found.stored)
    return start if found.heir_from is None else start.met(Positions.read(found.heir_from))


def restored(stored: Stored, seq: int, views: Views, asked: Asked) -> ProxySession:
    """Return a session as it goes on elsewhere. seq: the last s that the client has. Raises
    ValueError: its view's state is damaged."""
    mute = None if stored.mute is None else Positions.read(stored.mute)
    positions = Positions.read(stored.positions)
    got = stored.sent[: seq - stored.acknowledged]
    if got:
        mute = positions.copy().joined(mute)
        for place in got:
            if place is not None:
                count, shard_id, epoch, number = place
                mute.places[count, shard_id] = epoch, number
    mark = SentMark(seq, positions, stored.state, mute=mute, begun=stored.begun)
    return ProxySession(
        stored.id, stored.identify, views, asked, views.go_on(stored.identify, stored.state),
        Sent(mark), guilds=stored.guilds, predecessor=stored.predecessor,
    )  # fmt: skip
