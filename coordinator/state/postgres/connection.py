"""Connections to PostgreSQL that never wait for long: the coordinator's loop waits with them."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import psycopg
from psycopg import conninfo, waiting
from psycopg.abc import PQGen

from coordinator.state.database import Row

MOST_WAIT_S: Final = 2.0
"""How long a transaction may take, and each host of the URL until it lets us in."""
_LONG_S: Final = 30.0
"""How long the tables may take to be read, or to be brought up to date."""

_Result = TypeVar("_Result")
_READY: Final = {
    waiting.Wait.R: select.POLLIN,
    waiting.Wait.W: select.POLLOUT,
    waiting.Wait.RW: select.POLLIN | select.POLLOUT,
}


class BoundedConnection(psycopg.Connection[Row]):
    """A connection all of whose waiting ends at a deadline. After that it is closed: what the
    server made of the last statement is not known then."""

    deadline = float("inf")
    """Monotonic seconds."""

    def wait(self, gen: PQGen[_Result], interval: float = 0.0, timeout: Any = None) -> _Result:
        """Do what psycopg's own does, until the deadline at most. psycopg.OperationalError: it has
        come. It bounds what statement_timeout can't: a server, or a way to it, that is silent."""
        poll, fd = select.poll(), self.pgconn.socket
        try:
            wanted = next(gen)
            while True:
                poll.register(fd, _READY[wanted])
                left_s = self.deadline - time.monotonic()
                found = poll.poll(max(0.0, min(left_s, 3600.0)) * 1000)
                if not found:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server does not answer")
                writable = bool(found[0][1] & select.POLLOUT)
                readable = bool(found[0][1] & ~select.POLLOUT)  # of an error, too: reading tells it
                ready = waiting.Ready(readable * waiting.Ready.R + writable * waiting.Ready.W)
                wanted = gen.send(ready)
        except StopIteration as done:
            result: _Result = done.value
            return result


def connect(url: str, long: bool = False) -> BoundedConnection:
    """Connect to the server that takes writes. psycopg.Error: none of the URL's does. long: its
    statements may take long. synchronous_commit is on, whatever the server's default is: a grant is
    given when it is on the disk, and on that of each synchronous standby."""
    limit_ms = int((_LONG_S if long else MOST_WAIT_S) * 1000)
    given = conninfo.conninfo_to_dict(url)
    options = (
        f"{given.get('options') or ''} -c synchronous_commit=on -c statement_timeout={limit_ms} "
        f"-c lock_timeout={limit_ms} -c idle_in_transaction_session_timeout={limit_ms}"
    )
    made: dict[str, Any] = {
        "target_session_attrs": "read-write",
        "application_name": "dcgw-cluster",
        **given,
        "connect_timeout": max(1, int(MOST_WAIT_S)),
        "tcp_user_timeout": int(MOST_WAIT_S * 1000),
        "options": options,
    }
    connection = BoundedConnection.connect(conninfo.make_conninfo(**made), autocommit=True)
    begin(connection, _LONG_S if long else MOST_WAIT_S)
    return connection


def begin(connection: BoundedConnection, seconds: float = MOST_WAIT_S) -> None:
    """Let all that follows take so long at most."""
    connection.deadline = time.monotonic() + seconds


def one_line(error: Exception) -> str:
    """Return an error's text in one line: libpq writes one a host."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())


async def in_thread(function: Callable[..., _Result], *values: object) -> _Result:
    """Run a function in a thread and return what it returns. Cancelled, it waits until the function
    has ended: nobody may close a connection that a thread uses."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *values))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise
