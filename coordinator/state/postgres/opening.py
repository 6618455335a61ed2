"""Takes a store in PostgreSQL for this coordinator: at once, or when another lets go of it."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final, NamedTuple

import psycopg

from cluster.clocks import since_boot_s
from cluster.config.store_url import store_name
from cluster.endpoints.paths import ClusterPaths
from cluster.errors import AlreadyRunningError, ClusterError, ConfigError
from coordinator.host import HostClocks, boot_id
from coordinator.state.database import StoreError
from coordinator.state.lease import LOOK_S, HeldLease, LeaseRow, LeaseWatch
from coordinator.state.postgres.connection import (
    BoundedConnection,
    begin,
    connect,
    in_thread,
    one_line,
)
from coordinator.state.postgres.database import PostgresDatabase
from coordinator.state.postgres.lease_keeper import LeaseKeeper
from coordinator.state.postgres.tables import (
    Content,
    bring_up_to_date,
    give_up_lease,
    make_lease,
    read_all,
    read_clock,
    read_lease,
    read_server_key,
    take_lease,
)
from coordinator.state.store import Store

log = logging.getLogger(__name__)

LIVES_AFTER: Final = 2
"""So many new beats, and it is sure that the holder lives: the first may have been under way."""


class HeldStore(NamedTuple):
    """A store that this coordinator has, and what keeps it."""

    store: Store
    keeper: LeaseKeeper


class _Taken(NamedTuple):
    """What was found when the lease was taken."""

    connection: BoundedConnection
    content: Content
    lease: HeldLease
    ahead_s: float
    """By how much the database's clock is ahead of the time since this host's boot."""


class PostgresOpening:
    """Opens the store of one URL for the coordinator of one state folder, which is locked."""

    def __init__(self, url: str, paths: ClusterPaths, server_key: str = "") -> None:
        """server_key: the public key by which clients and hosts know this cluster on TCP; empty:
        there is none."""
        self.name = store_name(url)
        """What people know the store by, without a password."""
        self._url = url
        self._server_key = server_key
        lock, host = paths.lock.stat(), socket.gethostname()
        self._holder = secrets.token_hex(8)
        self._mine = LeaseRow(
            holder=self._holder,
            beat=0,
            host=host,
            pid=os.getpid(),
            seat=f"{boot_id()}:{lock.st_dev}:{lock.st_ino}",
            place=f"{host}:{paths.state_dir}",
        )

    async def open(self, standby: Callable[[str], None] | None) -> HeldStore:
        """Take the lease and open the store. standby: wait for as long as another has it, and say
        so by this when that begins; None: AlreadyRunningError then. ClusterError: the store can't
        be used."""
        try:
            taken = await self._wait(standby)
            return self._opened(taken)
        except (psycopg.Error, StoreError) as error:
            raise ClusterError(
                f"the store {self.name} can't be used ({one_line(error)})",
                "check that the server runs, the user's rights, and the password",
            ) from None

    async def _wait(self, standby: Callable[[str], None] | None) -> _Taken:
        watch, told = LeaseWatch(self._mine.seat), False
        connection: BoundedConnection | None = None
        try:
            while True:
                try:
                    if connection is None:
                        connection = await in_thread(self._look_in)
                    row = await in_thread(self._read, connection)
                    free = watch.is_free(row, time.monotonic())
                    if free and (taken := await in_thread(self._take, row.beat)):
                        return taken
                    if not free and standby is None and watch.beats >= LIVES_AFTER:
                        raise AlreadyRunningError(
                            f"the store {self.name} is in use by {row.whose}",
                            "stop that one, or give --standby: then this one waits to take over",
                        )
                    if standby is not None and not told:
                        told = True
                        standby(f"{row.whose} has the store {self.name}")
                except psycopg.Error as error:
                    if not told:
                        raise
                    if connection is not None:  # it is said once
                        log.warning("the store %s can't be reached: %s", self.name, one_line(error))
                        connection.close()
                        connection = None
                await asyncio.sleep(LOOK_S)
        finally:
            if connection is not None:
                connection.close()

    def _look_in(self) -> BoundedConnection:
        """Connect, and see whether we may wait for this store. Runs in a thread."""
        connection = connect(self._url)
        try:
            make_lease(connection, self.name)
            theirs = read_server_key(connection)
        except BaseException:
            connection.close()
            raise
        if (
            theirs
            and self._server_key
            and theirs != self._server_key
            and not self._seen(connection)
        ):
            connection.close()
            raise ConfigError(
                f"the cluster in the store {self.name} has another key for TCP than this one: its "
                "clients and hosts would not know it again",
                "copy the folder `keys` from the other coordinator's state folder",
            )
        return connection

    def _seen(self, connection: BoundedConnection) -> bool:
        """Whether the store was last this state folder's, whose keys may have been renewed."""
        return read_lease(connection).place == self._mine.place

    def _read(self, connection: BoundedConnection) -> LeaseRow:
        begin(connection)
        return read_lease(connection)

    def _take(self, beat: int) -> _Taken | None:
        """Take the lease if this is still its beat, and read what is in the store. None: it is
        not. Runs in a thread."""
        with closing(connect(self._url, long=True)) as first:
            asked_at = since_boot_s()
            if not take_lease(first, self._mine._replace(beat=beat + 1)):
                return None
            try:
                bring_up_to_date(first, self.name)
                content, wall = read_all(first), read_clock(first)
                ahead_s = wall - since_boot_s()
                return _Taken(connect(self._url), content, HeldLease(asked_at), ahead_s)
            except BaseException:
                give_up_lease(first, self._holder)
                raise

    def _opened(self, taken: _Taken) -> HeldStore:
        database = PostgresDatabase(
            taken.connection,
            taken.content,
            taken.lease,
            name=self.name,
            place=self._mine.place,
            holder=self._holder,
        )
        clocks = HostClocks(boot_id(), since_boot_s, lambda: taken.ahead_s + since_boot_s())
        try:
            store = Store(database, clocks)
            if self._server_key:
                store.set_server_key(self._server_key)
        except BaseException:
            database.close()
            raise
        keeper = LeaseKeeper(
            self._url, database, taken.lease, holder=self._holder, clock=since_boot_s
        )
        return HeldStore(store, keeper)
