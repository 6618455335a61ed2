"""One connection of the benchmark's gateway: HTTP, the WebSocket handshake, the client's frames."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmarks.recording import SEGMENT, ZLIB_HEADER, piece
from cluster.gateway_server.frames import BINARY, frame
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world.world import World
from shard_worker.transport.handshake import accept
from shard_worker.transport.websocket import mask

HEARTBEAT_MS: Final = 41_250
MOST_SESSIONS: Final = 100_000
_CLOSE: Final = 8


class PlayedBot:
    """What REST and READY say of the account: a bot in no guild, so that no library keeps a
    cache."""

    def __init__(self) -> None:
        self.url = ""
        self._world = World(SandboxOptions(guilds=0), now=time.time)

    def ready(self, shard: tuple[int, int]) -> bytes:
        """Return ``d`` of READY."""
        return self._world.ready(
            session_id=f"{shard[0]:032x}",
            resume_gateway_url=self.url,
            shard=shard,
            version=10,
            intents=0,
        )

    def rest(self, path: str) -> Any:
        """Return the answer to GET; None: there is no such route."""
        # Nobody waits here for a turn to identify, with however many sessions.
        limit = {
            "total": MOST_SESSIONS, "remaining": MOST_SESSIONS, "reset_after": 86_400_000,
            "max_concurrency": MOST_SESSIONS,
        }  # fmt: skip
        answers = {
            "/gateway/bot": {"url": self.url, "shards": 1, "session_start_limit": limit},
            "/users/@me": self._world.bot_user,
            "/applications/@me": self._world.application,
            "/oauth2/applications/@me": self._world.application,
        }
        return answers.get(path.removeprefix("/api").removeprefix("/v10"))


class Session(asyncio.Protocol):
    """One connection, which is a gateway session once it has identified."""

    def __init__(self, bot: PlayedBot, sessions: dict[int, Session]) -> None:
        self.latencies: list[float] = []
        """Milliseconds from a heartbeat that was asked for to its arrival."""
        self.position = 0
        """How many events of the stream were played to it one by one."""
        self._bot = bot
        self._sessions = sessions
        self._shard: int | None = None
        self._buffer = b""
        self._upgraded = False
        self.heartbeat_came = asyncio.Event()
        """Set unless a heartbeat was asked for and has not come."""
        self.heartbeat_came.set()
        self._asked_at = 0.0
        self._held: list[bytes] = []
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's TLS transport is none of asyncio's classes, but has all their methods.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=256 * 1024)

    def connection_lost(self, error: Exception | None) -> None:
        self._room.set()
        if self._shard is not None and self._sessions.get(self._shard) is self:
            del self._sessions[self._shard]

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    async def drained(self) -> None:
        """Wait until it makes sense to write more; other tasks run in any case."""
        await asyncio.sleep(0)
        await self._room.wait()

    def write(self, frames: bytes) -> None:
        """Send whole segments."""
        self._transport.write(frames)

    def write_event(self, frame: bytes) -> None:
        """Send the next event of the stream by itself. Within its segment nothing else may be sent:
        what is said then waits for the segment's end."""
        self._transport.write(frame)
        self.position += 1
        if self._held and self.position % SEGMENT == 0:
            self._transport.write(b"".join(self._held))
            self._held.clear()

    def ask_heartbeat(self) -> None:
        """Ask for a heartbeat, unless one that was asked for has still to come."""
        if self.heartbeat_came.is_set():
            self.heartbeat_came.clear()
            self._asked_at = time.perf_counter()
            self._say({"t": None, "s": None, "op": 1, "d": None})

    def _say(self, message: dict[str, Any], header: bytes = b"") -> None:
        (payload,) = piece([msgspec.json.encode(message)])
        made = frame(BINARY, header + payload)
        if self.position % SEGMENT:
            self._held.append(made)
        else:
            self._transport.write(made)

    # -- what comes ----------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded and b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._request(head.decode("latin-1"))
        while self._upgraded and self._frame():
            pass

    def _request(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        target = urlsplit(first.split(" ")[1])
        fields = {name.strip().lower(): value.strip() for name, _, value in
                  (line.partition(":") for line in lines)}  # fmt: skip
        if "sec-websocket-key" in fields:
            if parse_qs(target.query).get("compress") != ["zlib-stream"]:
                self._answer("400 Bad Request", {"message": "zlib-stream only"})
                return
            key = accept(fields["sec-websocket-key"].encode())
            self._transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + key.encode() + b"\r\n\r\n"
            )
            self._upgraded = True
            hello = {"heartbeat_interval": HEARTBEAT_MS, "_trace": []}
            self._say({"t": None, "s": None, "op": 10, "d": hello}, ZLIB_HEADER)
            return
        answer = self._bot.rest(target.path)
        self._answer("200 OK" if answer is not None else "404 Not Found", answer or {})

    def _answer(self, status: str, body: Any) -> None:
        content = msgspec.json.encode(body)
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + content)
        self._transport.close()

    def _frame(self) -> bool:
        """Take one of the client's frames off the buffer; False: there is none. They are whole,
        masked and small."""
        buffer = self._buffer
        if len(buffer) < 2:
            return False
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            start, size = 4, int.from_bytes(buffer[2:4], "big")
        assert buffer[1] & 0x80, "a client's frame is masked"
        stop = start + 4 + size
        if len(buffer) < stop:
            return False
        self._buffer = buffer[stop:]
        payload = mask(buffer[start + 4 : stop], buffer[start : start + 4])
        if buffer[0] & 0x0F == _CLOSE:
            self._transport.write(frame(_CLOSE, payload))
            self._transport.close()
            return False
        if buffer[0] & 0x0F < _CLOSE:
            self._message(msgspec.json.decode(payload, type=dict[str, Any]))
        return True

    def _message(self, message: dict[str, Any]) -> None:
        if message["op"] == 1:
            if not self.heartbeat_came.is_set():
                self.latencies.append((time.perf_counter() - self._asked_at) * 1000)
                self.heartbeat_came.set()
            self._say({"t": None, "s": None, "op": 11, "d": None})
        elif message["op"] == 2:
            shard_id, count = message["d"].get("shard") or (0, 1)
            self._shard = shard_id
            self._sessions[shard_id] = self
            d = msgspec.Raw(self._bot.ready((shard_id, count)))
            self._say({"t": "READY", "s": 1, "op": 0, "d": d})
