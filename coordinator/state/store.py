"""What a coordinator must not forget: store id, identify ledger, epochs, plan.

It is in a file of the state folder (sqlite_database.py) or in PostgreSQL (postgres/), and written
by one process. It is synchronous: a grant is given only after its row is on disk, since an epoch
that is used twice would give two events one position, and there are a few grants a second at most.
Times are the store's own (store_time.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError
from coordinator.host import HostClocks
from coordinator.sharding.plan import StoredPlan
from coordinator.state.database import Database, StoreError
from coordinator.state.sqlite_database import SqliteDatabase
from coordinator.state.store_time import Anchor, StoreTime

log = logging.getLogger(__name__)

_T = TypeVar("_T")

DAY_S: Final = 86_400.0
KEEP_LEDGER_S: Final = 30 * DAY_S
_AT_ONCE: Final = 500
"""Shards of one statement: one each would be a long way with many shards."""


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
    """The store of one cluster. Close it when done."""

    def __init__(self, database: Database, clocks: HostClocks) -> None:
        """clocks: where several hosts use the database, their wall clock is the database's."""
        self._db = database
        follow = StoreTime.shared if database.place else StoreTime.follow
        self.time = follow(self._get("time", Anchor), clocks)
        """The time by which everything is noted."""
        self._begin_time()
        ((store_id,),) = database.read("SELECT value FROM meta WHERE key = 'store_id'")
        self.store_id: str = store_id
        """16 hexadecimal digits, random, for as long as the database lives."""

    @classmethod
    def open(cls, path: Path, clocks: HostClocks | None = None) -> Self:
        """Open the store in a file, or make it. clocks: None: those of this machine. ClusterError:
        a newer schema, a damaged file, a folder that can't be written."""
        try:
            database = SqliteDatabase.open(path)
            try:
                return cls(database, clocks or HostClocks.own())
            except BaseException:
                database.close()
                raise
        except StoreError as error:
            raise ClusterError(
                f"the store {path} can't be opened ({error})",
                "check the disk and the rights, or move the file away: a new store will not know "
                "how many identifies were spent, nor the positions that subscribers saved",
            ) from error

    @property
    def name(self) -> str:
        """Where it is, as people know it."""
        return self._db.name

    @property
    def is_ours(self) -> bool:
        """Whether no other coordinator can have the store now. False: one has it, or may have it,
        since the store could not be reached: then workers are promised nothing."""
        return self._db.is_ours()

    @property
    def trouble(self) -> str:
        """Why it can't be written; empty: it can, as far as is known."""
        return self._db.trouble

    def close(self) -> None:
        self._db.close()

    # -- time -----------------------------------------------------------------------------------

    def _begin_time(self) -> None:
        """Note where the time begins. What an earlier program, whose time was the wall clock's, has
        noted of the future counts from now on."""
        now = self.time.now()
        with self._db.transaction():
            self._keep_time()
            db = self._db
            db.write("UPDATE identifies SET granted_at = ? WHERE granted_at > ?", (now, now))
            db.write("UPDATE identifies SET sent_at = ? WHERE sent_at > ?", (now, now))
            db.write("UPDATE resets SET last_reset = NULL WHERE last_reset > ?", (now,))
            db.write("UPDATE shards SET seen_at = NULL WHERE seen_at > ?", (now,))

    def _keep_time(self) -> None:
        """Note how far the time is, for the start after the next boot."""
        self._put("time", self.time.anchor())

    # -- identifies -----------------------------------------------------------------------------

    def next_grant_id(self) -> int:
        ((number,),) = self._db.read("SELECT coalesce(max(grant_id), 0) + 1 FROM identifies")
        return int(number)

    def grant(
        self, grant_id: int, account: str, shard_count: int, shard_id: int, now: float
    ) -> int:
        """Write a grant to the ledger and return the epoch that it begins. Epochs grow over all
        shard counts, since a journal keeps a shard id's epochs in order, whatever the count was."""
        with self._db.transaction():
            ((before,),) = self._db.read(
                "SELECT coalesce(max(epoch), 0) FROM shards WHERE shard_id = ?", (shard_id,)
            )
            epoch = int(before) + 1
            self._db.write(
                "INSERT INTO shards (shard_count, shard_id, epoch, account) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (shard_count, shard_id) DO UPDATE SET "
                "epoch = excluded.epoch, account = excluded.account, seen_at = NULL",
                (shard_count, shard_id, epoch, account),
            )
            self._db.write(
                "INSERT INTO identifies (grant_id, account, shard_count, shard_id, epoch, "
                "granted_at) VALUES (?, ?, ?, ?, ?, ?)",
                (grant_id, account, shard_count, shard_id, epoch, now),
            )
        return epoch

    def grant_outside(
        self, grant_id: int, account: str, shard_count: int, shard_id: int, now: float
    ) -> None:
        """Write a grant to a program outside to the ledger: spent, and of no epoch of ours."""
        self._db.write(
            "INSERT INTO identifies (grant_id, account, shard_count, shard_id, epoch, granted_at) "
            "VALUES (?, ?, ?, ?, 0, ?)",
            (grant_id, account, shard_count, shard_id, now),
        )

    def sent(self, grant_id: int, now: float) -> None:
        self._db.write("UPDATE identifies SET sent_at = ? WHERE grant_id = ?", (now, grant_id))

    def unused(self, grant_id: int) -> None:
        self._db.write("UPDATE identifies SET unused = 1 WHERE grant_id = ?", (grant_id,))

    def spent(self, account: str, now: float) -> int:
        """Return how many identifies were spent since the last daily reset that is known, at most a
        day back."""
        resets = self._db.read("SELECT last_reset FROM resets WHERE account = ?", (account,))
        since = max([now - DAY_S, *(at for (at,) in resets if at is not None)])
        ((spent,),) = self._db.read(
            "SELECT count(*) FROM identifies WHERE account = ? AND granted_at >= ? AND unused = 0",
            (account, since),
        )
        return int(spent)

    def recent(self, account: str, since: float, now: float) -> list[Spent]:
        """Return the last identify of each shard that was sent since then, oldest first. One
        granted since then of which it is not known that it was sent counts as sent now."""
        rows = self._db.read(
            "SELECT shard_id, max(coalesce(sent_at, ?)) AS at FROM identifies WHERE account = ? "
            "AND unused = 0 AND coalesce(sent_at, granted_at) >= ? GROUP BY shard_id ORDER BY at",
            (now, account, since),
        )
        return [Spent(*row) for row in rows]

    def reset_due(self, account: str, next_reset: float, now: float) -> None:
        """Note that Discord says the account's daily limit is reset at next_reset. The one that was
        known before becomes the last reset if it is past."""
        with self._db.transaction():
            self._db.write(
                "INSERT INTO resets (account, next_reset) VALUES (?, ?) "
                "ON CONFLICT (account) DO UPDATE SET "
                "last_reset = CASE WHEN resets.next_reset <= ? THEN resets.next_reset "
                "ELSE resets.last_reset END, "
                "next_reset = excluded.next_reset",
                (account, next_reset, now),
            )
            self._db.write(  # the last one stays: grant ids count on from it
                "DELETE FROM identifies WHERE granted_at < ? "
                "AND grant_id < (SELECT max(grant_id) FROM identifies)",
                (now - KEEP_LEDGER_S,),
            )

    # -- shards and plan ------------------------------------------------------------------------

    def known(self, shard_count: int, shard_id: int) -> Known:
        rows = self._db.read(
            "SELECT epoch, account, seen_at FROM shards WHERE shard_count = ? AND shard_id = ?",
            (shard_count, shard_id),
        )
        return Known(*rows[0]) if rows else Known(0, "", None)

    def seen(
        self, shard_count: int, alive: Iterable[int], now: float, *, lost: Iterable[int] = ()
    ) -> None:
        """Note that these shards have a session now, and which have lost theirs. Those of any other
        shard count have none that a start could go on with: this count is in force."""
        with self._db.transaction():
            self._keep_time()
            self._db.write(
                "UPDATE shards SET seen_at = NULL WHERE shard_count != ?", (shard_count,)
            )
            self._mark(shard_count, lost, None)
            self._mark(shard_count, alive, now)

    def _mark(self, shard_count: int, shards: Iterable[int], seen_at: float | None) -> None:
        every = list(shards)
        for start in range(0, len(every), _AT_ONCE):
            some = every[start : start + _AT_ONCE]
            self._db.write(
                "UPDATE shards SET seen_at = ? WHERE shard_count = ? AND shard_id IN "
                f"({', '.join('?' * len(some))})",
                (seen_at, shard_count, *some),
            )

    def forget_sessions(self) -> None:
        """Note that no shard has a session any more: they were logged out."""
        self._db.write("UPDATE shards SET seen_at = NULL")

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

    def set_server_key(self, public: str) -> None:
        """Store by which key clients and hosts know the cluster on TCP."""
        self._put("server_key", public)

    def _get(self, key: str, kind: type[_T]) -> _T | None:
        rows = self._db.read("SELECT value FROM meta WHERE key = ?", (key,))
        try:
            return msgspec.json.decode(rows[0][0], type=kind) if rows else None
        except (TypeError, *MALFORMED) as error:
            log.error("the stored %s can't be read, and is made anew: %s", key, error)
            return None

    def _put(self, key: str, value: msgspec.Struct | Mapping[int, float] | int | str) -> None:
        self._db.write(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, msgspec.json.encode(value).decode()),
        )

    # -- journals -------------------------------------------------------------------------------

    @property
    def retired(self) -> dict[int, float]:
        """Slots that no plan has and that have a journal here -> since when that is known."""
        return self._get(self._here("retired"), dict[int, float]) or {}

    def set_retired(self, since: Mapping[int, float]) -> None:
        """Store since when slots are no more in use."""
        self._put(self._here("retired"), since)

    @property
    def has_sandbox_journals(self) -> bool:
        """Whether all journals of this state folder are those of sandboxes."""
        key = self._here("sandbox_journals")
        return bool(self._db.read("SELECT 1 FROM meta WHERE key = ?", (key,)))

    def mark_sandbox_journals(self, marked: bool) -> None:
        """Remember for later starts whether all journals are those of sandboxes."""
        key = self._here("sandbox_journals")
        if marked:
            self._put(key, 1)
        else:
            self._db.write("DELETE FROM meta WHERE key = ?", (key,))

    def _here(self, key: str) -> str:
        """Return the key of what is true of this state folder alone: journals are in it."""
        return f"{key} {self._db.place}".rstrip()
