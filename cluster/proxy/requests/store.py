"""Store: what has to be known of requests by all proxy processes of a host, and by those that are
started later. SQLite, in one file beside that of the sessions.

Who asked for voice in a guild, since VOICE_SERVER_UPDATE names nobody. Nonces that are too long to
be written out in the proxy's own (nonces.py). What the clients want to be shown, since a shard that
identifies anew shows what is configured.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from cluster.errors import ClusterError
from cluster.proxy.requests.presences import Presence

FILE: Final = "requests.db"
FORMAT: Final = 1
BUSY_S: Final = 1.0
"""How long another process may hold the file; one transaction takes some 50 us."""
NONCES_S: Final = 1200.0
"""Seconds for which a nonce is kept: an answer is there in some seconds, and in ten minutes where
many ask for the same."""
MOST_PRESENCES: Final = 1024
_NS: Final = 1_000_000_000
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS voice (
  guild TEXT PRIMARY KEY, session TEXT NOT NULL, joined INTEGER NOT NULL, process INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS voice_by_session ON voice (session);
CREATE TABLE IF NOT EXISTS nonce (
  number INTEGER PRIMARY KEY, own TEXT NOT NULL, asked_ns INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS nonce_by_age ON nonce (asked_ns);
CREATE TABLE IF NOT EXISTS presence (
  shard_id INTEGER NOT NULL, shard_count INTEGER NOT NULL, asked_ns INTEGER NOT NULL,
  d BLOB NOT NULL, PRIMARY KEY (shard_id, shard_count)
) WITHOUT ROWID;
"""


class RequestStoreError(ClusterError):
    """What is to be known of requests can't be read, or not be written."""


class Voice(NamedTuple):
    """Who asked last for voice in a guild."""

    guild_id: int
    session_id: str
    joined: bool
    """Whether it asked for a channel, and has not asked to leave since."""
    process: int
    """Number of the proxy process that had the session last."""


class Store:
    """What is known of requests. Every method raises RequestStoreError."""

    def __init__(self, folder: Path) -> None:
        """folder: has to be there."""
        self._file = folder / FILE
        with self._told():
            self._db = self._open()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # -- voice -----------------------------------------------------------------------------------

    def voice(self, guild_id: int) -> Voice | None:
        """Return who asked last for voice in a guild; None: nobody did."""
        found = self._rows("SELECT * FROM voice WHERE guild = ?", str(guild_id))
        return _voice(found[0]) if found else None

    def voices(self, session_id: str) -> list[Voice]:
        """Return the guilds in which this session asked last."""
        return [
            _voice(row) for row in self._rows("SELECT * FROM voice WHERE session = ?", session_id)
        ]

    def voices_of_process(self, process: int) -> list[Voice]:
        """Return the guilds of which the last to ask was a session of this process."""
        return [_voice(row) for row in self._rows("SELECT * FROM voice WHERE process = ?", process)]

    def set_voice(self, voice: Voice) -> None:
        """Note who asked for voice in a guild."""
        row = (str(voice.guild_id), voice.session_id, voice.joined, voice.process)
        self._write("INSERT OR REPLACE INTO voice VALUES (?, ?, ?, ?)", *row)

    def move_voices(self, session_id: str, heir_id: str, process: int) -> None:
        """Note that where this session asked last, another now stands for it, at a process."""
        query = "UPDATE voice SET session = ?, process = ? WHERE session = ?"
        self._write(query, heir_id, process, session_id)

    def drop_voice(self, guild_id: int) -> None:
        """Forget who asked for voice in a guild."""
        self._write("DELETE FROM voice WHERE guild = ?", str(guild_id))

    # -- nonces ----------------------------------------------------------------------------------

    def keep_nonce(self, own: str, now_ns: int) -> int:
        """Keep a nonce, and return the number under which it is."""
        number = secrets.randbits(63)
        self._write("INSERT OR REPLACE INTO nonce VALUES (?, ?, ?)", number, own, now_ns)
        return number

    def nonce(self, number: int) -> str | None:
        """Return a nonce by its number; None: it is not kept, or not any more."""
        if number.bit_length() > 63:
            return None
        found = self._rows("SELECT own FROM nonce WHERE number = ?", number)
        return str(found[0][0]) if found else None

    def forget_nonces(self, now_ns: int) -> None:
        """Forget the nonces that were kept long enough."""
        before = now_ns - int(NONCES_S * _NS)
        self._write("DELETE FROM nonce WHERE asked_ns < ?", before)

    # -- presences -------------------------------------------------------------------------------

    def set_presence(self, presence: Presence) -> None:
        """Note what a client wants to be shown. Of very many clients' shards the oldest goes."""
        row = (presence.shard_id, presence.shard_count, presence.asked_ns, presence.d)
        self._write("INSERT OR REPLACE INTO presence VALUES (?, ?, ?, ?)", *row)
        self._write(
            "DELETE FROM presence WHERE asked_ns < (SELECT min(asked_ns) FROM (SELECT asked_ns "
            "FROM presence ORDER BY asked_ns DESC LIMIT ?))",
            MOST_PRESENCES,
        )

    def presences(self) -> list[Presence]:
        """Return what all clients want to be shown, by their shards."""
        return [Presence(*row) for row in self._rows("SELECT * FROM presence")]

    # --------------------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._told():
            return self._db.execute(query, values).fetchall()

    def _write(self, query: str, *values: object) -> None:
        with self._told():
            self._db.execute(query, values)

    def _open(self) -> sqlite3.Connection:
        """Open the file, and make it where there is none, or one of another version."""
        os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None)
        try:
            # What a process has written outlives it; what a loss of power takes is of a moment, and
            # the file is whole after it.
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            if db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                for table in ("voice", "nonce", "presence"):
                    db.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {FORMAT}")
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise RequestStoreError(
                f"{self._file}: what clients asked for can't be kept ({error})",
                "see that the disk has room; if the file is broken, stop the proxy and delete it",
            ) from error


def _voice(row: Any) -> Voice:
    guild, session_id, joined, process = row
    return Voice(int(guild), session_id, bool(joined), process)
