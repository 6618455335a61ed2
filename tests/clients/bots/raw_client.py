"""A client of the gateway on plain WebSockets, which resumes, or comes again as if it had died.

It keeps nothing but what it received. ``cut`` ends a connection as the kernel does when a process
is killed: without a close frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import time
import zlib
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from cluster.discord.intents import ALL_INTENTS

BODY: Final = b'"op":0,"d":'
"""What stands before d in each dispatch (the order of its keys is t, s, op, d)."""
FLUSH: Final = b"\x00\x00\xff\xff"
RETRY_S: Final = 0.1

Received = Callable[[str, str, bytes], None]
"""Called with each dispatch: name, hash of d as in the sandbox's ledger, d."""


class RawClient:
    """One client. ``run`` connects until it is cancelled: it RESUMEs where it can."""

    def __init__(
        self, url: str, token: str, received: Received, *, shard: tuple[int, int] | None = None,
        compress: bool = False, intents: int = int(ALL_INTENTS),
    ) -> None:  # fmt: skip
        self.url = f"{url}/?v=10&encoding=json" + ("&compress=zlib-stream" if compress else "")
        self.token = token
        self.shard = shard
        self.intents = intents
        self.seq: int | None = None
        self.session_id = ""
        self.beats: list[tuple[float, int]] = []
        """(monotonic seconds, s) of each heartbeat of this session."""
        self.ready = asyncio.Event()
        """Set when READY and its GUILD_CREATEs, or RESUMED, have come."""
        self.resumed = 0
        self.identified = 0
        self.closes: list[int | None] = []
        """Close codes of its connections, as they ended."""
        self.jumps: list[str] = []
        """Where s did not go up by one."""
        self.ready_s = 0.0
        """Seconds from IDENTIFY to READY, the last time."""
        self.guilds_s = 0.0
        """Seconds from IDENTIFY to the last GUILD_CREATE, the last time."""
        self.on_begin: Callable[[], None] = lambda: None
        """Called when it is about to IDENTIFY or to RESUME."""
        self._received = received
        self._compress = compress
        self._socket: ClientConnection | None = None
        self._awaited: set[str] = set()
        self._asked_at = 0.0
        self._away_s = RETRY_S
        self._ended_at = 0.0

    def forget(self) -> None:
        """Be a new process: nothing is known of a session."""
        self.seq, self.session_id = None, ""

    def cut(self, away_s: float = RETRY_S) -> None:
        """End the connection at once, without a word, and come back after so many seconds."""
        self.ready.clear()
        self._away_s = away_s
        if self._socket is not None:
            self._socket.transport.abort()

    def acknowledged(self, before_s: float = 0.0) -> int:
        """The s that heartbeats had told so many seconds before the last connection ended; 0:
        none."""
        latest = self._ended_at - before_s
        return max((seq for moment, seq in self.beats if moment <= latest), default=0)

    async def send(self, op: int, d: Any) -> None:
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(json.dumps({"op": op, "d": d}))

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                await self._connection()
            self.ready.clear()
            await asyncio.sleep(self._away_s)
            self._away_s = RETRY_S

    async def _connection(self) -> None:
        async with connect(
            self.url, compression=None, max_size=None, ping_interval=None, close_timeout=1.0
        ) as socket:
            self._socket = socket
            inflate = zlib.decompressobj().decompress
            beats: asyncio.Task[None] | None = None
            try:
                while True:
                    message = await socket.recv()
                    text = message.encode() if isinstance(message, str) else message
                    if self._compress:
                        text = inflate(text)
                    payload = json.loads(text)
                    if payload["op"] == 10 and beats is None:
                        interval_s = payload["d"]["heartbeat_interval"] / 1000
                        beats = asyncio.create_task(self._beat(interval_s))
                    await self._take(text, payload)
            finally:
                self._socket = None
                self._ended_at = time.monotonic()
                if beats is not None:
                    beats.cancel()
                self.closes.append(socket.close_code)

    async def _beat(self, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            await self._heartbeat()

    async def _heartbeat(self) -> None:
        self.beats.append((time.monotonic(), self.seq or 0))
        await self.send(1, self.seq)

    async def _take(self, text: bytes, payload: dict[str, Any]) -> None:
        match payload["op"]:
            case 0:
                self._dispatch(text, payload)
            case 1:
                await self._heartbeat()
            case 7:
                assert self._socket is not None
                await self._socket.close(4000)
            case 9:
                if not payload["d"]:
                    self.forget()
                await self._begin()
            case 10:
                await self._begin()

    async def _begin(self) -> None:
        self._asked_at = time.monotonic()
        self.on_begin()
        if self.session_id:
            d: dict[str, Any] = {
                "token": self.token,
                "session_id": self.session_id,
                "seq": self.seq,
            }
            await self.send(6, d)
            return
        properties = {"os": "linux", "browser": "raw", "device": "raw"}
        d = {"token": self.token, "properties": properties, "intents": self.intents}
        if self.shard is not None:
            d["shard"] = list(self.shard)
        self.identified += 1
        self.beats.clear()
        await self.send(2, d)

    def _dispatch(self, text: bytes, payload: dict[str, Any]) -> None:
        name, seq = payload["t"], payload["s"]
        if seq != (self.seq or 0) + 1:
            self.jumps.append(f"s {seq} ({name}) came after {self.seq}")
        self.seq = seq
        data = text[text.index(BODY) + len(BODY) : -1]
        now = time.monotonic()
        if name == "READY":
            self.session_id = payload["d"]["session_id"]
            self._awaited = {guild["id"] for guild in payload["d"]["guilds"]}
            self.ready_s = self.guilds_s = now - self._asked_at
        elif name == "RESUMED":
            self.resumed += 1
        if name == "GUILD_CREATE" and self._awaited:
            self._awaited.discard(payload["d"]["id"])
            self.guilds_s = now - self._asked_at
        if name in ("READY", "RESUMED", "GUILD_CREATE", "GUILD_DELETE") and not self._awaited:
            self.ready.set()
        self._received(name, hashlib.blake2b(data, digest_size=8).hexdigest(), data)
