"""The least that a client of many sessions can be (see counting): libcurl in raw mode, zlib-ng, and
msgspec that reads op, t and s and leaves d as it is. It identifies and sends heartbeats, and does
nothing else: no resume, no check of what comes."""

from __future__ import annotations

import asyncio
import os
import random
from collections import deque
from typing import Final

import msgspec
import uvloop
from curl_cffi import Curl, CurlOpt
from curl_cffi.aio import AsyncCurl
from zlib_ng import zlib_ng

from benchmarks.drivers.counting import Counter, say
from benchmarks.floor import Frame
from cluster.discord.browser import browser
from shard_worker.transport import curl_options, handshake
from shard_worker.transport.websocket import Opcode, encode

AT_ONCE: Final = 50
"""Sessions that connect at the same time."""
_PAUSE: Final = 0x10000001  # CURL_READFUNC_PAUSE: nothing to send now

counter = Counter()
decode = msgspec.json.Decoder(Frame).decode


class BareSession:
    """One connection and its session."""

    def __init__(self, multi: AsyncCurl, shard: int) -> None:
        self.ready = asyncio.Event()
        self._shard = shard
        self._loop = asyncio.get_running_loop()
        self._inflate = zlib_ng.decompressobj().decompress
        self._waiting: deque[bytes] = deque()
        self._rest = b""
        self._seq: int | None = None
        self._curl = curl = Curl()
        settings, key = counter.settings, handshake.new_key(os.urandom(16))
        url = f"{settings['url']}/?v=10&encoding=json&compress=zlib-stream"
        host, port = curl_options.address_of(url)
        curl_options.set_up(curl, url, key, ca_file=settings["ca_file"], browser=browser("chrome"))
        for option, value in (
            (CurlOpt.RESOLVE, [curl_options.resolve_entry(host, port, ["127.0.0.1"])]),
            (CurlOpt.READFUNCTION, self._on_wanted),
            (CurlOpt.WRITEFUNCTION, self._on_data),
        ):
            curl_options.setopt(curl, option, value)
        self._transfer = multi.add_handle(curl)

    def _on_wanted(self, size: int) -> bytes | int:
        return self._waiting.popleft() if self._waiting else _PAUSE

    def _on_data(self, data: bytes) -> int:
        buffer = self._rest + data if self._rest else data
        offset, end = 0, len(buffer)
        while end - offset >= 2:
            size, start = buffer[offset + 1], offset + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(buffer[offset + 2 : start], "big")
            if end < start + size:
                break
            offset = start + size
            self._on_payload(buffer[start:offset])
        self._rest = buffer[offset:]
        return len(data)

    def _on_payload(self, payload: bytes) -> None:
        frame = decode(self._inflate(payload))
        if frame.op == 0:
            self._seq = frame.s
            if frame.t == "READY":
                self.ready.set()
            else:
                counter.count()
        elif frame.op == 10:
            interval = msgspec.json.decode(frame.d)["heartbeat_interval"] / 1000
            self._loop.call_later(interval * random.random(), self._beat, interval)
            shard = [self._shard, counter.sessions]
            self._send({"op": 2, "d": {
                "token": counter.settings["token"], "intents": 0, "properties": {}, "shard": shard,
            }})  # fmt: skip

    def _beat(self, interval: float) -> None:
        self._send({"op": 1, "d": self._seq})
        self._loop.call_later(interval, self._beat, interval)

    def _send(self, message: object) -> None:
        frame = encode(Opcode.TEXT, msgspec.json.encode(message), os.urandom(4))
        self._waiting.append(frame)
        # Within libcurl's callback it can't be woken.
        self._loop.call_soon(self._curl.pause, 0)


async def main() -> None:
    multi = AsyncCurl()
    sessions: list[BareSession] = []
    for first in range(0, counter.sessions, AT_ONCE):
        some = range(first, min(first + AT_ONCE, counter.sessions))
        begun = [BareSession(multi, shard) for shard in some]
        for session in begun:
            await session.ready.wait()
        sessions += begun
    say({"ready": True})
    await counter.until_input_ends(_nothing)
    os._exit(0)  # its connections end with the process


async def _nothing() -> None:
    """There is nothing to close in order."""


if __name__ == "__main__":
    uvloop.run(main())
