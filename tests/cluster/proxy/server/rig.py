"""A server over played sessions and commands, and clients of it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from cluster.proxy.credentials import KEY_BYTES, Credentials, token_digest
from cluster.proxy.identify import Identify
from cluster.proxy.interfaces import Outlet
from cluster.proxy.interfaces import Session as SessionLike
from cluster.proxy.server.identifying import ClusterFacts
from cluster.proxy.server.server import ProxyServer
from tests.cluster.sandbox.gateway_probe import eventually

TOKEN = "MTIz.made.up"
SECRET = "0123456789abcdef"
INTENTS = 0b111
FACTS = ClusterFacts(shard_count=8, intents=INTENTS)
HANDSHAKE = (
    b"GET /?v=10&encoding=json%b HTTP/1.1\r\nHost: bots.example:7320\r\nUpgrade: websocket\r\n"
    b"Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)


def credentials() -> Credentials:
    key = bytes(KEY_BYTES)
    known = Credentials(token_key=key, digest_of_token=token_digest(key, TOKEN))
    known.renew({"music": SECRET})
    return known


def identify_payload(**change: Any) -> dict[str, Any]:
    d = {"token": TOKEN, "intents": 1, "properties": {"browser": "made up"}} | change
    return {"op": 2, "d": d}


def dispatch(name: str, seq: int, **d: Any) -> bytes:
    return json.dumps({"t": name, "s": seq, "op": 0, "d": d}).encode()


class PlayedClock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class PlayedSession:
    """Notes what the server tells it."""

    predecessor = ""

    def __init__(self, outlet: Outlet, identify: Identify, id: str = "s1") -> None:
        self.id = id
        self.outlet = outlet
        self.identify = identify
        self.seq = 0
        self.acknowledged: list[int] = []
        self.rooms = 0
        self.ended: list[bool] = []
        self.refusal: Exception | None = None
        """Raised at the next acknowledgement."""
        self.fault: Exception | None = None
        """Raised when it is detached."""

    def send(self, *payloads: bytes) -> None:
        self.outlet.dispatch(payloads)

    def acknowledge(self, seq: int) -> None:
        self.acknowledged.append(seq)
        if self.refusal is not None:
            raise self.refusal

    def room(self) -> None:
        self.rooms += 1

    def detach(self, *, over: bool) -> None:
        self.ended.append(over)
        if self.fault is not None:
            raise self.fault


class PlayedSessions:
    """Begins a session with READY; a gate that is closed keeps everybody waiting."""

    def __init__(self) -> None:
        self.begun: list[PlayedSession] = []
        self.asked: list[tuple[str, int, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: Exception | None = None
        self.resumable: PlayedSession | None = None
        self.greeting: list[bytes] = []
        """What comes behind READY."""

    @property
    def last(self) -> PlayedSession:
        return self.begun[-1]

    async def identify(self, outlet: Outlet, identify: Identify) -> PlayedSession:
        outlet.dispatch([dispatch("READY", 1, session_id="s1"), *self.greeting])
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        session = PlayedSession(outlet, identify)
        self.begun.append(session)
        return session

    async def resume(
        self, outlet: Outlet, session_id: str, seq: int, client: str
    ) -> PlayedSession | None:
        self.asked.append((session_id, seq, client))
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        if self.resumable is not None:
            self.resumable.outlet = outlet
            outlet.dispatch([dispatch("RESUMED", seq + 1)])
        return self.resumable


class PlayedCommands:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.refusal: Exception | None = None

    def identified(self, session: SessionLike) -> None:
        self.told.append(("identified", session.id))

    def resumed(self, session: SessionLike) -> None:
        self.told.append(("resumed", session.id))

    def received(self, session: SessionLike, op: int, d: Any) -> None:
        self.told.append(("received", session.id, op, d))
        if self.refusal is not None:
            raise self.refusal

    def detached(self, session: SessionLike, *, over: bool) -> None:
        self.told.append(("detached", session.id, over))

    def shard_ready(self, shard_id: int, shard_count: int) -> None:
        raise AssertionError("the server has no shards")


class Served:
    """A running server and what is played behind it."""

    def __init__(self, server: ProxyServer, sessions: PlayedSessions, commands: PlayedCommands):
        self.server = server
        self.sessions = sessions
        self.commands = commands
        self.port = 0
        self.facts = FACTS

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def emptied(self) -> None:
        """Wait until all connections are gone."""
        await eventually(lambda: not self.server.counts().connections)


@asynccontextmanager
async def served(
    *, tls: ssl.SSLContext | None = None, clock: Callable[[], float] | None = None, **options: Any
) -> AsyncIterator[Served]:
    """Run a server on a port of loopback."""
    sessions, commands = PlayedSessions(), PlayedCommands()
    if clock is not None:
        options["clock"] = clock
    holder: list[Served] = []
    server = ProxyServer(
        sessions, commands, credentials(), cluster=lambda: holder[0].facts, tls=tls, **options
    )
    running = Served(server, sessions, commands)
    holder.append(running)
    listener = socket.create_server(("127.0.0.1", 0))
    running.port = listener.getsockname()[1]
    await server.start(listener)
    try:
        yield running
    finally:
        sessions.gate.set()
        await server.close(0.0)


class RawClient:
    """A client that writes bytes of its own, and reads frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = b""

    @classmethod
    async def connect(cls, port: int, **options: Any) -> RawClient:
        return cls(*await asyncio.open_connection("127.0.0.1", port, **options))

    @classmethod
    async def open(cls, port: int, query: bytes = b"", **options: Any) -> RawClient:
        """Shake hands."""
        client = await cls.connect(port, **options)
        client.write(HANDSHAKE % query)
        client.head = await client.reader.readuntil(b"\r\n\r\n")
        return client

    @classmethod
    async def greeted(cls, port: int, query: bytes = b"") -> RawClient:
        """Shake hands, and read HELLO."""
        client = await cls.open(port, query)
        assert (await client.payload())["op"] == 10
        return client

    @classmethod
    async def identified(cls, port: int, **change: Any) -> RawClient:
        """Identify, and read READY."""
        client = await cls.greeted(port)
        client.send(identify_payload(**change))
        assert (await client.payload())["t"] == "READY"
        return client

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def frame(self, opcode: int, data: bytes, *, fin: bool = True) -> None:
        """Write a frame, masked with zeros."""
        head = bytes((opcode | (0x80 if fin else 0),))
        size = len(data)
        if size < 126:
            head += bytes((0x80 | size,))
        elif size < 65536:
            head += b"\xfe" + size.to_bytes(2, "big")
        else:
            head += b"\xff" + size.to_bytes(8, "big")
        self.write(head + bytes(4) + data)

    def send(self, payload: Any) -> None:
        self.frame(1, json.dumps(payload).encode())

    async def read_frame(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self.reader.readexactly(8), "big")
        assert first & 0xF0 == 0x80, "a server's frames are whole, and no extension was agreed to"
        return first & 0xF, await self.reader.readexactly(size)

    async def payload(self) -> Any:
        opcode, data = await self.read_frame()
        assert opcode in (1, 2), (opcode, data)
        return json.loads(data)

    async def close_code(self) -> int:
        """Read on until the close frame."""
        while True:
            opcode, data = await self.read_frame()
            if opcode == 8:
                return int.from_bytes(data[:2], "big")

    async def rest(self) -> bytes:
        """Read to the end of the connection."""
        return await self.reader.read()

    def leave(self, code: int | None = None) -> None:
        """Go, with a close frame where there is a code."""
        if code is not None:
            self.frame(8, code.to_bytes(2, "big"))
        self.writer.close()


def texts(payloads: Sequence[bytes]) -> list[Any]:
    return [json.loads(payload) for payload in payloads]
