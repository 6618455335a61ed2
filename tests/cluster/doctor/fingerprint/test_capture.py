"""The server that listens to introductions: what it hears, and what it says of those who fail."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from cluster.doctor.fingerprint.capture import HELLO, CaptureServer
from cluster.sandbox.http.certificates import make_certificates

Contexts = tuple[ssl.SSLContext, ssl.SSLContext]
WAIT_S = 10.0


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """The server's and a client's."""
    authority, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
    pair: Path = tmp_path_factory.mktemp("capture") / "pair.pem"
    pair.write_bytes(chain + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair)
    return server, ssl.create_default_context(cadata=authority.decode())


def run(contexts: Contexts, scenario: Callable[[CaptureServer], Awaitable[None]]) -> None:
    async def main() -> None:
        async with (
            CaptureServer(contexts[0], lambda path: ("text/plain", path.encode())) as server,
            asyncio.timeout(WAIT_S),
        ):
            await scenario(server)

    asyncio.run(main())


def test_a_request_of_http_1(contexts: Contexts) -> None:
    async def scenario(server: CaptureServer) -> None:
        reader, writer = await asyncio.open_connection(
            "localhost", server.port, ssl=contexts[1], family=2
        )
        writer.write(b"GET /a?b HTTP/1.1\r\nHost: x\r\nB-b:  y: z\r\nb-b:\r\n\r\n")
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n/a?b")
        writer.close()
        (heard,) = server.captures
        assert heard.request == "GET /a?b HTTP/1.1"
        assert heard.headers == [("Host", "x"), ("B-b", "y: z"), ("b-b", "")]
        assert (heard.alpn, heard.opening, heard.is_websocket) == ("", None, False)
        assert heard.hello.server_name == "localhost"

    run(contexts, scenario)


@pytest.mark.parametrize(("compression", "first"), [(None, 0x81), ("deflate", 0xC1)])
def test_a_websocket(contexts: Contexts, compression: str | None, first: int) -> None:
    async def scenario(server: CaptureServer) -> None:
        url = f"wss://localhost:{server.port}/"
        async with connect(url, ssl=contexts[1], compression=compression) as socket:
            assert await socket.recv() == HELLO.decode()
            await socket.send("hello")
            await server.wait_until(lambda: bool(server.frames))
        assert server.frames[0][0] == first
        assert compression is not None or server.frames[0][1] == b"hello"
        assert server.frames[1] == (0x88, b"\x03\xe8")
        assert server.captures[0].is_websocket

    run(contexts, scenario)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no TLS handshake record"),
        (b"\x16\x03\x01\x00\x05", "ended after 5 bytes"),
    ],
)
def test_who_comes_to_no_request(contexts: Contexts, said: bytes, cause: str) -> None:
    """Is told under failures, and keeps nobody else from being heard."""

    async def scenario(server: CaptureServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(said)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        assert server.captures == []
        (failure,) = server.failures
        assert cause in failure

    run(contexts, scenario)
