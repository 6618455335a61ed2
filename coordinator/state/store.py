"""What a coordinator must not forget: store id, identify ledger, epochs, plan (SQLite, WAL).

One file in the state folder, 0600, written by one process (coordinator.lock). It is synchronous
and FULL: a grant is given only after its row is on disk, since an epoch that is used twice would
give two events one position, and there are a few grants a second at most. Times are the store's own
(store_time.py).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError
from coordinator.host import HostClocks
from coordinator.sharding.plan import StoredPlan
from coordinator.state import schema
from coordinator.state.store_time import Anchor, StoreTime

log = logging.getLogger(__name__)

_T = TypeVar("_T")

DAY_S: Final = 86_400.0
KEEP_LEDGER_S: Final = 30 * DAY_S


class StoredGateway(msgspec.Struct, frozen=True, kw_only=True):
    """What GET /gateway/bot last said, for a start at which it says nothing."""

    account: str
    """The account that it was told to, by its key in this store."""
    url: str
    shards: int
    """Recommended number of shards."""
    max_concurrency: int


class Spent(NamedTuple):
    """One row of the ledger, as it matters to a limiter that is new."""

    shard_id: int
    sent_at: float
    """When the identify was sent."""


class Known(NamedTuple):
    """What the store knows of one shard."""

    epoch: int
    """The epoch that its last grant began; 0: there was none."""
    account: str
    seen_at: float | None
    """When its session was last known to live; None: it never was, or the session is over."""


class Store:
    """The store of one state folder. Close it when done."""

    def __init__(self, connection: sqlite3.Connection, clocks: HostClocks) -> None:
        self._db = connection
        self.time = StoreTime.follow(self._get("time", Anchor), clocks)
        """The time by which everything is noted."""
        self._begin_time()
        row = connection.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()
        self.store_id: str = row[0]
        """16 hexadecimal digits, random, for as long as the file lives."""

    @classmethod
    def open(cls, path: Path, clocks: HostClocks | None = None) -> Self:
        """Open a store, or make it. clocks: None: those of this machine. ClusterError: a newer
        schema, a damaged file, a folder that can't be written."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
            try:
                schema.prepare(connection, path)
                return cls(connection, clocks or HostClocks.own())
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise ClusterError(
                f"the store {path} can't be opened ({error})",
                "check the disk and the rights, or move the file away: a new store will not know "
                "how many identifies were spent, nor the positions that subscribers saved",
            ) from error

    def close(self) -> None:
        self._db.close()

    # -- time -----------------------------------------------------------------------------------

    def _begin_time(self) -> None:
        """Note where the time begins. What an earlier program, whose time was the wall clock's, has
        noted of the future counts from now on."""
        now = self.time.now()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._keep_time()
            for statement in (
                "UPDATE identifies SET granted_at = :now WHERE granted_at > :now",
                "UPDATE identifies SET sent_at = :now WHERE sent_at > :now",
                "UPDATE resets SET last_reset = NULL WHERE last_reset > :now",
                "UPDATE shards SET seen_at = NULL WHERE seen_at > :now",
            ):
                self._db.execute(statement, {"now": now})

    def _keep_time(self) -> None:
        """Note how far the time is, for the start after the next boot."""
        self._put("time", self.time.anchor())

    # -- identifies -----------------------------------------------------------------------------

    def next_grant_id(self) -> int:
        row = self._db.execute("SELECT coalesce(max(grant_id), 0) + 1 FROM identifies").fetchone()
        return int(row[0])

    def grant(
        self, grant_id: int, account: str, shard_count: int, shard_id: int, now: float
    ) -> int:
        """Write a grant to the ledger and return the epoch that it begins. Epochs grow over all
        shard counts, since a journal keeps a shard id's epochs in order, whatever the count was."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            (before,) = self._db.execute(
                "SELECT coalesce(max(epoch), 0) FROM shards WHERE shard_id = ?", (shard_id,)
            ).fetchone()
            epoch = int(before) + 1
            self._db.execute(
                "INSERT OR REPLACE INTO shards (shard_count, shard_id, epoch, account) "
                "VALUES (?, ?, ?, ?)",
                (shard_count, shard_id, epoch, account),
            )
            self._db.execute(
                "INSERT INTO identifies (grant_id, account, shard_count, shard_id, epoch, "
                "granted_at) VALUES (?, ?, ?, ?, ?, ?)",
                (grant_id, account, shard_count, shard_id, epoch, now),
            )
        return epoch

    def grant_outside(
        self, grant_id: int, account: str, shard_count: int, shard_id: int, now: float
    ) -> None:
        """Write a grant to a program outside to the ledger: spent, and of no epoch of ours."""
        self._db.execute(
            "INSERT INTO identifies (grant_id, account, shard_count, shard_id, epoch, granted_at) "
            "VALUES (?, ?, ?, ?, 0, ?)",
            (grant_id, account, shard_count, shard_id, now),
        )

    def sent(self, grant_id: int, now: float) -> None:
        self._db.execute("UPDATE identifies SET sent_at = ? WHERE grant_id = ?", (now, grant_id))

    def unused(self, grant_id: int) -> None:
        self._db.execute("UPDATE identifies SET unused = 1 WHERE grant_id = ?", (grant_id,))

    def spent(self, account: str, now: float) -> int:
        """Return how many identifies were spent since the last daily reset that is known, at most a
        day back."""
        row = self._db.execute(
            "SELECT last_reset FROM resets WHERE account = ?", (account,)
        ).fetchone()
        since = max(now - DAY_S, row[0] if row and row[0] is not None else 0.0)
        row = self._db.execute(
            "SELECT count(*) FROM identifies WHERE account = ? AND granted_at >= ? AND NOT unused",
            (account, since),
        ).fetchone()
        return int(row[0])

    def recent(self, account: str, since: float, now: float) -> list[Spent]:
        """Return the last identify of each shard that was sent since then, oldest first. One
        granted since then of which it is not known that it was sent counts as sent now."""
        rows = self._db.execute(
            "SELECT shard_id, max(coalesce(sent_at, ?)) AS at FROM identifies WHERE account = ? "
            "AND NOT unused AND coalesce(sent_at, granted_at) >= ? GROUP BY shard_id ORDER BY at",
            (now, account, since),
        )
        return [Spent(*row) for row in rows]

    def reset_due(self, account: str, next_reset: float, now: float) -> None:
        """Note that Discord says the account's daily limit is reset at next_reset. The one that was
        known before becomes the last reset if it is past."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO resets (account, next_reset) VALUES (?, ?) "
                "ON CONFLICT (account) DO UPDATE SET "
                "last_reset = CASE WHEN next_reset <= ? THEN next_reset ELSE last_reset END, "
                "next_reset = excluded.next_reset",
                (account, next_reset, now),
            )
            self._db.execute(  # the last one stays: grant ids count on from it
                "DELETE FROM identifies WHERE granted_at < ? "
                "AND grant_id < (SELECT max(grant_id) FROM identifies)",
                (now - KEEP_LEDGER_S,),
            )

    # -- shards and plan ------------------------------------------------------------------------

    def known(self, shard_count: int, shard_id: int) -> Known:
        row = self._db.execute(
            "SELECT epoch, account, seen_at FROM shards WHERE shard_count = ? AND shard_id = ?",
            (shard_count, shard_id),
        ).fetchone()
        return Known(*row) if row else Known(0, "", None)

    def seen(
        self, shard_count: int, alive: Iterable[int], now: float, *, lost: Iterable[int] = ()
    ) -> None:
        """Note that these shards have a session now, and which have lost theirs. Those of any other
        shard count have none that a start could go on with: this count is in force."""
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._keep_time()
            self._db.execute(
                "UPDATE shards SET seen_at = NULL WHERE shard_count != ?", (shard_count,)
            )
            self._db.executemany(
                "UPDATE shards SET seen_at = ? WHERE shard_count = ? AND shard_id = ?",
                [
                    *((None, shard_count, shard) for shard in lost),
                    *((now, shard_count, shard) for shard in alive),
                ],
            )

    def forget_sessions(self) -> None:
        """Note that no shard has a session any more: they were logged out."""
        self._db.execute("UPDATE shards SET seen_at = NULL")

    def plan(self) -> StoredPlan | None:
        """Return the plan that was last in force; None: there was none, or it can't be read."""
        return self._get("plan", StoredPlan)

    def set_plan(self, stored: StoredPlan) -> None:
        """Store the plan that is in force from now on."""
        self._put("plan", stored)

    def gateway(self, account: str) -> StoredGateway | None:
        """Return what Discord last told this account of the gateway; None: nothing, or it can't be
        read."""
        stored = self._get("gateway", StoredGateway)
        return stored if stored is not None and stored.account == account else None

    def set_gateway(self, stored: StoredGateway) -> None:
        """Store what Discord tells of the gateway now."""
        self._put("gateway", stored)

    def _get(self, key: str, kind: type[_T]) -> _T | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        try:
            return msgspec.json.decode(row[0], type=kind) if row else None
        except (TypeError, *MALFORMED) as error:
            log.error("the stored %s can't be read, and is made anew: %s", key, error)
            return None

    def _put(self, key: str, value: msgspec.Struct | Mapping[int, float]) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)",
            (key, msgspec.json.encode(value).decode()),
        )

    # -- journals -------------------------------------------------------------------------------

    @property
    def retired(self) -> dict[int, float]:
        """Slots that no plan has and that have a journal -> since when that is known."""
        return self._get("retired", dict[int, float]) or {}

    def set_retired(self, since: Mapping[int, float]) -> None:
        """Store since when slots are no more in use."""
        self._put("retired", since)

    @property
    def has_sandbox_journals(self) -> bool:
        """Whether all journals of this state folder are those of sandboxes."""
        row = self._db.execute("SELECT 1 FROM meta WHERE key = 'sandbox_journals'").fetchone()
        return row is not None

    def mark_sandbox_journals(self, marked: bool) -> None:
        """Remember for later starts whether all journals are those of sandboxes."""
        if marked:
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('sandbox_journals', '1')")
        else:
            self._db.execute("DELETE FROM meta WHERE key = 'sandbox_journals'")
