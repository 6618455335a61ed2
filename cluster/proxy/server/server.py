"""The proxy's port: who comes in, how many, and how all are sent elsewhere at the end."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, NamedTuple

from websockets.http11 import Request

from cluster.decode_errors import worth_saying
from cluster.descriptors import descriptor_limit, open_descriptors
from cluster.endpoints.tcp import is_loopback
from cluster.errors import ConfigError
from cluster.gateway_server.refusal import Refused
from cluster.proxy.credentials import Credentials
from cluster.proxy.interfaces import Commands, Sessions
from cluster.proxy.server.acceptor import Acceptor
from cluster.proxy.server.connection import Connection
from cluster.proxy.server.http_answers import HttpAnswer, answer, gateway_url
from cluster.proxy.server.identifying import ClusterFacts
from cluster.proxy.server.peer import Ground, Peer
from cluster.proxy.server.restarts import Restarts
from cluster.proxy.server.websocket import header, is_handshake

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_MS: Final = 41_250
"""Discord's own."""
HANDSHAKE_S: Final = 10.0
"""Seconds in which a request must have come whole; those of TLS before it are as many."""
GO_S: Final = 2.0
"""Seconds that clients have to connect elsewhere when the server closes, and then to answer that it
closes them."""
SEND_BUFFER_BYTES: Final = 256 << 10
"""What the kernel keeps for a client; else it is some MiB for each that does not read."""
SPARE_DESCRIPTORS: Final = 64
"""Descriptors that connections leave to the rest of the process."""
MOST_CONNECTIONS: Final = 10_000
_LONGEST_CHECK_S: Final = 1.0
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class ServerCounts(NamedTuple):
    """What a server counts, for `status` and metrics."""

    connections: int
    unidentified: int
    """Those of them that have not shown who they are."""
    most_connections: int
    closes: Mapping[int, int]
    """How many clients the server has closed, by the close code."""
    turned_away: int
    """Connections for which there was no place, or that made place for others."""
    dispatched: int
    """Dispatches that were sent to clients."""
    lost: int
    """RESUMEs of sessions that could not be gone on with."""


class ProxyServer:
    """Serves clients on one listening socket."""

    def __init__(
        self,
        sessions: Sessions,
        commands: Commands,
        credentials: Credentials,
        *,
        cluster: Callable[[], ClusterFacts],
        url: str = "",
        tls: ssl.SSLContext | None = None,
        most_connections: int | None = None,
        heartbeat_interval_ms: int = HEARTBEAT_INTERVAL_MS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """cluster: how the cluster is now. url: what clients are told; empty: the Host by which
        each came. tls: needed where the socket is not on loopback. most_connections: by default
        what the process's descriptors allow. clock: monotonic seconds."""
        self.clock = clock
        self._cluster = cluster
        self._credentials = credentials
        self._url = url.rstrip("/")
        self._tls = tls
        self._most = _most_connections() if most_connections is None else most_connections
        self._check_s = min(_LONGEST_CHECK_S, heartbeat_interval_ms / 4000)
        self._ground = Ground(
            sessions=sessions,
            commands=commands,
            credentials=credentials,
            cluster=cluster,
            interval_ms=heartbeat_interval_ms,
            clock=clock,
            spawn=self._spawn,
            refused=self._refused,
            restarts=Restarts(),
            held_back=self._held_back,
            closed=self._closed,
            lost=self._count_lost,
        )
        self._acceptor: Acceptor | None = None
        self._connections: dict[Connection, Peer | None] = {}
        """In the order in which they came."""
        self._arrivals: dict[Connection, asyncio.Task[None]] = {}
        """Those whose TLS handshake goes on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._closes: Counter[int] = Counter()
        self._explained: Counter[int] = Counter()
        """Of how many the log had something to say, by the close code."""
        self._turned_away = 0
        self._lost = 0
        self._dispatched = 0
        """Dispatches that went over connections that have ended."""
        self._held_backs = 0

    # Life

    async def start(self, listener: socket.socket) -> None:
        """Serve a bound socket, which is the server's from now on. ConfigError: other hosts reach
        it, and there is no TLS."""
        host = str(listener.getsockname()[0])
        if self._tls is None and not is_loopback(host):
            listener.close()
            raise ConfigError(
                f"the proxy would listen at {host}, which other hosts can reach, without TLS",
                "set proxy.certificate and proxy.private_key, or let it listen at 127.0.0.1",
            )
        self._acceptor = Acceptor(listener, self._take)
        self._check()

    async def close(self, patience_s: float = GO_S) -> None:
        """Let nobody in any more, ask clients to connect anew (op 7), so that they RESUME
        elsewhere, and close those that have not gone after so many seconds (4000). All sessions are
        detached once this returns."""
        if self._acceptor is not None:
            self._acceptor.close()
            self._acceptor = None
        for connection, peer in list(self._connections.items()):
            if peer is None:
                self._drop(connection)
            else:
                peer.told_to_reconnect()
        await self._emptied(patience_s)
        for peer in list(self._connections.values()):
            if peer is not None:
                peer.refuse(Refused(4000, "The gateway restarts: resume."))
        await self._emptied(patience_s)
        for connection in list(self._connections):
            self._drop(connection)
        await self._emptied(GO_S)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()

    async def _emptied(self, seconds: float) -> None:
        """Wait until all connections are gone, for so long at most."""
        self._empty.clear()
        if not self._connections:
            return
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            log.debug("%d clients have not gone in %g s", len(self._connections), seconds)

    def counts(self) -> ServerCounts:
        """Return what is to be told of the server now."""
        identified = sum(p is not None and p.is_identified for p in self._connections.values())
        return ServerCounts(
            connections=len(self._connections),
            unidentified=len(self._connections) - identified,
            most_connections=self._most,
            closes=dict(self._closes),
            turned_away=self._turned_away,
            dispatched=self._dispatched + sum(one.dispatched for one in self._connections),
            lost=self._lost,
        )

    # Coming in

    def _take(self, sock: socket.socket) -> None:
        """Take a connection in, if there is a place for it."""
        if len(self._connections) >= self._most and not self._make_room():
            self._turn_away(sock)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        connection = Connection(self)
        self._connections[connection] = None
        task = asyncio.get_running_loop().create_task(self._shake_hands(connection, sock))
        self._arrivals[connection] = task
        task.add_done_callback(lambda _: self._arrivals.pop(connection, None))

    async def _shake_hands(self, connection: Connection, sock: socket.socket) -> None:
        """Let a socket speak TLS, where that is wanted, and then HTTP."""
        loop = asyncio.get_running_loop()
        wait_s = HANDSHAKE_S if self._tls is not None else None
        try:
            await loop.connect_accepted_socket(
                lambda: connection, sock, ssl=self._tls, ssl_handshake_timeout=wait_s
            )
        except (OSError, asyncio.CancelledError) as error:  # ssl.SSLError, TimeoutError: OSError
            log.debug("a handshake failed (%s)", error)
            connection.abort()
            sock.close()
            self.gone(connection)

    def _make_room(self) -> bool:
        """Let go of the connection that has been there for longest without showing who it is.
        False: there is none."""
        for connection, peer in self._connections.items():
            if peer is None or not peer.is_identified:
                self._count_turned_away()
                self._drop(connection)
                self.gone(connection)
                return True
        return False

    def _turn_away(self, sock: socket.socket) -> None:
        self._count_turned_away()
        with sock:
            if self._tls is None:
                try:
                    sock.send(_FULL)
                except OSError as error:
                    log.debug("a client was gone before it was turned away (%s)", error)

    def _count_turned_away(self) -> None:
        self._turned_away += 1
        if worth_saying(self._turned_away):
            log.warning(
                "%d connections in all had no place: there are %d", self._turned_away, self._most
            )

    def _drop(self, connection: Connection) -> None:
        """End a connection at once, be it in its handshake of TLS or later."""
        if (arrival := self._arrivals.get(connection)) is not None:
            arrival.cancel()
        connection.abort()

    # Door

    def asked(self, connection: Connection, request: Request) -> Peer | HttpAnswer:
        """Answer a request: a WebSocket's peer, or where the gateway is."""
        url = self._url or self._url_of(connection, request)
        path, _, query = request.path.partition("?")
        if is_handshake(request):
            peer = self._connections[connection] = Peer(self._ground, connection, query, url)
            return peer
        shown = header(request, "Authorization")
        return answer(
            path,
            url,
            self._cluster().shard_count,
            is_authorized=self._credentials.client(shown) is not None,
        )

    def _url_of(self, connection: Connection, request: Request) -> str:
        tls = self._tls is not None
        return gateway_url(header(request, "Host"), tls=tls) or gateway_url(
            connection.own_address, tls=tls
        )

    def gone(self, connection: Connection) -> None:
        """Forget a connection whose socket is closed."""
        if connection in self._connections:
            del self._connections[connection]
            self._dispatched += connection.dispatched
        if not self._connections:
            self._empty.set()

    # Upkeep

    def _check(self) -> None:
        """Close those whose time is up."""
        now = self.clock()
        for connection, peer in list(self._connections.items()):
            if peer is not None:
                peer.check(now)
            elif now - connection.since > HANDSHAKE_S and connection not in self._arrivals:
                connection.abort()
        self._timer = asyncio.get_running_loop().call_later(self._check_s, self._check)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refused(self, refused: Refused, address: str) -> None:
        if not refused.log:
            return
        code = refused.code
        self._explained[code] += 1
        if worth_saying(self._explained[code]):
            log.warning("the client at %s is closed with %d: %s", address, code, refused.log)

    def _count_lost(self) -> None:
        self._lost += 1

    def _held_back(self, client: str) -> None:
        self._held_backs += 1
        if worth_saying(self._held_backs):
            log.warning(
                "%s identifies again and again, and is told to wait (op 9): is it started anew "
                "whenever it fails?", f"client {client}" if client else "a bot",
            )  # fmt: skip

    def _closed(self, code: int) -> None:
        self._closes[code] += 1


def _most_connections() -> int:
    left = descriptor_limit() - open_descriptors() - SPARE_DESCRIPTORS
    return max(1, min(left, MOST_CONNECTIONS))
