"""What the store needs of a database: few statements, each in SQL that both kinds understand.

A statement has ``?`` for its values. Whatever a database fails at is a StoreError: a caller then
knows that nothing of the transaction is to be relied on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Row = tuple[Any, ...]


class StoreError(Exception):
    """The store can't be read or written at this moment. Its text is for people, and holds no
    secret."""


class LeaseLostError(StoreError):
    """Another coordinator has the store now: nothing is written by this one any more."""


class Database(Protocol):
    """One database, which one coordinator writes."""

    @property
    def name(self) -> str:
        """What people know it by, without a password."""

    @property
    def trouble(self) -> str:
        """Why nothing can be written, as far as is known; empty: it can."""

    @property
    def place(self) -> str:
        """Which host and state folder this is, where several use the database; empty: it is one
        state folder's own."""

    def is_ours(self) -> bool:
        """Whether nobody else can be writing now. False: another does, or may by now, since the
        database could not be reached for as long as it was ours."""

    def transaction(self) -> AbstractContextManager[None]:
        """Let all that is written in the block be written, or nothing of it. StoreError: it is not,
        or it is not known whether it is."""

    def write(self, statement: str, values: Sequence[object] = ()) -> None:
        """Execute a statement that returns nothing, in the transaction that is open or in one of
        its own."""

    def write_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute it for each of some rows of values."""

    def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a query."""

    def close(self) -> None:
        """Close it. It is called once, and raises nothing."""
