"""How many events a second one sandbox process dispatches: `python -m benchmarks.sandbox_rate`.

A sandbox in a process of its own is asked for more than it can. It sends to four shards over TLS
with zlib-stream, read by a client that throws the bytes away. Prints the achieved rate, and the CPU
time that the sandbox took for an event (one thread: 1 s of CPU a second is one core).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import ssl
import subprocess
import sys
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.children import cpu_seconds
from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox import SandboxControl, SandboxInfo, SandboxOptions

SHARDS = 4


class Discard(asyncio.Protocol):
    """A client that identifies, sends no heartbeat, and counts the bytes that it reads."""

    def __init__(self, info: SandboxInfo, shard: int) -> None:
        self._payload = msgspec.json.encode(
            {
                "op": 2,
                "d": {
                    "token": info.token,
                    "properties": {},
                    "intents": int(ALL_INTENTS),
                    "shard": [shard, SHARDS],
                },
            }
        )
        self._host = urlsplit(info.gateway_url).netloc
        self.received = 0
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is none of asyncio's classes, but has all their methods.
        self.transport = transport = cast(asyncio.Transport, transport)
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /?v=10&encoding=json&compress=zlib-stream HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        size = len(self._payload)
        # A mask of zeros leaves the payload as it is.
        header = b"\x81" + bytes([0x80 | 126]) + size.to_bytes(2, "big") + bytes(4)
        asyncio.get_running_loop().call_later(0.5, transport.write, header + self._payload)

    def data_received(self, data: bytes) -> None:
        self.received += len(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(error)


async def measure(info: SandboxInfo, rate: float, seconds: float) -> None:
    """Ask the sandbox for this rate, and print what it achieves."""
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(cafile=info.ca_file)
    clients: list[Discard] = []
    port = urlsplit(info.gateway_url).port
    assert port is not None
    for shard in range(SHARDS):
        _, client = await loop.create_connection(
            partial(Discard, info, shard), "localhost", port, ssl=tls
        )
        clients.append(client)
    async with SandboxControl(info.control_url, info.control_token) as control:
        while (await control.state())["shards_ready"] < SHARDS:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await control.traffic(rate=rate)
        await asyncio.sleep(1.0)
        cpu = cpu_seconds(info.pid)
        before, start = await control.state(), loop.time()
        bytes_before = sum(client.received for client in clients)
        await asyncio.sleep(seconds)
        after, took = await control.state(), loop.time() - start
        received = sum(client.received for client in clients) - bytes_before
        cpu = cpu_seconds(info.pid) - cpu
        await control.quiesce()
    for client in clients:
        client.transport.abort()
        await client.lost
    events = after["events"]["dispatched"] - before["events"]["dispatched"]
    print(
        f"asked for {rate:,.0f}/s: {events / took:,.0f} events/s dispatched to {SHARDS} sessions, "
        f"{received / events:.0f} B an event on the wire, {cpu / took:.2f} s CPU a second, "
        f"{sum(one['waiting_bytes'] for one in after['connections']) / 1e6:.1f} MB waiting, "
        f"{cpu / events * 1e6:.1f} us an event"
    )


async def main(rates: list[float], seconds: float) -> None:
    options = SandboxOptions(
        guilds=100, shards=SHARDS, max_concurrency=SHARDS, identify_jitter_s=0.0
    )
    for rate in rates:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cluster.sandbox", "--with-parent",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(options))
            process.stdin.close()
            info = msgspec.json.decode(await process.stdout.readline(), type=SandboxInfo)
            await measure(info, rate, seconds)
        finally:
            process.terminate()
            await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, nargs="*", default=[20_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.rate, arguments.seconds))
