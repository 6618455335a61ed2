"""The store's tables in PostgreSQL, and how those of an earlier program come to date.

They are those of the SQLite store (state/schema.py), and beside them the row with the version and
the row of the lease. Whoever has the lease changes them, and nobody else.
"""

from __future__ import annotations

import json
import secrets
from typing import Final, NamedTuple

from psycopg import sql

from cluster.errors import ClusterError
from coordinator.state import schema
from coordinator.state.database import Row
from coordinator.state.lease import LeaseRow
from coordinator.state.postgres.connection import BoundedConnection
from coordinator.state.sqlite_database import SqliteDatabase

COLUMNS: Final = {
    "meta": "key value",
    "identifies": "grant_id account shard_count shard_id epoch granted_at sent_at unused",
    "resets": "account last_reset next_reset",
    "shards": "shard_count shard_id epoch account seen_at",
}
"""The tables of the store, and the columns of each."""
KEPT_S: Final = 3 * 86_400.0
"""Rows of the ledger that are older are left where they are: nothing that is asked looks back for
more than a day."""
_ONE_AT_A_TIME: Final = 0x6463_6777
"""Key of the advisory lock that is held while the lease's table is made."""
_LEASE: Final = """
    CREATE TABLE schema_version (version BIGINT NOT NULL);
    INSERT INTO schema_version VALUES (0);
    CREATE TABLE lease (
        holder TEXT, beat BIGINT NOT NULL, host TEXT NOT NULL, pid BIGINT NOT NULL,
        seat TEXT NOT NULL, place TEXT NOT NULL,
        renewed_at TIMESTAMPTZ NOT NULL);
    INSERT INTO lease VALUES (NULL, 0, '', 0, '', '', clock_timestamp());
"""


def select(table: str) -> str:
    """Return the statement that reads a table."""
    return f"SELECT {', '.join(COLUMNS[table].split())} FROM {table}"


def insert(table: str, conflict: str = "") -> str:
    """Return the statement that writes a row of a table. conflict: what else it says."""
    names = COLUMNS[table].split()
    places = ", ".join("?" for _ in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places}) {conflict}"


class Content(NamedTuple):
    """What is in the tables."""

    rows: dict[str, list[Row]]

    def mirror(self) -> SqliteDatabase:
        """Return a database in memory that holds it."""
        database = SqliteDatabase.in_memory()
        database.write("DELETE FROM meta")
        for table, rows in self.rows.items():
            database.write_many(insert(table), rows)
        return database


def read_all(connection: BoundedConnection) -> Content:
    """Return what is in the tables. psycopg.Error: it can't be read."""
    rows = {}
    for table in COLUMNS:
        statement = select(table)
        if table == "identifies":
            statement += (
                f" WHERE granted_at >= (SELECT max(granted_at) FROM identifies) - {KEPT_S} "
                "OR grant_id = (SELECT max(grant_id) FROM identifies)"
            )
        rows[table] = connection.execute(sql.SQL(statement)).fetchall()
    return Content(rows)


def make_lease(connection: BoundedConnection, name: str) -> None:
    """Make the lease's table, where it is not there. ClusterError: the database is another
    program's, or a newer dcgw-cluster's."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ONE_AT_A_TIME,))
        if not _exists(connection, "schema_version"):
            if any(_exists(connection, table) for table in COLUMNS):
                raise ClusterError(
                    f"the store {name} has tables of another program",
                    "give the cluster a database of its own",
                )
            connection.execute(_LEASE)
    _check_version(connection, name)


def bring_up_to_date(connection: BoundedConnection, name: str) -> None:
    """Make the tables, or change those of an earlier program. The lease is held. ClusterError: they
    are a newer one's, which had the store while this one stood by."""
    _check_version(connection, name)
    with connection.transaction():
        for step in range(_version(connection), schema.VERSION):
            words = schema.MIGRATIONS[step].replace("INTEGER", "BIGINT")
            connection.execute(sql.SQL(words.replace("REAL", "DOUBLE PRECISION")))
            connection.execute("UPDATE schema_version SET version = %s", (step + 1,))
        connection.execute(
            "INSERT INTO meta VALUES ('store_id', %s) ON CONFLICT DO NOTHING",
            (secrets.token_hex(8),),
        )


def read_clock(connection: BoundedConnection) -> float:
    """Return the Unix seconds of the database's clock."""
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])


def read_server_key(connection: BoundedConnection) -> str:
    """Return the public key of the cluster on TCP; empty: it is not known."""
    if not _exists(connection, "meta"):
        return ""
    row = connection.execute("SELECT value FROM meta WHERE key = 'server_key'").fetchone()
    return str(json.loads(row[0])) if row else ""


# -- the lease's row ----------------------------------------------------------------------------


def read_lease(connection: BoundedConnection) -> LeaseRow:
    """Return the lease as it is."""
    row = connection.execute("SELECT holder, beat, host, pid, seat, place FROM lease").fetchone()
    assert row is not None
    return LeaseRow(*row)


def take_lease(connection: BoundedConnection, mine: LeaseRow) -> bool:
    """Take the lease, if its beat is still the one before mine. False: it is not."""
    taken = connection.execute(
        "UPDATE lease SET holder = %s, beat = %s, host = %s, pid = %s, seat = %s, "
        "place = %s, renewed_at = clock_timestamp() WHERE beat = %s",
        (mine.holder, mine.beat, mine.host, mine.pid, mine.seat, mine.place, mine.beat - 1),
    )
    return taken.rowcount == 1


def renew_lease(connection: BoundedConnection, holder: str) -> bool:
    """Raise the beat. False: another has the lease."""
    renewed = connection.execute(
        "UPDATE lease SET beat = beat + 1, renewed_at = clock_timestamp() WHERE holder = %s",
        (holder,),
    )
    return renewed.rowcount == 1


def give_up_lease(connection: BoundedConnection, holder: str) -> None:
    """Leave the lease to whoever wants it."""
    connection.execute(
        "UPDATE lease SET holder = NULL, beat = beat + 1, renewed_at = clock_timestamp() "
        "WHERE holder = %s",
        (holder,),
    )


def _exists(connection: BoundedConnection, table: str) -> bool:
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()
    return found == (True,)


def _version(connection: BoundedConnection) -> int:
    row = connection.execute("SELECT version FROM schema_version").fetchone()
    assert row is not None
    return int(row[0])


def _check_version(connection: BoundedConnection, name: str) -> None:
    version = _version(connection)
    if version > schema.VERSION:
        raise ClusterError(
            f"the store {name} was written by a newer dcgw-cluster (schema {version}, this one "
            f"knows {schema.VERSION})",
            "upgrade dcgw-cluster, or give the cluster another database",
        )
