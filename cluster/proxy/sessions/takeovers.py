"""Takeovers: a session takes the place of one of another process of the host, with
`overlap = "newest"`.

The process of the newer asks, in the store. That of the older looks there some times a second,
holds the session, and says how far it has been sent events; then the newer begins there. Once the
newer was told of its guilds, the older gets no more events. A process that ends meanwhile holds up
nobody: the older goes on, or the newer begins by itself.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from typing import Final

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.hold_table import Hold, HoldTable
from cluster.proxy.sessions.overlaps import HELD_FROM, Overlaps
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.session import ProxySession

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 2.0
"""How long the process of an older session may take to hold it."""


class Takeovers:
    """Both ends. Belongs to one event loop."""

    def __init__(
        self, table: HoldTable, overlaps: Overlaps, sessions: Mapping[str, ProxySession], *,
        had: Callable[[ProxySession], Positions], is_alive: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        """sessions: all of this process. had: returns what a session has been sent. is_alive:
        whether a process lives. clock: monotonic seconds."""
        self._table = table
        self._overlaps = overlaps
        self._sessions = sessions
        self._had = had
        self._is_alive = is_alive
        self._clock = clock
        self._taking: set[str] = set()
        """Newer sessions of this process that are to take a place."""
        self._given: set[str] = set()
        """Newer sessions of others, for which one of this process is held."""

    # -- the newer's process ---------------------------------------------------------------------

    async def ask(self, newer_id: str, identify: Identify) -> Positions | None:
        """Ask for the place of an older session. Return where it is held; None: there is none."""
        try:
            if not self._table.ask(newer_id, identify):
                return None
            self._taking.add(newer_id)
            deadline = self._clock() + PATIENCE_SECONDS
            while (hold := self._table.get(newer_id)) is not None:
                if hold.place is not None:
                    return Positions.read(hold.place)
                if self._clock() > deadline:
                    break
                await asyncio.sleep(LOOK_SECONDS / 2)
        except sqlite3.Error as error:
            log.error("session %s takes nobody's place: %s", newer_id, error)
        self.release(newer_id)
        return None

    def holds(self, newer_id: str) -> bool:
        """Return whether a session has yet to take a place that it has asked for."""
        return newer_id in self._taking

    def replace(self, newer_id: str) -> None:
        """A session has been told of its guilds: it takes the place."""
        self._finish(newer_id, self._table.done)

    def release(self, newer_id: str) -> None:
        """A session will not take the place that it has asked for."""
        self._finish(newer_id, self._table.drop)

    def _finish(self, newer_id: str, say: Callable[[str], None]) -> None:
        if newer_id not in self._taking:
            return
        self._taking.discard(newer_id)
        try:
            say(newer_id)
        except sqlite3.Error as error:
            log.error("session %s: its place is not settled: %s", newer_id, error)

    # -- the older's process ---------------------------------------------------------------------

    async def run(self) -> None:
        """Look what others want, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look()
            except sqlite3.Error as error:
                log.error("it can't be read who wants the place of a session: %s", error)

    def look(self) -> None:
        """Do what others want. sqlite3.Error: what is not done now is done the next time."""
        wanted = {hold.newer: hold for hold in self._table.on_own()}
        for hold in wanted.values():
            if not hold.is_done and not self._is_alive(hold.owner):
                self._give_back(hold.newer)
                self._table.drop(hold.newer)
            elif hold.newer not in self._given:
                self._give(hold)
            elif hold.is_done:
                self._table.drop(hold.newer)
                self._given.discard(hold.newer)
                self._overlaps.replace(hold.newer)
        for newer_id in self._given - wanted.keys():
            self._give_back(newer_id)

    def _give(self, hold: Hold) -> None:
        session = self._sessions.get(hold.older)
        if session is None or session.state not in HELD_FROM:
            self._table.drop(hold.newer)
            return
        self._overlaps.hold_one(hold.newer, session)
        self._given.add(hold.newer)
        self._table.grant(hold.newer, self._had(session).plain())

    def _give_back(self, newer_id: str) -> None:
        self._given.discard(newer_id)
        self._overlaps.release(newer_id)
