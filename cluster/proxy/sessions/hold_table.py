"""HoldTable: which session of one process takes the place of another process's, in the store that
the processes of a host share (takeovers.py)."""

from __future__ import annotations

import sqlite3
from typing import Any, Final, NamedTuple

from cluster.proxy.identify import Identify
from cluster.proxy.sessions.stored import decode_plain, encode_plain

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS holds (
    newer TEXT PRIMARY KEY, older TEXT UNIQUE, owner TEXT, place BLOB, is_done INTEGER
) WITHOUT ROWID
"""
"""newer, older: ids of sessions. owner: the newer's process. place: Positions.plain of what the
older has been sent, once it is held. is_done: the newer is in its place."""


class Hold(NamedTuple):
    """A row."""

    newer: str
    older: str
    owner: str
    place: dict[str, Any] | None
    is_done: bool


class HoldTable:
    """One process's end. Thread use: one at a time. All of it raises sqlite3.Error."""

    def __init__(self, db: sqlite3.Connection, owner: str) -> None:
        self._db = db
        self._owner = owner

    def ask(self, newer: str, identify: Identify) -> bool:
        """Ask for the place of the session of another process that has the same client and shard
        and a connection. False: there is none, or it is asked for already."""
        found = self._db.execute(
            "INSERT OR IGNORE INTO holds SELECT ?1, id, ?2, NULL, 0 FROM sessions"
            " WHERE client = ?3 AND shard_id = ?4 AND shard_count = ?5 AND detached_ns = 0"
            " AND owner <> ?2 ORDER BY seen_ns DESC LIMIT 1",
            (newer, self._owner, identify.client, identify.shard_id, identify.shard_count),
        )
        return found.rowcount > 0

    def get(self, newer: str) -> Hold | None:
        """Return what has become of a question; None: the place is not to be had."""
        row = self._db.execute("SELECT * FROM holds WHERE newer = ?", (newer,)).fetchone()
        return None if row is None else _hold(row)

    def on_own(self) -> list[Hold]:
        """Return what others want of the sessions of this process."""
        rows = self._db.execute(
            "SELECT holds.* FROM holds JOIN sessions ON sessions.id = holds.older"
            " WHERE sessions.owner = ?",
            (self._owner,),
        )
        return [_hold(row) for row in rows]

    def grant(self, newer: str, place: dict[str, Any]) -> None:
        """The older is held. place: Positions.plain of what it has been sent."""
        self._db.execute("UPDATE holds SET place = ? WHERE newer = ?", (encode_plain(place), newer))

    def done(self, newer: str) -> None:
        """The newer is in the older's place."""
        self._db.execute("UPDATE holds SET is_done = 1 WHERE newer = ?", (newer,))

    def drop(self, newer: str) -> None:
        """Nothing is asked for any more, or nothing to be had."""
        self._db.execute("DELETE FROM holds WHERE newer = ?", (newer,))


def _hold(row: tuple[str, str, str, bytes | None, int]) -> Hold:
    newer, older, owner, place, is_done = row
    return Hold(newer, older, owner, decode_plain(place), bool(is_done))
