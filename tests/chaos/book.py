"""The sandbox's ledger as it is read: a row for each s of each session, dropped when compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.evidence import BLANKED, Came, Key, Place, Row

CLOCK_S = 0.001
"""How far two readings of one clock in two processes may seem the wrong way round."""


class Pages:
    """One session's dispatches: s = 1, 2, 3 ... of which the first ``base`` are dropped."""

    def __init__(self, session: str, key: Key, number: int, opened_at: float) -> None:
        self.session = session
        self.key = key
        self.number = number
        """Of the sessions of its shard: 0, 1 ..."""
        self.opened_at = opened_at
        self.base = 0
        self.rows: list[Row] = []
        self.last_at = opened_at
        """When its newest dispatch was."""

    @property
    def head(self) -> int:
        return self.base + len(self.rows)

    def row(self, seq: int) -> Row | None:
        """None: it is dropped, or was not read yet."""
        at = seq - self.base - 1
        return self.rows[at] if 0 <= at < len(self.rows) else None

    def drop(self, upto: int) -> None:
        count = min(upto, self.head) - self.base
        if count > 0:
            del self.rows[:count]
            self.base += count


class Book:
    """All sessions. ``add`` rows in the order of the ledger."""

    def __init__(self) -> None:
        self.after = 0
        """n of the last row."""
        self.as_of = 0.0
        """All that was dispatched before this moment is here."""
        self.events = 0
        self._sessions: dict[str, Pages] = {}
        self._of_key: dict[Key, list[Pages]] = {}
        self._epochs: dict[tuple[Key, int], Pages] = {}

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """What RESUME sent again is no event of its own. ValueError: the ledger has a hole."""
        for plain in rows:
            self.after = plain["n"]
            if plain.get("replayed"):
                continue
            pages = self._sessions.get(plain["session"])
            if pages is None:
                key = (plain["shard_count"], plain["shard"])
                others = self._of_key.setdefault(key, [])
                pages = Pages(plain["session"], key, len(others), plain["at"])
                self._sessions[plain["session"]] = pages
                others.append(pages)
            if plain["s"] != pages.head + 1:
                raise ValueError(f"the ledger goes from s {pages.head} to {plain['s']}")
            digest = "" if plain["name"] == BLANKED else plain["hash"]
            pages.last_at = plain["at"]
            pages.rows.append(Row(plain["name"], digest, plain["at"]))
            self.events += 1

    def pages(self, key: Key, epoch: int) -> Pages | None:
        """The session of an epoch; None: not known yet."""
        return self._epochs.get((key, epoch))

    def learn(self, event: Came) -> Pages | None:
        """The session that an event's epoch is. A worker reads READY from the connection that it
        identified on last, so it is the newest session that began before READY was received."""
        known = self._epochs.get((event.key, event.epoch))
        received_at = event.received_ns / 1e9
        if known is not None or event.name != BLANKED or self.as_of <= received_at:
            return known
        began = [
            pages
            for pages in self._of_key.get(event.key, [])
            if pages.opened_at <= received_at + CLOCK_S
        ]
        if not began:
            return None
        self._epochs[event.key, event.epoch] = began[-1]
        return began[-1]

    @property
    def seen(self) -> set[str]:
        """Sessions whose READY some witness has."""
        return {pages.session for pages in self._epochs.values()}

    def heads(self) -> dict[Key, tuple[int, int]]:
        """Number of each shard's newest session, and its last s."""
        return {key: (pages[-1].number, pages[-1].head) for key, pages in self._of_key.items()}

    def drop(self, reached: Sequence[dict[Key, Place]]) -> None:
        """Forget what every witness is past: a map of epochs and seqs from each."""
        for key, sessions in self._of_key.items():
            number, seq = min(self._at(key, places.get(key)) for places in reached)
            for pages in sessions[: number + 1]:
                pages.drop(seq if pages.number == number else pages.head)

    def _at(self, key: Key, place: Place | None) -> tuple[int, int]:
        pages = place and self.pages(key, place[0])
        return (pages.number, place[1]) if place and pages else (-1, 0)
