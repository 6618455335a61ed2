"""Every session that there was: who began it, how far its client says it got, how it ended.

From it follows what nobody can know better than the server: how many identifies could not be
avoided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from cluster.sandbox.sessions.session import Session

LEFT: Final = "left"
EXPIRED: Final = "expired"
EXHAUSTED: Final = "exhausted"
OP_9: Final = "op 9"
CLOSED: Final = "closed"
FORGOTTEN: Final = "forgotten"
REPLAY_GONE: Final = "replay gone"
ACKNOWLEDGED: Final = "resumed below what it had acknowledged"
INVALID_SEQ: Final = "invalid seq"
HEARTBEATS_MISSED: Final = "heartbeats missed"

UNAVOIDABLE: Final = frozenset((EXPIRED, OP_9, CLOSED, FORGOTTEN, REPLAY_GONE))
"""Ends that are the server's own doing; the others a client brings about."""


class Entry:
    """One session. Times are Unix seconds."""

    __slots__ = ("cause", "ended_at", "opened_at", "session")

    def __init__(self, session: Session, opened_at: float) -> None:
        self.session = session
        self.opened_at = opened_at
        self.ended_at: float | None = None
        self.cause = ""

    @property
    def lost(self) -> bool:
        """Whether a client had to identify after this session.

        It ended by the server's doing, or the client has shown by nothing that READY ever came.
        """
        return self.cause in UNAVOIDABLE or not self.session.acknowledged

    def row(self, number: int) -> dict[str, Any]:
        session = self.session
        return {
            "n": number,
            "session": session.id,
            "shard": session.shard,
            "shard_count": session.shard_count,
            "seq": session.seq,
            "acknowledged": session.acknowledged,
            "skipped": session.skipped,
            "opened_at": self.opened_at,
            "ended_at": self.ended_at,
            "cause": self.cause,
            "lost": self.lost,
        }


class SessionLog:
    """All sessions in the order in which they began. wall: Unix seconds."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._entries: dict[str, Entry] = {}

    def opened(self, session: Session) -> None:
        self._entries[session.id] = Entry(session, self._wall())

    def ended(self, session: Session, cause: str) -> None:
        entry = self._entries[session.id]
        entry.ended_at, entry.cause = self._wall(), cause
        session.buffer.clear()  # the log keeps the session, and nobody replays it any more

    def rows(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the rows with n > after; a session that goes on changes its row."""
        entries = list(self._entries.values())[after:]
        return [entry.row(number) for number, entry in enumerate(entries, after + 1)]

    def unavoidable(self) -> int:
        """How many of the admitted identifies a perfect client would have spent too."""
        return unavoidable(self._entries.values())


def unavoidable(entries: Iterable[Entry]) -> int:
    """Count the first session of each shard, and each whose predecessor was lost before it."""
    newest: dict[tuple[int, int], Entry] = {}
    count = 0
    for entry in entries:
        key = (entry.session.shard_count, entry.session.shard)
        before = newest.get(key)
        count += before is None or before.lost
        newest[key] = entry
    return count
