"""Overlaps: one session takes another one's place (`overlap = "newest"`), so that each event is
handled by one of two versions of a bot that are both connected.

The older one is held when the newer identifies: what happens while the newer is told of its guilds
waits. Then the newer begins exactly where the older stopped. If it does not come so far, the older
goes on. takeovers.py does the same with a session of another process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State

log = logging.getLogger(__name__)


class Overlaps:
    """Knows who holds whom."""

    def __init__(
        self, sessions: Mapping[str, ProxySession], *, stop: Callable[[ProxySession], None],
        go_on: Callable[[ProxySession], None], end: Callable[[ProxySession], None],
        replaced: Callable[[ProxySession], None],
    ) -> None:  # fmt: skip
        """sessions: all of this process. stop: called with one that is held, to send it nothing
        more; go_on: with one that is not held any more; end: with one that is in nobody's way;
        replaced: with one that gets no more events."""
        self._sessions = sessions
        self._stop = stop
        self._go_on = go_on
        self._end = end
        self._replaced = replaced
        self._held: dict[str, ProxySession] = {}
        """By the id of a newer session: the one whose place it takes once it has begun."""

    def holds(self, newer_id: str) -> bool:
        """Return whether a session holds an older one."""
        return newer_id in self._held

    def hold(self, newer_id: str, identify: Identify) -> ProxySession | None:
        """Hold the session whose place a new one takes, where it is; None: there is none."""
        for session in self._sessions.values():
            if session.state in (State.LIVE, State.CATCHING_UP) and _same(identify, session):
                self.hold_one(newer_id, session)
                return session
        return None

    def hold_one(self, newer_id: str, session: ProxySession) -> None:
        """Hold this one, which is LIVE or CATCHING_UP."""
        self._stop(session)
        session.change(Change.HOLD)
        self._held[newer_id] = session

    def release(self, newer_id: str) -> None:
        """A session will not take another one's place: that one goes on."""
        older = self._held.pop(newer_id, None)
        if older is not None and older.state is State.HELD:
            older.change(Change.RELEASE)
            older.go_back(older.seq)
            self._go_on(older)

    def replace(self, newer_id: str) -> None:
        """A session has been told of its guilds: it is in the place of the one that it has held."""
        older = self._held.pop(newer_id, None)
        if older is None:
            return
        if older.state is State.HELD:
            older.change(Change.REPLACE)
            self._replaced(older)
            log.info("session %s gets no more events: %s is newer", older.id, newer_id)
        elif older.state is State.DETACHED:
            self._end(older)


def _same(identify: Identify, session: ProxySession) -> bool:
    mine, other = identify, session.identify
    return (
        mine.client == other.client
        and mine.shard_id == other.shard_id
        and mine.shard_count == other.shard_count
    )
