"""The tables of the store, and how a file of an earlier program comes to them."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError

VERSION: Final = 2
MIGRATIONS: Final = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE identifies (
        grant_id INTEGER PRIMARY KEY, account TEXT NOT NULL,
        shard_count INTEGER NOT NULL, shard_id INTEGER NOT NULL, epoch INTEGER NOT NULL,
        granted_at REAL NOT NULL, sent_at REAL, unused INTEGER NOT NULL DEFAULT 0);
    CREATE INDEX identifies_by_time ON identifies (account, granted_at);
    CREATE TABLE resets (account TEXT PRIMARY KEY, last_reset REAL, next_reset REAL);
    CREATE TABLE shards (
        shard_count INTEGER NOT NULL, shard_id INTEGER NOT NULL, epoch INTEGER NOT NULL,
        account TEXT NOT NULL, slot INTEGER, seen_at REAL,
        PRIMARY KEY (shard_count, shard_id));
    """,
    """
    DELETE FROM meta WHERE key = 'plan';
    ALTER TABLE shards DROP COLUMN slot;
    """,
)
"""Step n leads from schema version n to n + 1."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the modes, bring the schema up to date, make the store id. ClusterError: a newer schema.
    sqlite3.Error: a damaged file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ClusterError(
            f"the store {path} was written by a newer dcgw-cluster (schema {version}, this one "
            f"knows {VERSION})",
            "upgrade dcgw-cluster, or give the cluster another state folder",
        )
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":  # a row that can't be read would show in the midst of a start
        raise sqlite3.DatabaseError(f"it is damaged: {found.splitlines()[-1]}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    for step in range(version, VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE; {MIGRATIONS[step]} PRAGMA user_version = {step + 1}; COMMIT;"
        )
    connection.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('store_id', ?)", (secrets.token_hex(8),)
    )
