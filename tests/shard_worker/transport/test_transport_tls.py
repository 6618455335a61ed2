"""Certificates are always verified: by whom, for whom, until when."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve

from cluster.sandbox.http.certificates import make_certificates
from shard_worker.transport.transport import Transport
from tests.shard_worker.transport.test_transport import Receiver

NOW = datetime.datetime.now(datetime.UTC)
LONG_AGO = NOW - datetime.timedelta(days=60)
LATER = NOW + datetime.timedelta(days=60)


def authority(folder: Path, made: datetime.datetime, *names: str) -> tuple[Path, ssl.SSLContext]:
    """Return the file that trusts a server, and that server's side of TLS. names: the server's;
    none: localhost."""
    ca, chain, key = make_certificates(made, names or ("localhost",))
    trusted, pair = folder / "ca.pem", folder / "server.pem"
    folder.mkdir()
    trusted.write_bytes(ca)
    pair.write_bytes(chain + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return trusted, context


def outcome(url: str, server: ssl.SSLContext, ca_file: str) -> tuple[str, str]:
    """Return how a connection to this server begins: "connected", or why it failed."""

    async def handler(socket: ServerConnection) -> None:
        await socket.close(4000)

    async def main() -> tuple[str, str]:
        transport = Transport(ca_file=ca_file)
        try:
            async with serve(handler, None, 0, ssl=server) as made:
                receiver = Receiver()
                port = next(iter(made.sockets)).getsockname()[1]
                transport.connect(url.replace("PORT", str(port)), receiver)
                kind, cause = await receiver.end()
                assert receiver.connected.is_set() == (kind == "closed")
                return kind, str(cause)
        finally:
            await transport.close()

    return uvloop.run(main())


def test_who_is_trusted_is_connected_to(tmp_path: Path) -> None:
    ca_file, server = authority(tmp_path / "a", NOW)
    assert outcome("wss://localhost:PORT/", server, str(ca_file)) == ("closed", "4000")


@pytest.mark.parametrize("system", [False, True], ids=["another", "the system's"])
def test_an_unknown_authority(tmp_path: Path, system: bool) -> None:
    _, server = authority(tmp_path / "a", NOW)
    other, _ = authority(tmp_path / "b", NOW)
    kind, cause = outcome("wss://localhost:PORT/", server, "" if system else str(other))
    assert kind == "denied"
    assert "certificate" in cause


def test_a_certificate_for_another_host(tmp_path: Path) -> None:
    ca_file, server = authority(tmp_path / "a", NOW)
    kind, cause = outcome("wss://0.0.0.0:PORT/", server, str(ca_file))
    assert kind == "denied"
    assert "certificate" in cause
    assert "0.0.0.0" in cause


@pytest.mark.parametrize("made", [LONG_AGO, LATER], ids=["expired", "not yet valid"])
def test_a_certificate_out_of_its_time(tmp_path: Path, made: datetime.datetime) -> None:
    ca_file, server = authority(tmp_path / "a", made)
    kind, cause = outcome("wss://localhost:PORT/", server, str(ca_file))
    assert kind == "denied"
    assert "certificate" in cause


def test_a_server_that_says_nothing_of_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server takes the connection, and does no more."""
    monkeypatch.setattr("shard_worker.transport.curl_options.CONNECT_TIMEOUT_S", 0.3)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()
        writer.close()

    async def main() -> None:
        transport = Transport()
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        receiver = Receiver()
        transport.connect(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/", receiver)
        kind, cause = await receiver.end()
        assert kind == "failed"
        assert "timed out" in cause.lower()
        await transport.close()
        server.close()

    uvloop.run(main())
