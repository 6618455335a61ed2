"""Overlaps: one session takes another one's place (`overlap = "newest"`), so that each event is
handled by one of two versions of a bot that are both connected.

The older one is held when the newer identifies: what happens while the newer is told of its guilds
waits. Then the newer begins exactly where the older stopped. If it does not come so far, the older
goes on. takeovers.py does the same with a session of another process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.session import ProxySession
from cluster.proxy.sessions.states import Change, State

log = logging.getLogger(__name__)

HELD_FROM: Final = (State.BEGINNING, State.CATCHING_UP, State.LIVE)
"""States of a session that may be held."""


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
        self._held: dict[str, list[ProxySession]] = {}
        """By the id of a newer session: those whose place it takes once it has begun, the newest of
        them last."""

    def holds(self, newer_id: str) -> bool:
        """Return whether a session holds an older one."""
        return newer_id in self._held

    def held(self, newer_id: str) -> list[ProxySession]:
        """Return those whose place a session takes, and that may still be gone on with."""
        held = self._held.get(newer_id, ())
        return [one for one in held if one.state in (State.HELD, State.DETACHED)]

    def hold(self, newer_id: str, identify: Identify) -> list[ProxySession]:
        """Hold the sessions whose place a new one takes, and return them: one, or none; or several,
        where they have begun at the same time as programs of which none was the newest."""
        found = [
            session
            for session in self._sessions.values()
            if session.state in HELD_FROM and _same(identify, session)
        ]
        for session in found:
            self.hold_one(newer_id, session)
        return found

    def hold_one(self, newer_id: str, session: ProxySession) -> None:
        """Hold this one, which is in one of HELD_FROM, and whom it holds itself."""
        self._stop(session)
        session.change(Change.HOLD)
        held = self._held.setdefault(newer_id, [])
        held += (*self._held.pop(session.id, ()), session)

    def resumed(self, session: ProxySession) -> None:
        """A session that is held has another connection: it stays so."""
        if any(session in held for held in self._held.values()):
            self._stop(session)
            session.change(Change.HOLD)

    def release(self, newer_id: str) -> None:
        """A session will not take the place of others: they go on."""
        held = [one for one in self._held.pop(newer_id, ()) if one.state is State.HELD]
        while held:
            older = held.pop()
            older.change(Change.RELEASE)
            if older.go_back(older.seq).begun is not None and held:
                self._held[older.id] = held  # it has yet to take their place itself
                held = []
            self._go_on(older)

    def replace(self, newer_id: str) -> None:
        """A session has been told of its guilds: it is in the place of those that it has held."""
        for older in self._held.pop(newer_id, ()):
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
