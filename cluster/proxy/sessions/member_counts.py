"""MemberCounts: how many members a guild had before what a session will be sent, so that the
member_count of its GUILD_CREATE comes out right when it has been sent that. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.proxy.sessions.positions import Positions
from cluster.proxy.sessions.window import Window
from cluster.wire.batch import Event

JOINS: Final = {"GUILD_MEMBER_ADD": 1, "GUILD_MEMBER_REMOVE": -1}


class _Member(msgspec.Struct):
    guild_id: str | int


_member = msgspec.json.Decoder(_Member)


class MemberCounts:
    """Joins and leaves of members after a place in the cluster's events."""

    def __init__(self, start: Positions) -> None:
        """start: where what the session will be sent begins."""
        self.had = start
        """Up to where they are known. Whoever reads on from there changes it."""
        self._g: int | None = None
        """The number of the next entry of the window; None: it was not looked into."""
        self._changes: defaultdict[int, list[tuple[Event, int]]] = defaultdict(list)

    def add(self, event: Event) -> None:
        """Take in an event."""
        change = JOINS.get(event.name)
        if change is None:
            return
        try:
            guild = int(_member.decode(event.data).guild_id)
        except (*MALFORMED, ValueError):
            return  # the session counts it neither
        self._changes[guild].append((event, change))

    def look(self, window: Window) -> bool:
        """Take in what the window has. False: it does not reach back so far."""
        if self._g is None or self._g < window.base:
            self._g = window.join(self.had)
            if self._g is None:
                return False
        for entry in window.slice(self._g, window.head - self._g):
            if entry.name in JOINS and not self.had.has(entry.event):
                self.add(entry.event)
        self.had, self._g = window.now.joined(self.had), window.head
        return True

    def joins(self, guild_id: int, upto: Positions) -> int:
        """Return how many members more a guild had at `upto` than where it began."""
        changes = self._changes.get(guild_id, ())
        return sum(change for event, change in changes if upto.has(event))
