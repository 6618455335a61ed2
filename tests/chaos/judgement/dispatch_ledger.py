"""The sandbox's ledger as it is read: a row for each s of each session, dropped when compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.judgement.records import BLANKED, DispatchRow, Key, Place, ReceivedEvent

CLOCK_S = 0.001
"""How far two readings of one clock in two processes may seem the wrong way round."""


class SessionDispatches:
    """One session's dispatches: s = 1, 2, 3 ... of which the first ``base`` are dropped."""

    def __init__(self, session_id: str, key: Key, number: int, opened_at: float) -> None:
        self.session_id = session_id
        self.key = key
        self.number = number
        """Place among the sessions of its shard: 0, 1 ..."""
        self.opened_at = opened_at
        self.base = 0
        self.rows: list[DispatchRow] = []
        self.last_at = opened_at
        """Unix seconds of its newest dispatch."""

    @property
    def head(self) -> int:
        """The last s that was read."""
        return self.base + len(self.rows)

    def row(self, seq: int) -> DispatchRow | None:
        """Return the dispatch with this s; None: it is dropped, or was not read yet."""
        index = seq - self.base - 1
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def drop(self, upto: int) -> None:
        """Forget every dispatch up to this s."""
        count = min(upto, self.head) - self.base
        if count > 0:
            del self.rows[:count]
            self.base += count


class DispatchLedger:
    """Every session's dispatches. ``add`` takes rows in the order of the sandbox's ledger."""

    def __init__(self) -> None:
        self.after = 0
        """n of the last row that was read."""
        self.as_of = 0.0
        """Unix seconds: all that was dispatched before this moment was read."""
        self.events = 0
        self._sessions: dict[str, SessionDispatches] = {}
        self._by_key: dict[Key, list[SessionDispatches]] = {}
        self._by_epoch: dict[tuple[Key, int], SessionDispatches] = {}

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Read rows; what RESUME sent again is no event of its own.

        ValueError: the ledger has a hole.
        """
        for plain in rows:
            self.after = plain["n"]
            if plain.get("replayed"):
                continue
            session = self._sessions.get(plain["session"])
            if session is None:
                key = (plain["shard_count"], plain["shard"])
                others = self._by_key.setdefault(key, [])
                session = SessionDispatches(plain["session"], key, len(others), plain["at"])
                self._sessions[plain["session"]] = session
                others.append(session)
            if plain["s"] != session.head + 1:
                raise ValueError(f"the ledger goes from s {session.head} to {plain['s']}")
            digest = "" if plain["name"] == BLANKED else plain["hash"]
            session.last_at = plain["at"]
            session.rows.append(DispatchRow(plain["name"], digest, plain["at"]))
            self.events += 1

    def session_of(self, key: Key, epoch: int) -> SessionDispatches | None:
        """Return the session of a shard's epoch; None: not known yet."""
        return self._by_epoch.get((key, epoch))

    def learn_session(self, event: ReceivedEvent) -> SessionDispatches | None:
        """Return the session of an event's epoch, and learn it where the event is a READY.

        A worker reads READY from the connection that it identified on last, so it is the newest
        session that began before READY was received.
        """
        known = self._by_epoch.get((event.key, event.epoch))
        received_at = event.received_ns / 1e9
        if known is not None or event.name != BLANKED or self.as_of <= received_at:
            return known
        begun = [
            session
            for session in self._by_key.get(event.key, [])
            if session.opened_at <= received_at + CLOCK_S
        ]
        if not begun:
            return None
        self._by_epoch[event.key, event.epoch] = begun[-1]
        return begun[-1]

    @property
    def witnessed(self) -> set[str]:
        """Ids of the sessions whose READY some witness has."""
        return {session.session_id for session in self._by_epoch.values()}

    def heads(self) -> dict[Key, tuple[int, int]]:
        """Number of each shard's newest session, and its last s."""
        newest = {key: sessions[-1] for key, sessions in self._by_key.items()}
        return {key: (session.number, session.head) for key, session in newest.items()}

    def drop(self, reached: Sequence[dict[Key, Place]]) -> None:
        """Forget what every witness is past. reached: the places of each witness, by shard."""
        for key, sessions in self._by_key.items():
            number, seq = min(self._progress(key, places.get(key)) for places in reached)
            for session in sessions[: number + 1]:
                session.drop(seq if session.number == number else session.head)

    def _progress(self, key: Key, place: Place | None) -> tuple[int, int]:
        """Session number and s of a place; (-1, 0) where its session is not known."""
        session = place and self.session_of(key, place[0])
        return (session.number, place[1]) if place and session else (-1, 0)
