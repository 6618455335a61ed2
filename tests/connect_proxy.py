"""A proxy that answers CONNECT, and alone knows where the names are that are asked for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n"
SOCKS_GRANTED = b"\5\0\0\1\0\0\0\0\0\0"


class ConnectProxy:
    """Passes CONNECT to a known name on to a port of this machine, as SOCKS 5 does too."""

    def __init__(
        self,
        ports: Mapping[str, int],
        answer: bytes | None,
        then: Literal["close", "repeat", "wait"],
        user: str,
    ) -> None:
        self._ports = ports
        self._answer = answer
        self._then = then
        self._user = base64.b64encode(user.encode())
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[str] = []
        """HOST:PORT of each CONNECT that came."""
        self.address = ""
        """HOST:PORT of the proxy."""

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, in a task of this proxy's."""
        self._tasks.add(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readexactly(1)
            if first == b"\5":
                target, established = await self._socks(reader, writer), SOCKS_GRANTED
            else:
                request = await reader.readuntil(b"\r\n\r\n")
                target, established = request.split(b" ")[1].decode(), ESTABLISHED
                if self._user not in request:
                    self._answer = b"HTTP/1.1 407 Who are you\r\nContent-Length: 2\r\n\r\nno"
            self.asked.append(target)
            if self._answer is not None:
                await self._be_odd(self._answer, reader, writer)
            elif target not in self._ports:
                writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            else:
                port = self._ports[target]
                inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(established)
                await join((reader, writer), (inner_reader, inner_writer))
        writer.close()

    async def _be_odd(
        self, answer: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(answer)
        while self._then == "repeat":
            writer.write(answer[-1000:])
            await writer.drain()
        if self._then == "wait":
            await reader.read()

    @staticmethod
    async def _socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        """Take the question of a SOCKS 5 client that names a host (RFC 1928)."""
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\5\0")
        assert (await reader.readexactly(4))[3] == 3, "an address, where a name should be"
        host = await reader.readexactly((await reader.readexactly(1))[0])
        return f"{host.decode()}:{int.from_bytes(await reader.readexactly(2), 'big')}"

    async def close(self) -> None:
        """End the connections that are left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def join(one: Stream, other: Stream) -> None:
    """Pass on what either side says, until both have ended."""
    await asyncio.gather(_copy(one[0], other[1]), _copy(other[0], one[1]))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # one side was cut off: the other is closed, too
    finally:
        writer.close()


@asynccontextmanager
async def connect_proxy(
    ports: Mapping[str, int] | None = None,
    *,
    answer: bytes | None = None,
    then: Literal["close", "repeat", "wait"] = "close",
    user: str = "",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ConnectProxy]:
    """Run a proxy. ports: of this machine, by the HOST:PORT that is asked for. answer: what every
    CONNECT is answered, and what is done then. user: USER:PASSWORD that it wants. tls: it is spoken
    to in TLS."""
    proxy = ConnectProxy(ports or {}, answer, then, user)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, ssl=tls)
    proxy.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


@asynccontextmanager
async def interceptor(
    ours: ssl.SSLContext, port: int, theirs: ssl.SSLContext
) -> AsyncIterator[int]:
    """Take TLS connections under a certificate of its own and pass on what is in them to a port of
    this machine, as some companies' proxies do. Yields the port to connect to."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            inner = await asyncio.open_connection(
                "127.0.0.1", port, ssl=theirs, server_hostname="localhost"
            )
            await join((reader, writer), inner)

    server = await asyncio.start_server(
        lambda reader, writer: tasks.add(asyncio.ensure_future(serve(reader, writer))),
        "127.0.0.1", 0, ssl=ours,
    )  # fmt: skip
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
