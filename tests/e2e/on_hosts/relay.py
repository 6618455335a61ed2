"""``python -m tests.e2e.on_hosts.relay LISTEN TO``: passes TCP on, later if it is told so.

Each line of standard input is a JSON object: {"delay": SECONDS} lets all that comes from then on
come so much later, {"stalled": 1} lets nothing pass until {"stalled": 0}, "stalled_up" and
"stalled_down" only what goes to TO or comes from there, and {"refused": 1} breaks all connections
and lets nobody in until {"refused": 0}. tc-netem(8) would delay, and is missing from some kernels.
It ends with its standard input.
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
        self.refused = False
        self.up, self.down = asyncio.Event(), asyncio.Event()
        """Set while what goes to TO, and what comes from there, may pass."""
        self.up.set()
        self.down.set()
        self.writers: set[asyncio.StreamWriter] = set()

    def take(self, line: bytes) -> None:
        told = json.loads(line)
        self.delay = told.get("delay", self.delay)
        for name, ways in (
            ("stalled", (self.up, self.down)),
            ("stalled_up", (self.up,)),
            ("stalled_down", (self.down,)),
        ):
            for way in ways if name in told else ():
                (way.clear if told[name] else way.set)()
        self.refused = bool(told.get("refused", self.refused))
        if self.refused:
            for writer in self.writers:
                writer.transport.abort()


async def pump(
    ways: Ways, way: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass one direction on, each chunk when its time has come."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(WAITING)

    async def write() -> None:
        while True:
            due, chunk = await queue.get()
            await asyncio.sleep(max(0.0, due - loop.time()))
            await way.wait()
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
        if ways.refused:
            writer.transport.abort()
            return
        try:
            other_reader, other_writer = await asyncio.open_connection(to_host, int(to_port))
        except OSError:
            writer.close()
            return
        ways.writers |= {writer, other_writer}
        await asyncio.gather(
            pump(ways, ways.up, reader, other_writer), pump(ways, ways.down, other_reader, writer)
        )
        ways.writers -= {writer, other_writer}
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
