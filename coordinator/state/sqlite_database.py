"""SqliteDatabase: a file in the state folder, 0600, written by one process (coordinator.lock).

WAL, and FULL: what a transaction wrote is on the disk when it is done.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from coordinator.state import schema
from coordinator.state.database import Row, StoreError


class SqliteDatabase:
    """An open SQLite database with the store's tables."""

    place = ""
    trouble = ""  # what fails is said by whoever wanted to write

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        """connection: with isolation_level None, and the tables in it (schema.prepare)."""
        self.name = name
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a file, or make it. StoreError: it is damaged, or can't be written. ClusterError: a
        newer schema."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            return cls._prepared(sqlite3.connect(path, isolation_level=None, timeout=5.0), path)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(str(error)) from error

    @classmethod
    def in_memory(cls) -> Self:
        """Make one that is gone with this process."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        return cls._prepared(connection, Path("memory"))

    @classmethod
    def _prepared(cls, connection: sqlite3.Connection, path: Path) -> Self:
        try:
            schema.prepare(connection, path)
        except BaseException:
            connection.close()
            raise
        return cls(connection, str(path))

    def is_ours(self) -> bool:
        return True  # the state folder is locked

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _store_errors(), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    def write(self, statement: str, values: Sequence[object] = ()) -> None:
        with _store_errors():
            self._connection.execute(statement, values)

    def write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        with _store_errors():
            self._connection.executemany(statement, rows)

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        with _store_errors():
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:  # OverflowError: a number beyond 64 bits
        raise StoreError(str(error)) from error
