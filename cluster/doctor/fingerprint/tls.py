"""Does a server's TLS by hand, so that the client's first bytes are seen before anything else."""

from __future__ import annotations

import asyncio
import ssl

from cluster.doctor.fingerprint.client_hello import ClientHello, FingerprintError, complete, parse

_PIECE = 64 * 1024


class TlsStream:
    """One connection to a server, from its ClientHello on."""

    def __init__(
        self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.hello: ClientHello | None = None

    async def accept(self) -> ClientHello:
        """Read the ClientHello and shake hands. Raises FingerprintError, ssl.SSLError, OSError."""
        first = b""
        while not complete(first):
            if not (data := await self._reader.read(_PIECE)):
                raise FingerprintError(f"the connection ended after {len(first)} bytes")
            first += data
        self.hello = parse(first)
        self._incoming.write(first)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            else:
                await self._flush()
                return self.hello

    @property
    def alpn(self) -> str | None:
        """The protocol that was agreed on; None: there was no agreement."""
        return self._tls.selected_alpn_protocol()

    async def read(self) -> bytes:
        """Return what has come, at least a byte; empty: the client has closed the connection."""
        while True:
            try:
                return self._tls.read(_PIECE)
            except ssl.SSLWantReadError:
                await self._fill()
            except ssl.SSLZeroReturnError:
                return b""

    async def write(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def _fill(self) -> None:
        if data := await self._reader.read(_PIECE):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        self._writer.write(self._outgoing.read())
        await self._writer.drain()
