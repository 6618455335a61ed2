"""Serves a cluster over HTTP: a process of its own, ``python -m coordinator.http.server``.

It is apart from the coordinator, so that whoever can reach the port takes none of the time that
grants identifies and looks after workers: the coordinator is asked once a second, however many
ask here, and a client that does not read holds up itself alone. If this process dies it is started
again. It is started with an HttpSpec (cluster.child_process).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from cluster.child_process import Child, ChildSpec, run_child
from cluster.config.tokens import read_http_token
from cluster.control import ControlClient
from cluster.endpoints.listening import HTTP
from cluster.errors import ClusterError
from cluster.wire.status import Operation
from coordinator.http.access import Access
from coordinator.http.connections import Connection, Connections
from coordinator.http.history import History
from coordinator.http.routes import Routes, make_app
from coordinator.http.snapshots import Snapshots

log = logging.getLogger(__name__)

LOOK_S: Final = 0.2
"""Seconds between two looks whether this process has to end, and who does not read."""
ASK_S: Final = 2.0
"""Seconds that the coordinator may take to answer."""
BACKLOG: Final = 128
AT_ONCE: Final = 8
"""Connections that are taken in one turn of the loop: those that came in the turns before have been
read by the time in which others could take their places."""
NICE: Final = 5
SHUTDOWN_S: Final = 0.3
"""Seconds that answers under way may still take at the end."""


class HttpSpec(ChildSpec, frozen=True, kw_only=True):
    """What the HTTP server must know."""

    control: str
    """The coordinator's control endpoint."""
    lock: str = ""
    """The coordinator's lock file, to tell whether it is gone or does not answer."""
    host: str
    port: int
    or_next: bool = False
    """Whether one of the next ports will do where this one is taken."""
    loopback: bool
    """Whether the host is this machine alone."""
    token: str = ""
    """What a client has to show; empty: there is none."""
    token_file: str = ""
    """Where it is, to be read again on SIGHUP."""
    ready_shards: int = 0
    """So many ready shards make the cluster ready; 0: all."""
    shard_metrics: int = 512
    """Most shards that have metrics of their own."""

    def __repr__(self) -> str:
        return f"HttpSpec(host={self.host!r}, port={self.port}, token=<hidden>)"


async def serve_http(spec: HttpSpec, child: Child) -> None:
    """Serve until the child is ending. ClusterError: the address can't be listened on."""
    listener = HTTP.listener(spec.host, spec.port, or_next=spec.or_next)
    host, port = listener.getsockname()[:2]
    try:
        lock = Path(spec.lock) if spec.lock else None
        async with ControlClient(spec.control, timeout=ASK_S, lock=lock) as control:
            connections = Connections(time.monotonic)
            access = Access(token=spec.token, loopback=spec.loopback)
            renew = partial(renew_token, access, spec.token_file)
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renew)
            routes = Routes(
                Snapshots(control.status, time.monotonic),
                History(control.happenings),
                access,
                partial(begin, control),
                ready_shards=spec.ready_shards,
                shard_metrics=spec.shard_metrics,
            )
            async with accepting(make_app(routes, connections), connections, listener):
                child.ready(listens=_url(host, port))
                while not child.is_ending():
                    connections.sweep()
                    await asyncio.sleep(LOOK_S)
    finally:
        listener.close()


@asynccontextmanager
async def accepting(
    app: web.Application, connections: Connections, listener: socket.socket
) -> AsyncIterator[None]:
    """Let connections in to an application while the block runs; then end them, within twice
    SHUTDOWN_S."""
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        server = runner.server
        assert server is not None
        listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(connections, server), sock=listener, backlog=AT_ONCE
        )
        listener.listen(BACKLOG)  # which asyncio sets to as many as it takes at once
        try:
            yield
        finally:
            listening.close()
    finally:
        await runner.cleanup()


def renew_token(access: Access, file: str) -> None:
    """Read the token again; one that can't be used changes nothing."""
    if not file:
        return
    try:
        access.token, _ = read_http_token(Path(file))
    except ClusterError as error:
        log.error("the token stays what it was: %s", error)


async def begin(control: ControlClient, verb: str, args: dict[str, Any]) -> Operation:
    """Begin an operation, and do not wait for its end. ClusterError: why it can't begin."""
    try:
        return await control.connection.exchange(verb, Operation, args, ASK_S)
    except TimeoutError:
        raise control.connection.no_answer(ASK_S) from None


def _url(host: str, port: int) -> str:
    """Return where a browser on this host finds it."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reached}]:{port}/" if ":" in reached else f"http://{reached}:{port}/"


def work(spec: HttpSpec, child: Child) -> None:
    """Do the work of the process until it ends; what needs the processor more comes first."""
    os.nice(NICE)
    asyncio.run(serve_http(spec, child))


if __name__ == "__main__":
    sys.exit(run_child(HttpSpec, work))
