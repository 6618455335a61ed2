"""PostgresDatabase: the store's tables in PostgreSQL, with a mirror of them in this process.

Everything is read from the mirror: only the holder of the lease writes, so what it wrote is what
there is, and the coordinator's loop waits for the server when something is written and at no other
time. A transaction locks the lease's row first, and finds its own holder in it or fails: so no two
coordinators ever write, whatever their clocks and their connections do, and whoever takes the lease
reads what the one before has written.

When the server can't be reached, writing fails at once until the connection is made anew
(lease_keeper.py). The server may have taken the last transaction, whose answer was lost, or have
lost some, if it was exchanged for a replica that lagged behind: what either of the two knows is put
together then, so that no epoch is used twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql

from cluster.clocks import since_boot_s
from coordinator.state.database import LeaseLostError, Row, StoreError
from coordinator.state.lease import HeldLease
from coordinator.state.postgres.connection import BoundedConnection, begin, one_line
from coordinator.state.postgres.tables import Content, give_up_lease, insert, select
from coordinator.state.sqlite_database import SqliteDatabase

_NOT_OURS: Final = "another coordinator has the store now"


class PostgresDatabase:
    """The database of the coordinator that holds the lease."""

    def __init__(
        self,
        connection: BoundedConnection,
        content: Content,
        lease: HeldLease,
        *,
        name: str,
        place: str,
        holder: str,
    ) -> None:
        """content: what is in the tables, read when the lease was ours. holder: our id in it."""
        self.name = name
        self.place = place
        self.trouble = ""
        """Why nothing can be written; empty: it can."""
        self.when_failed: Callable[[], None] = lambda: None
        """Called when a write has failed: the connection is gone, or the lease."""
        self._lease = lease
        self._holder = holder
        self._mirror = content.mirror()
        self._connection: BoundedConnection | None = connection
        self._writing = False

    # -- Database -------------------------------------------------------------------------------

    def is_ours(self) -> bool:
        return self._lease.holds(since_boot_s())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        connection = self._connection
        if self._lease.lost:
            raise LeaseLostError(_NOT_OURS)
        if connection is None:
            raise StoreError(f"{self.name} can't be reached: {self.trouble}")
        try:
            with self._mirror.transaction():
                begin(connection)
                connection.execute("BEGIN")
                self._fence(connection)
                self._writing = True
                yield
                connection.execute("COMMIT")
        except psycopg.Error as error:
            self._undo(connection, error)
            raise StoreError(one_line(error)) from None
        except BaseException as error:
            self._undo(connection, error)
            raise
        finally:
            self._writing = False

    def write(self, statement: str, values: Sequence[object] = ()) -> None:
        self.write_many(statement, [values])

    def write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        if not self._writing:
            with self.transaction():
                self.write_many(statement, rows)
            return
        assert self._connection is not None
        every = list(rows)
        # Not by executemany: it ends with a Flush, which PostgreSQL takes for the end of idling, so
        # that idle_in_transaction_session_timeout never comes, and a writer that is frozen would
        # keep the lease's row locked.
        for row in every:
            self._connection.execute(_translated(statement), row)
        self._mirror.write_many(statement, every)

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        return self._mirror.read(statement, values)

    def close(self) -> None:
        """Give the lease up, if it is still ours and the server is there, and close."""
        if self._connection is not None:
            with suppress(psycopg.Error):  # then it runs out
                begin(self._connection)
                give_up_lease(self._connection, self._holder)
            self._connection.close()
        self._connection, self.trouble = None, "it was closed"
        self._mirror.close()

    # -- connection -----------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether something can be written, as far as is known."""
        return self._connection is not None

    def disconnect(self, why: str) -> None:
        """Let go of the connection: until `resume` each write fails at once."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.trouble = why

    def resume(self, connection: BoundedConnection, content: Content) -> None:
        """Go on with a new connection. content: what was read by it; it is joined with what was
        known here. StoreError: it is gone again, or the lease is."""
        before, self._mirror = self._mirror, content.mirror()
        self._connection, self.trouble = connection, ""
        try:
            self._restore(before)
        except BaseException:
            self._mirror.close()
            self._mirror = before
            raise
        before.close()

    def _restore(self, before: SqliteDatabase) -> None:
        """Write what was known before and the server lacks: commits that it has lost."""
        known = {(count, shard): epoch for count, shard, epoch, *_ in self._all("shards")}
        shards = [row for row in before.read(select("shards")) if row[2] > known.get(row[:2], -1)]
        ids = {row[0] for row in self._all("identifies")}
        grants = [row for row in before.read(select("identifies")) if row[0] not in ids]
        if shards or grants:
            with self.transaction():
                self.write_many(insert("shards", _NEWER), shards)
                self.write_many(insert("identifies", "ON CONFLICT DO NOTHING"), grants)

    def _all(self, table: str) -> list[Row]:
        return self._mirror.read(select(table))

    def _fence(self, connection: BoundedConnection) -> None:
        mine = connection.execute(
            "SELECT 1 FROM lease WHERE holder = %s FOR UPDATE", (self._holder,)
        ).fetchone()
        if mine is None:
            self._lease.lose()
            raise LeaseLostError(_NOT_OURS)

    def _undo(self, connection: BoundedConnection, error: BaseException) -> None:
        """Leave a transaction that has failed; where that can't be, the connection is given up."""
        try:
            begin(connection)
            connection.execute("ROLLBACK")
        except psycopg.Error as failed:
            self.disconnect(one_line(error if isinstance(error, psycopg.Error) else failed))
        if self._connection is None or isinstance(error, LeaseLostError):
            self.when_failed()


_NEWER: Final = (
    "ON CONFLICT (shard_count, shard_id) DO UPDATE SET epoch = excluded.epoch, "
    "account = excluded.account, seen_at = excluded.seen_at"
)


def _translated(statement: str) -> sql.SQL:
    """Return a statement as psycopg takes it. There is no ``?`` and no ``%`` in one but for
    values."""
    return sql.SQL(statement.replace("?", "%s"))
