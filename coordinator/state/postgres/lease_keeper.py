"""LeaseKeeper: beats once a second for as long as the coordinator lives, and connects anew.

It waits for the server in a thread, with a connection of its own, so that a server that is silent
stalls nobody; what it learns it tells on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

import psycopg

from coordinator.state.database import LeaseLostError, StoreError
from coordinator.state.lease import RENEW_S, HeldLease
from coordinator.state.postgres.connection import (
    BoundedConnection,
    begin,
    connect,
    in_thread,
    one_line,
)
from coordinator.state.postgres.database import PostgresDatabase
from coordinator.state.postgres.tables import Content, read_all, renew_lease

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Keeps the lease of a database that is open."""

    def __init__(
        self,
        url: str,
        database: PostgresDatabase,
        lease: HeldLease,
        *,
        holder: str,
        clock: Callable[[], float],
    ) -> None:
        """holder: our id in the lease. clock: seconds that count on while the machine is
        suspended."""
        self.lease = lease
        self._url = url
        self._database = database
        self._holder = holder
        self._clock = clock
        self._connection: BoundedConnection | None = None
        self._failed = asyncio.Event()
        database.when_failed = self._failed.set

    async def run(self) -> None:
        """Keep the lease until cancelled. LeaseLostError: another coordinator has it."""
        try:
            while True:
                self._failed.clear()
                await self._beat()
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_S):
                        await self._failed.wait()
        finally:
            if self._connection is not None:
                self._connection.close()

    async def _beat(self) -> None:
        asked_at = self._clock()
        try:
            if not await in_thread(self._renew):
                self.lease.lose()
                raise LeaseLostError(
                    f"another coordinator has taken the store {self._database.name}"
                )
            self.lease.renewed(asked_at)
            if not self._database.connected:
                self._database.resume(*await in_thread(self._reconnect))
                log.info("the store %s can be written again", self._database.name)
        except LeaseLostError:
            self.lease.lose()
            raise
        except (psycopg.Error, StoreError) as error:
            why = one_line(error)
            if self._database.connected:
                log.error("the store %s can't be reached, and nothing is granted: %s",
                    self._database.name, why)  # fmt: skip
            self._database.disconnect(why)
            # The server is asked again at the next beat, not at once: it is down, say.
            self._failed.clear()

    def _renew(self) -> bool:
        """Raise the beat; return whether the lease is still ours. Runs in a thread."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url)
            begin(self._connection)
            return renew_lease(self._connection, self._holder)
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise

    def _reconnect(self) -> tuple[BoundedConnection, Content]:
        """Return a new connection for the database, and what is in the tables. Runs in a thread."""
        connection = connect(self._url)
        try:
            return connection, read_all(connection)
        except BaseException:
            connection.close()
            raise
