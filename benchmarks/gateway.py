"""``python -m benchmarks.gateway``: plays a recording to whoever identifies, over TLS on loopback.

A gateway that is never the limit: what it sends was compressed before. It speaks zlib-stream only,
knows no guild, acknowledges heartbeats, takes any token, and has the few REST routes that a library
asks before it connects. It takes its orders on standard input, one JSON object a line, and answers
each with one:

=========  =======================================================================================
``play``   segments ``first`` up to ``last`` to ``shard``; answered when the kernel has them
``flood``  ``events`` to shard 0 at full speed, with heartbeats asked of all others meanwhile
=========  =======================================================================================
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import uvloop

from benchmarks import recording
from benchmarks.session import PlayedBot, Session
from cluster.sandbox.http.certificates import Certificates

ASK_EVERY_S: Final = 0.05
"""Seconds between two heartbeats that a quiet session is asked for."""


class Gateway:
    """One server, and its sessions by shard: the newest of each."""

    def __init__(self, stream: recording.Recording) -> None:
        self.stream = stream
        self.sessions: dict[int, Session] = {}
        self.orders: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "play": self._play,
            "flood": self._flood,
        }

    async def order(self, line: bytes) -> Any:
        """Do what a line says, and return its answer."""
        order = msgspec.json.decode(line, type=dict[str, Any])
        return await self.orders[order["do"]](order)

    async def _play(self, order: dict[str, Any]) -> Any:
        first, last = order["first"] // recording.SEGMENT, order["last"] // recording.SEGMENT
        segments = [segment.frames for segment in self.stream.segments[first:last]]
        await self._send(self.sessions[order["shard"]], segments)
        return {}

    async def _send(self, session: Session, segments: Sequence[bytes]) -> None:
        for segment in segments:
            session.write(segment)
            await session.drained()

    async def _flood(self, order: dict[str, Any]) -> Any:
        segments = recording.renumbered(self.stream, order["events"], recording.FIRST_SEQ)
        quiet = [session for shard, session in self.sessions.items() if shard]
        askers = [asyncio.create_task(self._ask(session)) for session in quiet]
        for session in quiet:
            session.latencies.clear()
        await self._send(self.sessions[0], segments)
        for task in askers:
            task.cancel()
        await asyncio.gather(*askers, return_exceptions=True)
        for session in quiet:
            await session.heartbeat_came.wait()  # the slowest are measured too
        return {"latencies": [ms for session in quiet for ms in session.latencies]}

    async def _ask(self, session: Session) -> None:
        while True:
            session.ask_heartbeat()
            await asyncio.sleep(ASK_EVERY_S)


async def serve(make: Callable[[recording.Recording], Gateway] = Gateway) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    settings = msgspec.json.decode(await reader.readline(), type=dict[str, Any])
    stream = recording.load(settings["events"], folder=Path(settings["folder"]))
    gateway, certificates = make(stream), Certificates()
    try:
        bot = PlayedBot()
        server = await loop.create_server(
            lambda: Session(bot, gateway.sessions),
            "127.0.0.1",
            0,
            ssl=certificates.server_context,
            backlog=1024,
        )
        port = server.sockets[0].getsockname()[1]
        bot.url = f"wss://localhost:{port}"
        say({"url": bot.url, "api_url": f"https://localhost:{port}/api",
             "ca_file": str(certificates.ca_file)})  # fmt: skip
        while line := await reader.readline():
            say(await gateway.order(line))
        server.close()
    finally:
        certificates.close()


def say(answer: Any) -> None:
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
