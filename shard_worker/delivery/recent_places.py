"""RecentPlaces: where a shard that is held was some seconds ago. Pure.

When its shard count comes into force, a shard's events count from there, not from where it is: an
old session that lags ends before it has received what the new one has received by then. The place
is never before the session's READY, nor before a GUILD_CREATE of its beginning: these say how the
guilds were then, and come to a subscriber after all that the old count has delivered of later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from cluster.wire.shard_state import LOOK_BACK_NS

LOOK_BACK_S: Final = LOOK_BACK_NS / 1e9
STEP_S: Final = 1.0
"""Places are kept at least so far apart, every other one: at most some 60 a shard."""


class _Reached(NamedTuple):
    at: float
    """Seconds, as passed to ``note``."""
    seq: int


class RecentPlaces:
    """Notes how far a session is. ``begin`` with each session."""

    def __init__(self, seq: int, guilds: int, now: float) -> None:
        """A session that is taken over. seq: its last; what lies before is not looked back to.
        guilds: how many READY named. now: monotonic seconds, as in all calls."""
        self._places: deque[_Reached] = deque([_Reached(now, seq)])
        self._awaited = guilds
        """Guilds of READY of which no GUILD_CREATE has come, as far as is known."""

    def begin(self, guilds: int) -> None:
        """A session begins with the READY that is noted next. guilds: how many it names."""
        self._places.clear()
        self._awaited = guilds

    def note(self, events: Iterable[tuple[str, int, bytes]], seq: int, now: float) -> None:
        """The session has received a drain. seq: its last one by now."""
        places = self._places
        for name, at_seq, _ in events:
            if name == "READY" or (name == "GUILD_CREATE" and self._awaited > 0):
                self._awaited -= name == "GUILD_CREATE"
                places.clear()
                places.append(_Reached(now, at_seq))
        if len(places) > 1 and now - places[-2].at < STEP_S:
            places.pop()
        places.append(_Reached(now, seq))
        self.seq_before(now)

    def seq_before(self, now: float) -> int:
        """Return the last seq of LOOK_BACK_S ago, or a little before; -1: nothing has come."""
        places = self._places
        while len(places) > 1 and places[1].at <= now - LOOK_BACK_S:
            places.popleft()
        return places[0].seq if places else -1
