"""The sandbox's sockets: bound once, closed and opened again when connections are refused."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl

from aiohttp import web

log = logging.getLogger(__name__)

_BACKLOG = 1024
_REBIND_S = 0.05


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. OSError, which names the address: it is in use, or there is none such."""
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
            first = bind(self._addresses[0], self.port)
            self.port = first.getsockname()[1]
            sockets = [first]
            for host in self._also:
                # `localhost` is ::1 for some clients, but not every machine has IPv6.
                try:
                    sockets.append(bind(host, self.port))
                except OSError as error:
                    log.info("no listener on %s port %d: %s", host, self.port, error)
                else:
                    self._addresses.append(host)
            for sock in sockets:
                await self._serve(sock)
        except BaseException:
            await self.stop()
            raise

    async def _serve(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = self._runner.server
        assert server is not None  # setup() made it
        self._servers.append(
            await loop.create_server(server, sock=sock, ssl=self._tls, backlog=_BACKLOG)
        )

    def refuse(self, seconds: float) -> None:
        """Close the listening sockets for so long: connects get ECONNREFUSED."""
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
