"""Bad clients are let go of, with Discord's own code where it has one, and cost others nothing."""

from __future__ import annotations

import asyncio
import datetime
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop

from cluster.discord.limits import MAX_SENT_BYTES
from cluster.proxy.server import acceptor, aftermath, connection, server
from cluster.proxy.server.server import HANDSHAKE_S
from cluster.sandbox.http.certificates import make_certificates
from tests.cluster.proxy.server.played_transport import PlayedTransport
from tests.cluster.proxy.server.rig import (
    HANDSHAKE,
    PlayedClock,
    RawClient,
    Served,
    dispatch,
    identify_payload,
    served,
)
from tests.cluster.sandbox.gateway_probe import eventually

ACK = {"t": None, "s": None, "op": 11, "d": None}
LOOPS = [asyncio.run, uvloop.run]


def play(
    scenario: Callable[[Served, PlayedClock], Awaitable[None]],
    run: Any = uvloop.run,
    **options: Any,
) -> None:
    """Run a scenario on a server whose clock is played."""

    async def scene() -> None:
        clock = PlayedClock()
        options.setdefault("heartbeat_interval_ms", 1000)
        async with served(clock=clock, **options) as there:
            async with asyncio.timeout(20):
                await scenario(there, clock)

    run(scene())


@pytest.mark.parametrize("sent", [b"", b"GET / HT", (HANDSHAKE % b"")[:-2]])
def test_half_a_handshake(sent: bytes) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.connect(there.port)
        client.write(sent)
        await eventually(lambda: there.server.counts().connections == 1)
        clock.now += HANDSHAKE_S + 1
        assert await client.rest() == b""
        await there.emptied()

    play(scenario)


def test_half_a_frame() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.write(b"\x81\xfe\x01\x00half a message")
        clock.now += 2.5
        assert await client.close_code() == 4009

    play(scenario)


def test_a_handshake_that_drips() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.connect(there.port)
        for byte in HANDSHAKE % b"":
            if clock.now > 1000.0 + HANDSHAKE_S:
                break
            client.write(bytes((byte,)))
            clock.now += 0.5
        assert await client.rest() == b""
        await there.emptied()

    play(scenario)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b"4"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 9000 + b"\r\n\r\n", b"4"),
        (b"GET / HTTP/1.1\r\n" + b"A: x\r\n" * 200 + b"\r\n", b"4"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", b"400"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"4"),
        (b"POST /api/v10/gateway HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n" * 1000, b"404"),
    ],
    ids=lambda value: value[:24].decode("latin-1"),
)
def test_rubbish_for_a_handshake(sent: bytes, status: bytes) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.connect(there.port)
        client.write(sent)
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status), head
        client.leave()
        await there.emptied()

    play(scenario)


@pytest.mark.parametrize("run", LOOPS)
def test_a_message_of_5_mb(run: Any) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        client.frame(1, b'{"op":3,"d":"' + b"x" * 5_000_000 + b'"}')
        assert await client.close_code() == 4002
        client.leave()
        await there.emptied()
        assert there.sessions.last.ended == [False]
        assert there.server.counts().closes == {4002: 1}

    play(scenario, run)


def test_a_message_in_endless_fragments() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.frame(1, b"x" * 100, fin=False)
        for _ in range(MAX_SENT_BYTES // 100 + 1):
            client.frame(0, b"x" * 100, fin=False)
        assert await client.close_code() == 4002

    play(scenario)


def test_a_message_in_fragments() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        data = json.dumps(identify_payload()).encode()
        client.frame(1, data[:10], fin=False)
        client.frame(9, b"are you there?")
        client.frame(0, data[10:20], fin=False)
        client.frame(0, data[20:])
        assert await client.read_frame() == (10, b"are you there?")
        assert (await client.payload())["t"] == "READY"

    play(scenario)


@pytest.mark.parametrize(("opcode", "fin"), [(0, False), (9, True), (10, True)])
def test_endless_frames_with_nothing_in_them(opcode: int, fin: bool) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.frame(1, b"", fin=False)
        for _ in range(50_000):
            client.frame(opcode, b"", fin=fin)
        assert await client.close_code() == 4008
        client.leave()
        await there.emptied()

    play(scenario)


def test_a_flood_that_comes_at_once_holds_nobody_up() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        transport, flooded = PlayedTransport(), connection.Connection(there.server)
        flooded.connection_made(transport)
        flooded.data_received(HANDSHAKE % b"" + b"\x89\x80\x00\x00\x00\x00" * 40_000)
        assert 240 <= transport.written.count(b"\x8a\x00") < 700
        flooded.connection_lost(None)

    play(scenario)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\x05hello", 1002),
        (b"\x83\x80" + bytes(4), 1002),
        (b"\xc1\x80" + bytes(4), 1002),
        (b"\x80\x80" + bytes(4), 1002),
        (b"\x89\xfe\x00\x7e" + bytes(4 + 126), 1002),
        (b"\x88\x81" + bytes(5), 1002),
        (b"\x88\x83" + bytes(4) + b"\x03\xe8\xff", 4002),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_frames_that_are_none(sent: bytes, code: int) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.write(sent)
        assert await client.close_code() == code
        client.leave()
        await there.emptied()

    play(scenario)


def test_a_client_that_goes_on_after_it_was_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aftermath, "MOST_IGNORED", 1 << 20)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.send({"op": 99})
        assert await client.close_code() == 4001

        async def go_on() -> None:
            while True:
                client.write(bytes(65_536))
                await client.writer.drain()

        with pytest.raises(ConnectionError):
            await go_on()
        await there.emptied()

    play(scenario)


def test_a_client_that_does_not_answer_a_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 0.1)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        client.send({"op": 99})
        assert await client.close_code() == 4001
        assert await client.rest() == b""
        await there.emptied()

    play(scenario)


@pytest.mark.parametrize("run", LOOPS)
def test_a_client_that_never_reads(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_S", 0.1)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: bool(there.sessions.begun))
        session = there.sessions.last
        while session.outlet.waiting < 1 << 20:
            session.send(dispatch("A", 2, text="x" * 100_000))
        for _ in range(5):
            clock.now += 1.5
            client.send({"op": 1, "d": None})
            before = session.outlet.waiting
            await eventually(lambda before=before: session.outlet.waiting > before)  # type: ignore[misc]
        assert session.ended == []
        clock.now += 2.5
        await eventually(lambda: session.ended == [False])
        assert there.server.counts().closes == {4009: 1}
        await there.emptied()

    play(scenario, run)


def test_a_client_that_asks_and_never_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_UNREAD", 10_000)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await eventually(lambda: bool(there.sessions.begun))
        session = there.sessions.last
        while not session.outlet.waiting:
            session.send(dispatch("A", 2, text="x" * 100_000))
        for _ in range(100):
            client.frame(9, b"x" * 125)
        await there.emptied()
        assert session.ended == [False]

    play(scenario)


def test_there_is_a_place_for_who_has_shown_who_it_is() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        first = await RawClient.identified(there.port)
        oldest = await RawClient.connect(there.port)
        greeted = await RawClient.greeted(there.port)
        await eventually(lambda: there.server.counts().connections == 3)
        second = await RawClient.identified(there.port)  # in the place of the oldest
        assert await oldest.rest() == b""
        third = await RawClient.identified(there.port)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await greeted.close_code()
        last = await RawClient.connect(there.port)
        assert (await last.rest()).startswith(b"HTTP/1.1 503 ")
        counts = there.server.counts()
        assert (counts.connections, counts.unidentified, counts.turned_away) == (3, 0, 3)
        for client in (first, second, third):
            client.send({"op": 1, "d": None})
            assert await client.payload() == ACK

    play(scenario, most_connections=3)


def test_connections_leave_descriptors_to_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "descriptor_limit", lambda: 100)
    monkeypatch.setattr(server, "open_descriptors", lambda: 30)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        assert there.server.counts().most_connections == 100 - 30 - server.SPARE_DESCRIPTORS

    play(scenario)


def test_without_a_descriptor_the_server_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "REST_S", 0.05)

    class Scarce:
        """A listening socket that first fails to accept."""

        def __init__(self, listener: socket.socket) -> None:
            self._listener = listener
            self.failures = 0

        def accept(self) -> Any:
            self.failures += 1
            if self.failures < 3:
                raise OSError(24, "Too many open files")
            return self._listener.accept()

        def __getattr__(self, name: str) -> Any:
            return getattr(self._listener, name)

    async def scenario(there: Served, clock: PlayedClock) -> None:
        scarce = Scarce(socket.create_server(("127.0.0.1", 0)))
        there.port = scarce.getsockname()[1]
        another = there.server
        await another.start(scarce)  # type: ignore[arg-type]
        client = await RawClient.greeted(there.port)
        assert scarce.failures >= 3
        client.leave()

    async def scene() -> None:
        async with served(clock=PlayedClock()) as there:
            await scenario(there, PlayedClock())

    uvloop.run(scene())


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server, and for its clients."""
    folder: Path = tmp_path_factory.mktemp("tls")
    authority, chain, key = make_certificates(datetime.datetime.now(datetime.UTC))
    for name, content in (("authority", authority), ("chain", chain), ("key", key)):
        (folder / name).write_bytes(content)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(folder / "chain", folder / "key")
    return ours, ssl.create_default_context(cafile=str(folder / "authority"))


@pytest.mark.parametrize("run", LOOPS)
def test_tls(run: Any, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    ours, theirs = contexts

    async def scenario(there: Served, clock: PlayedClock) -> None:
        silent = await RawClient.connect(there.port)
        plain = await RawClient.connect(there.port)
        plain.write(HANDSHAKE % b"")
        await plain.rest()
        client = await RawClient.open(there.port, ssl=theirs, server_hostname="localhost")
        assert (await client.payload())["op"] == 10
        client.send(identify_payload())
        assert (await client.payload())["t"] == "READY"
        await eventually(lambda: bool(there.sessions.begun))
        session = there.sessions.last
        assert session.identify.url == "wss://bots.example:7320"
        payload = dispatch("A", 2, text="x" * 100_000)
        sent = 0
        while not session.outlet.waiting:
            session.send(payload)
            sent += 1
        while session.outlet.waiting:
            await client.read_frame()
            sent -= 1
        await eventually(lambda: session.rooms == 1)
        for _ in range(sent):
            await client.read_frame()
        client.frame(1, b"x" * 5000)
        assert await client.close_code() == 4002
        client.leave()
        silent.leave()
        await there.emptied()

    play(scenario, run, tls=ours)


def test_a_place_is_made_of_who_does_not_even_speak_tls(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    ours, theirs = contexts

    async def scenario(there: Served, clock: PlayedClock) -> None:
        silent = [await RawClient.connect(there.port) for _ in range(2)]
        await eventually(lambda: there.server.counts().connections == 2)
        client = await RawClient.open(there.port, ssl=theirs, server_hostname="localhost")
        assert (await client.payload())["op"] == 10
        assert await silent[0].rest() == b""

    play(scenario, tls=ours, most_connections=2)
