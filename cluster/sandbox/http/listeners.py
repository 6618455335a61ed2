"""The sandbox's sockets: bound once, closed and opened again when connections are refused."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl

from aiohttp import web

log = logging.getLogger(__name__)

_BACKLOG = 1024
_REBIND_S = 0.05
_ATTEMPTS = 5


def bind(host: str, port: int) -> socket.socket:
    """Make a listening socket. OSError names the address: it is in use, or not of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{host} port {port}: {error.strerror}") from error
    return sock


class Listener:
    """One application on one port, on one or two loopback addresses."""

    def __init__(
        self,
        app: web.Application,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, shutdown_timeout=2.0
        )
        self._addresses = [host]
        self._also = also
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._reopening: asyncio.Task[None] | None = None
        self.port = port

    async def start(self) -> None:
        """Bind and serve. OSError as ``bind``."""
        await self._runner.setup()
        try:
            for sock in self._bind_all():
                await self._serve(sock)
        except BaseException:
            await self.stop()
            raise

    def _bind_all(self) -> list[socket.socket]:
        """Bind one port on all addresses, on those of ``also`` only if the machine has them."""
        for attempt in range(1, _ATTEMPTS + 1):
            first = bind(self._addresses[0], self.port)
            port = first.getsockname()[1]
            sockets = {self._addresses[0]: first}
            taken = False
            for host in self._also:
                try:
                    sockets[host] = bind(host, port)
                except OSError as error:
                    taken = taken or error.errno == errno.EADDRINUSE
                    log.info("no listener on %s port %d: %s", host, port, error)
            # `localhost` is ::1 for some clients: with a stranger there, another port is better.
            if not taken or self.port or attempt == _ATTEMPTS:
                break
            for sock in sockets.values():
                sock.close()
        self.port = port
        self._addresses = list(sockets)
        return list(sockets.values())

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = self._runner.server
        assert server is not None  # setup() made it
        self._servers.append(
            await loop.create_server(server, sock=sock, ssl=self._tls, backlog=_BACKLOG)
        )

    def refuse(self, seconds: float) -> None:
        """Close the listening sockets for a while: connects get ECONNREFUSED. 0: open them now."""
        if not seconds and (self._reopening is None or self._reopening.done()):
            return
        if self._reopening is not None:
            self._reopening.cancel()
        self._shut()
        self._reopening = asyncio.ensure_future(self._reopen(seconds))

    def _shut(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        for host in self._addresses:
            while True:
                try:
                    sock = bind(host, self.port)
                except OSError as error:
                    log.warning("port %d can't be had again yet: %s", self.port, error)
                    await asyncio.sleep(_REBIND_S)
                else:
                    await self._serve(sock)
                    break

    async def stop(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._shut()
        await self._runner.cleanup()
