"""Many clients of a gateway proxy in one process (see counting), each the least that one can be: it
identifies for all shards, tells of what it has got when it is asked, and counts dispatches.

Settings beside those of counting: ``host``, ``port``, ``token``, ``sessions``, ``compression``
("none", "zlib-stream"), ``moments``: whether it notes when each dispatch came (nanoseconds of the
monotonic clock), and says so with each count.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import zlib
from typing import Any, Final, cast

import uvloop

from benchmarks.drivers.counting import Counter, say
from cluster.discord.intents import ALL_INTENTS
from cluster.discord.opcodes import Op
from shard_worker.transport.websocket import Opcode, encode

AT_ONCE: Final = 100
"""Sessions that connect at the same time."""
AGAIN_S: Final = 2.0
"""Seconds until a client whose session is invalid identifies anew: libraries wait 1 to 5."""
BEAT_S: Final = 20.0
"""Seconds between two heartbeats."""
HEAD: Final = b'{"t":"'
"""How a dispatch begins; what else comes has null there."""
OF_BEGINNING: Final = (b'{"t":"READY"', b'{"t":"GUILD_CREATE"')

counter = Counter()
moments: list[int] = []


class Client(asyncio.Protocol):
    """One connection and its session."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self._rest = b""
        self._upgraded = False
        self._seq = 0
        zipped = counter.settings["compression"] == "zlib-stream"
        self._inflate = zlib.decompressobj().decompress if zipped else bytes
        self._noting: bool = counter.settings.get("moments", False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        zipped = "&compress=zlib-stream" * (counter.settings["compression"] == "zlib-stream")
        self._transport.write(
            f"GET /?v=10&encoding=json{zipped} HTTP/1.1\r\nHost: {counter.settings['host']}:"
            f"{counter.settings['port']}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        say({"lost": repr(error)})
        os._exit(1)

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        if not self._upgraded:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded = True
        offset, end = 0, len(buffer)
        while end - offset >= 2:
            size, start = buffer[offset + 1], offset + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(buffer[offset + 2 : start], "big")
            if end < start + size:
                break
            first, offset = buffer[offset], start + size
            assert first & 0x0F != Opcode.CLOSE, buffer[start:offset]
            self._on_payload(self._inflate(buffer[start:offset]))
        self._rest = buffer[offset:]

    def _on_payload(self, text: bytes) -> None:
        if not text.startswith(HEAD):
            self._on_message(json.loads(text))
            return
        self._seq += 1
        if text.startswith(OF_BEGINNING):
            self.ready.set()
            return
        if self._noting:
            moments.append(time.monotonic_ns())
        counter.count()

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["op"] == Op.HELLO:
            asyncio.get_running_loop().call_later(BEAT_S, self._beat)
            self._identify()
        elif message["op"] == Op.INVALID_SESSION:
            # Many of the clients before have gone soon: who comes next is to wait, and to ask anew.
            asyncio.get_running_loop().call_later(AGAIN_S, self._identify)
        elif message["op"] == Op.HEARTBEAT:
            self._send(Op.HEARTBEAT, self._seq)

    def _identify(self) -> None:
        self._send(Op.IDENTIFY, {
            "token": counter.settings["token"], "intents": int(ALL_INTENTS), "properties": {},
        })  # fmt: skip

    def _beat(self) -> None:
        self._send(Op.HEARTBEAT, self._seq)
        asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def _send(self, op: Op, d: Any) -> None:
        payload = json.dumps({"op": op, "d": d}).encode()
        self._transport.write(encode(Opcode.TEXT, payload, os.urandom(4)))


async def main() -> None:
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    settings = counter.settings
    for first in range(0, counter.sessions, AT_ONCE):
        some = range(first, min(first + AT_ONCE, counter.sessions))
        begun = [
            (await loop.create_connection(Client, settings["host"], settings["port"]))[1]
            for _ in some
        ]
        for client in begun:
            await client.ready.wait()
        clients += begun
    say({"ready": True})
    await counter.until_input_ends(_nothing)
    if settings.get("moments"):
        say({"moments": moments})
    os._exit(0)  # its connections end with the process


async def _nothing() -> None:
    """There is nothing to close in order."""


if __name__ == "__main__":
    uvloop.run(main())
