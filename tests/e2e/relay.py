"""``python -m tests.e2e.relay LISTEN TO``: passes TCP on, later if it is told so.

Each line of standard input is a JSON object: {"delay": SECONDS} lets all that comes from then on
come so much later, {"stalled": 1} lets nothing pass until {"stalled": 0}. tc-netem(8) would do it,
and is missing from some kernels. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Final

CHUNK: Final = 64 * 1024
WAITING: Final = 256
"""Chunks that are under way in one direction; who sends more waits."""


class Ways:
    """How all connections are relayed."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.open = asyncio.Event()
        self.open.set()

    def take(self, line: bytes) -> None:
        told = json.loads(line)
        self.delay = told.get("delay", self.delay)
        if "stalled" in told:
            (self.open.clear if told["stalled"] else self.open.set)()


async def pump(ways: Ways, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass one direction on, each chunk when its time has come."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)

    async def write() -> None:
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await ways.open.wait()
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    writing = asyncio.create_task(write())
    try:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                await queue.put((loop.time() + ways.delay, chunk))
        await queue.put((loop.time() + ways.delay, b""))
        with contextlib.suppress(ConnectionError):
            await writing
    finally:
        writing.cancel()


async def main(listen: str, to: str) -> None:
    ways = Ways()
    host, _, port = listen.rpartition(":")
    to_host, _, to_port = to.rpartition(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            other_reader, other_writer = await asyncio.open_connection(to_host, int(to_port))
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(ways, reader, other_writer), pump(ways, other_reader, writer))
        for one in (writer, other_writer):
            one.close()

    await asyncio.start_server(relay, host, int(port))
    print("listens", flush=True)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        ways.take(line)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
