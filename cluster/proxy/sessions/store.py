"""SessionStore: the sessions of all proxy processes of a host, in SQLite, so that one of them goes
on with what another has left, or was killed with.

Each session has one owner, a process. Who takes a session writes itself down as its owner, and the
one before notices when it writes the next time. Whether an owner lives, the lock on its file says,
which the kernel takes away with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from cluster.decode_errors import MALFORMED
from cluster.proxy.identify import Identify
from cluster.proxy.sessions import hold_table
from cluster.proxy.sessions.hold_table import HoldTable
from cluster.proxy.sessions.stored import Stored, decode, decode_plain, encode, encode_plain

log = logging.getLogger(__name__)

FILE: Final = "sessions.sqlite3"
FORMAT: Final = 1
BUSY_SECONDS: Final = 0.2
"""How long another process may write before a write of this one fails: the event loop stands still
meanwhile."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, client TEXT, shard_id INTEGER, shard_count INTEGER, intents INTEGER,
    program TEXT, owner TEXT, detached_ns INTEGER, seen_ns INTEGER, body BLOB,
    state BLOB, heir_from BLOB
) WITHOUT ROWID
"""
"""detached_ns: Unix time at which it lost its connection; 0: it has one, if its owner lives.
seen_ns: Unix time at which its owner wrote last. heir_from: see Found."""


class Found(NamedTuple):
    """A session that was found."""

    stored: Stored
    owner: str
    ended_ns: int = 0
    """Unix time at which it lost its connection, or its owner, killed since, wrote last."""
    heir_from: dict[str, Any] | None = None
    """Positions.plain of where an heir of it begins at the latest. None: nobody has said."""
    is_unwritten: bool = False
    """It is this process's, and that it has lost its connection could not be written."""


class Change(NamedTuple):
    """How a session is."""

    stored: Stored
    detached_ns: int
    """Unix time at which it lost its connection; 0: it has one."""
    is_state_new: bool
    """Whether `stored.state` is another than was written last."""


class SessionStore:
    """One process's. Thread use: one at a time."""

    def __init__(self, folder: Path) -> None:
        """folder: shared by the processes of the host, which makes it. Raises sqlite3.Error and
        OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.owner = secrets.token_hex(8)
        self._lock = self._lock_own()
        try:
            self._db = _opened(folder / FILE)
            self.holds = HoldTable(self._db, self.owner)
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        self._db.close()
        self._lock_file(self.owner).unlink(missing_ok=True)
        self._lock.close()

    # -- writing ---------------------------------------------------------------------------------

    def add(
        self, stored: Stored, now_ns: int, *, replaces: Found | None = None,
        beside: Sequence[Found] = (),
    ) -> bool:  # fmt: skip
        """Write a session that begins. replaces: the one that it is the heir of, which is removed.
        beside: others of which `heir_from` is to be written. False: somebody has taken the one
        that it replaces meanwhile, and nothing was written."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if replaces is not None:
                gone = self._db.execute(
                    "DELETE FROM sessions WHERE id = ? AND owner = ? AND (detached_ns > 0 OR ?)",
                    (
                        replaces.stored.id,
                        replaces.owner,
                        replaces.is_unwritten or not self.is_alive(replaces.owner),
                    ),
                )
                if not gone.rowcount and not replaces.is_unwritten:
                    return False
            self._db.executemany(
                "UPDATE sessions SET heir_from = ? WHERE id = ? AND owner = ?",
                [(encode_plain(b.heir_from), b.stored.id, b.owner) for b in beside],
            )
            identify = stored.identify
            self._db.execute(
                "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, NULL)",
                (
                    stored.id, identify.client, identify.shard_id, identify.shard_count,
                    identify.intents, identify.program, self.owner, now_ns, encode(stored),
                    stored.state,
                ),
            )  # fmt: skip
        return True

    def write(self, changes: Iterable[Change], now_ns: int) -> list[str]:
        """Write how sessions are. Return the ids of those that another process has taken, or
        ended: they are not this one's any more."""
        lost = []
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            for stored, detached_ns, is_state_new in changes:
                found = self._db.execute(
                    "UPDATE sessions SET detached_ns = ?, seen_ns = ?, body = ?"
                    " WHERE id = ? AND owner = ?",
                    (detached_ns, now_ns, encode(stored), stored.id, self.owner),
                )
                if not found.rowcount:
                    lost.append(stored.id)
                elif is_state_new:
                    self._db.execute(
                        "UPDATE sessions SET state = ? WHERE id = ?", (stored.state, stored.id)
                    )
        return lost

    def remove(self, ids: Iterable[str]) -> None:
        """Remove sessions of this process."""
        with self._db:
            self._db.executemany(
                "DELETE FROM sessions WHERE id = ? AND owner = ?", [(id, self.owner) for id in ids]
            )

    def expire(self, before_ns: int, now_ns: int) -> None:
        """Remove sessions that have had no connection since then, and those whose owner was killed
        and has not called this since then: one that lives may not have come to it yet, where the
        host's clock has jumped."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "UPDATE sessions SET seen_ns = ? WHERE owner = ?", (now_ns, self.owner)
            )
            self._db.execute(
                "DELETE FROM sessions WHERE detached_ns > 0 AND detached_ns < ?", (before_ns,)
            )
            unseen = self._db.execute(
                "SELECT DISTINCT owner FROM sessions WHERE seen_ns < ?", (before_ns,)
            ).fetchall()
            self._db.executemany(
                "DELETE FROM sessions WHERE seen_ns < ? AND owner = ?",
                [(before_ns, owner) for (owner,) in unseen if not self.is_alive(owner)],
            )
            self._db.execute("DELETE FROM holds WHERE older NOT IN (SELECT id FROM sessions)")

    # -- taking ----------------------------------------------------------------------------------

    def owned(self) -> set[str]:
        """Return the ids of the sessions that are this process's."""
        rows = self._db.execute("SELECT id FROM sessions WHERE owner = ?", (self.owner,))
        return {row[0] for row in rows}

    def take(self, session_id: str, client: str, seq: int) -> Found | None:
        """Take a session from whoever has it, to go on with it after an s; None: there is none of
        this client, its client has given it up, or what came after that s is forgotten. Return it
        with the owner that it had."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if (found := self.read(session_id, client, seq)) is not None:
                self._db.execute(
                    "UPDATE sessions SET owner = ?, detached_ns = 0, heir_from = NULL WHERE id = ?",
                    (self.owner, session_id),
                )
        return found

    def read(self, session_id: str, client: str, seq: int) -> Found | None:
        """Return what `take` would, and leave it as it is."""
        row = self._db.execute(
            "SELECT body, state, owner FROM sessions WHERE id = ? AND client = ?",
            (session_id, client),
        ).fetchone()
        stored = None if row is None else _read(session_id, row[0], row[1])
        if stored is None or stored.is_over or seq < stored.acknowledged:
            return None
        return Found(stored, row[2])

    def left(self, since_ns: int) -> list[Stored]:
        """Return the sessions that have lost their connections since then, and those whose owner
        was killed."""
        rows = self._db.execute("SELECT id, owner, detached_ns, body FROM sessions").fetchall()
        found = (
            _read(session_id, body, b"")
            for session_id, owner, detached_ns, body in rows
            if detached_ns > since_ns or (not detached_ns and not self.is_alive(owner))
        )
        return [stored for stored in found if stored is not None]

    def find_detached(self, identify: Identify) -> list[Found]:
        """Return the sessions of which one that identifies so may be the heir: of the same client,
        shard and intents, without a connection. Of a client without a name only those of the same
        program are, of another those before all others. The one that has lost its connection last
        is the first."""
        rows = self._db.execute(
            "SELECT id, owner, detached_ns, seen_ns, body, state, heir_from FROM sessions"
            " WHERE client = ? AND shard_id = ? AND shard_count = ? AND intents = ?",
            (identify.client, identify.shard_id, identify.shard_count, identify.intents),
        ).fetchall()
        found = []
        for session_id, owner, detached_ns, seen_ns, body, state, heir_from in rows:
            if detached_ns or not self.is_alive(owner):
                stored = _read(session_id, body, state)
                if stored is not None:
                    plain = decode_plain(heir_from)
                    found.append(Found(stored, owner, detached_ns or seen_ns, plain))
        same = [one for one in found if one.stored.identify.program == identify.program]
        return sorted(found if identify.client and not same else same, key=_ended, reverse=True)

    # -- owners ----------------------------------------------------------------------------------

    def is_alive(self, owner: str) -> bool:
        """Return whether a process lives that has sessions here."""
        if owner == self.owner:
            return True
        file = self._lock_file(owner)
        try:
            with file.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        file.unlink(missing_ok=True)
        return False

    def _lock_file(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _lock_own(self) -> IO[bytes]:
        lock = self._lock_file(self.owner).open("xb")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return lock


def _ended(found: Found) -> int:
    return found.ended_ns


def _opened(file: Path) -> sqlite3.Connection:
    try:
        return _connected(file)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        # Sessions are for an hour, and a bot that has lost its own identifies.
        log.error("%s can't be read (%s): sessions are begun anew", file, error)
        for name in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            with contextlib.suppress(FileNotFoundError):
                os.replace(name, name.with_name(f"aside-{name.name}"))
        return _connected(file)


def _connected(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
            db.execute("DROP TABLE IF EXISTS sessions")
        db.execute(_SCHEMA)
        db.execute(hold_table.SCHEMA)
        db.execute(f"PRAGMA user_version = {FORMAT}")
    except BaseException:
        db.close()
        raise
    os.chmod(file, 0o600)
    return db


def _read(session_id: str, body: bytes, state: bytes) -> Stored | None:
    try:
        return decode(body, state)
    except MALFORMED as error:
        log.error("session %s can't be read: %s", session_id, error)
        return None
