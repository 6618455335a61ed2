"""A server on loopback that writes down how its clients introduce themselves: TLS, HTTP/2, headers.

It answers just enough to be talked to: GET over HTTP/2 and HTTP/1.1, and a WebSocket that says
HELLO as the Gateway does.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import zlib
from collections.abc import Callable
from typing import Final, Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import msgspec

from cluster.doctor.fingerprint.client_hello import ClientHello, FingerprintError
from cluster.doctor.fingerprint.http2 import Opening, read_opening
from cluster.doctor.fingerprint.tls import TlsStream

CONNECTION_S: Final = 30.0
"""How long a connection may live."""
MAX_CAPTURES: Final = 256
MAX_HEADER_BYTES: Final = 64 * 1024
HELLO: Final = b'{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}'
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Page = Callable[[str], tuple[str, bytes]]
"""Takes a path with its query and returns (content type, body)."""


class Capture(msgspec.Struct, kw_only=True):
    """One request, and how its connection was opened."""

    hello: ClientHello
    alpn: str
    """The protocol that was agreed on: "h2", "http/1.1"; empty: none."""
    request: str
    """The request line of HTTP/1.1, or of HTTP/2 the words that it would be."""
    headers: list[tuple[str, str]]
    """(name, value) in the order sent; for HTTP/2 with pseudo-headers."""
    opening: Opening | None = None
    """What came before and with the first request of HTTP/2; None: it was not HTTP/2."""

    @property
    def is_websocket(self) -> bool:
        return any(n.lower() == "upgrade" and v.lower() == "websocket" for n, v in self.headers)


class CaptureServer:
    """A server on 127.0.0.1 while ``async with CaptureServer(context, page) as server`` lasts."""

    def __init__(self, context: ssl.SSLContext, page: Page) -> None:
        """context: a server's; its ALPN is set here. page: what is answered to a GET."""
        context.set_alpn_protocols(["h2", "http/1.1"])
        self._context = context
        self._page = page
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()
        self.captures: list[Capture] = []
        self.failures: list[str] = []
        """Why connections came to no request, a line each."""
        self.frames: list[tuple[int, bytes]] = []
        """What WebSockets sent after their handshake, as `frames_of` returns it."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._on_connection, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait until this holds; it is asked whenever something came."""
        async with self._news:
            await self._news.wait_for(holds)

    async def wait_for(self, wanted: Callable[[Capture], bool]) -> Capture:
        """Wait for a capture that is wanted, and return the first one."""
        await self.wait_until(lambda: any(map(wanted, self.captures)))
        return next(filter(wanted, self.captures))

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # No coroutine function: asyncio would keep the task, and complain of one that is cancelled.
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = TlsStream(self._context, reader, writer)
        try:
            async with asyncio.timeout(CONNECTION_S):
                await self._serve(stream)
        except (
            FingerprintError,
            OSError,  # ssl.SSLError is one, and TimeoutError
            h2.exceptions.ProtocolError,
        ) as error:
            if all(capture.hello is not stream.hello for capture in self.captures):
                self.failures = [*self.failures[-MAX_CAPTURES:], f"{type(error).__name__}: {error}"]
        finally:
            writer.close()

    async def _serve(self, stream: TlsStream) -> None:
        hello = await stream.accept()
        if stream.alpn == "h2":
            await self._serve_http2(stream, hello)
        else:
            await self._serve_http1(stream, hello)

    async def _note(self, capture: Capture) -> None:
        if len(self.captures) >= MAX_CAPTURES:
            raise FingerprintError(f"more than {MAX_CAPTURES} connections")
        self.captures.append(capture)
        await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _serve_http2(self, stream: TlsStream, hello: ClientHello) -> None:
        connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        )
        connection.initiate_connection()
        await stream.write(connection.data_to_send())
        opened, opening = b"", None
        while data := await stream.read():
            if opening is None:
                opened += data
                opening = read_opening(opened)
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    headers = [(str(name), str(value)) for name, value in event.headers or []]
                    pseudo = dict(headers)
                    path = pseudo.get(":path", "/")
                    request = f"{pseudo.get(':method', '?')} {path} HTTP/2"
                    self._answer_http2(connection, event.stream_id or 0, path)
                    await self._note(
                        Capture(
                            hello=hello,
                            alpn="h2",
                            request=request,
                            headers=headers,
                            opening=opening,
                        )
                    )
            await stream.write(connection.data_to_send())

    def _answer_http2(
        self, connection: h2.connection.H2Connection, stream_id: int, path: str
    ) -> None:
        kind, body = self._page(path)
        answer = [(":status", "200"), ("content-type", kind), ("content-length", str(len(body)))]
        connection.send_headers(stream_id, answer)
        connection.send_data(stream_id, body, end_stream=True)

    async def _serve_http1(self, stream: TlsStream, hello: ClientHello) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            if len(head) > MAX_HEADER_BYTES or not (data := await stream.read()):
                raise FingerprintError(f"no request in {len(head)} bytes")
            head += data
        request, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        headers = [(name, value.strip(" ")) for name, _, value in fields]
        capture = Capture(hello=hello, alpn=stream.alpn or "", request=request, headers=headers)
        await self._note(capture)
        if capture.is_websocket:
            await self._serve_websocket(stream, dict(headers))
            return
        kind, body = self._page(request.partition(" ")[2].partition(" ")[0])
        await stream.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n".encode()
            + body
        )

    async def _serve_websocket(self, stream: TlsStream, headers: dict[str, str]) -> None:
        """Accept the WebSocket, with permessage-deflate where it is offered, say HELLO, and note
        what comes until it ends."""
        key = headers.get("Sec-WebSocket-Key", "").encode()
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
        answer = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {accept.decode()}",
        ]
        first, message = 0x81, HELLO
        if "permessage-deflate" in headers.get("Sec-WebSocket-Extensions", ""):
            answer.append("Sec-WebSocket-Extensions: permessage-deflate")
            deflater = zlib.compressobj(wbits=-15)
            message = (deflater.compress(HELLO) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
            first |= 0x40
        await stream.write("\r\n".join([*answer, "", ""]).encode())
        await stream.write(bytes((first, len(message))) + message)
        waiting = b""
        while data := await stream.read():
            found, waiting = frames_of(waiting + data)
            self.frames = [*self.frames, *found][:MAX_CAPTURES]
            await self._tell()
            if any(first & 0x0F == 8 for first, _ in found):
                await stream.write(b"\x88\x00")
                return
            if len(waiting) > MAX_HEADER_BYTES:
                raise FingerprintError(f"no frame in {len(waiting)} bytes")


def frames_of(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return (first byte, payload without its mask) of each whole frame of a client, and the bytes
    that are left. Frames have 125 bytes at most: who talks to this server sends no larger ones."""
    found, start = [], 0
    while start + 6 <= len(data):
        size, key = data[start + 1] & 0x7F, data[start + 2 : start + 6]
        payload = data[start + 6 : start + 6 + size]
        if len(payload) < size:
            break
        found.append((data[start], bytes(b ^ key[n % 4] for n, b in enumerate(payload))))
        start += 6 + size
    return found, data[start:]
