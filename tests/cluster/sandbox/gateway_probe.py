"""A plain gateway client for tests: it hides nothing, and every wait has an end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import Any

import aiohttp

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox import Sandbox, SandboxControl, SandboxOptions
from cluster.zstd import ZstdDecompressor

TIMEOUT_S = 10.0
Json = dict[str, Any]


class Closed(Exception):
    """The gateway closed the connection; code None: without a close frame."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition that no message announces."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Probe:
    """One connection. Dispatches that were read are kept as ledger rows: (s, name, hash)."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, compress: str | None) -> None:
        self.websocket = websocket
        self.rows: list[tuple[int, str, str]] = []
        self.seq: int | None = None
        self.session_id = ""
        self.resume_url = ""
        self.raw: list[aiohttp.WSMessage] = []
        self._compress = compress
        self._zlib = zlib.decompressobj()
        self._zstd = ZstdDecompressor()

    def _text(self, message: aiohttp.WSMessage) -> bytes:
        if message.type is aiohttp.WSMsgType.TEXT:
            return str(message.data).encode()
        data: bytes = message.data
        if self._compress == "zlib-stream":
            return self._zlib.decompress(data)
        if self._compress == "zstd-stream":
            return self._zstd.decompress(data)
        return zlib.decompress(data)

    async def receive(self) -> Json:
        """Return the next payload. Closed: there is none."""
        message = await asyncio.wait_for(self.websocket.receive(), TIMEOUT_S)
        if message.type is aiohttp.WSMsgType.CLOSE:
            raise Closed(message.data)
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise Closed(None)
        self.raw.append(message)
        text = self._text(message)
        payload: Json = json.loads(text)
        if payload["op"] == 0:
            body = text[text.index(b'"d":') + 4 : -1]
            digest = blake2b(body, digest_size=8).hexdigest()
            self.rows.append((payload["s"], payload["t"], digest))
            self.seq = payload["s"]
            if payload["t"] == "READY":
                self.session_id = payload["d"]["session_id"]
                self.resume_url = payload["d"]["resume_gateway_url"]
        return payload

    async def until(self, name_or_op: str | int) -> Json:
        """Read up to the dispatch of that name, or the payload of that op."""
        while True:
            payload = await self.receive()
            if name_or_op in (payload["t"], payload["op"] if payload["op"] else None):
                return payload

    async def closed(self) -> int | None:
        """Read to the end; return the close code."""
        while True:
            try:
                await self.receive()
            except Closed as end:
                return end.code

    async def send(self, op: int, d: Any) -> None:
        await self.websocket.send_json({"op": op, "d": d})


class Bench:
    """A sandbox in this process, its control client, and connections to it."""

    def __init__(
        self, sandbox: Sandbox, control: SandboxControl, http: aiohttp.ClientSession
    ) -> None:
        self.sandbox = sandbox
        self.control = control
        self.http = http
        self.token = sandbox.info.token

    async def connect(
        self, url: str = "", *, query: str = "v=10&encoding=json", compress: str | None = None
    ) -> Probe:
        """Connect; HELLO is not read yet."""
        extra = f"&compress={compress}" if compress else ""
        websocket = await self.http.ws_connect(
            f"{url or self.sandbox.info.gateway_url}/?{query}{extra}", max_msg_size=0
        )
        return Probe(websocket, compress)

    def identify(self, **changes: Any) -> Json:
        return {"token": self.token, "properties": {}, "intents": int(ALL_INTENTS)} | changes

    async def ready(
        self,
        *,
        compress: str | None = None,
        guilds: int | None = None,
        d: Json | None = None,
        **changes: Any,
    ) -> Probe:
        """Connect, identify and read all GUILD_CREATEs. d, changes: of IDENTIFY."""
        probe = await self.connect(compress=compress)
        await probe.until(10)
        await probe.send(2, self.identify(**changes) | (d or {}))
        ready = await probe.until("READY")
        if guilds is None:
            guilds = len(ready["d"]["guilds"])
        for _ in range(guilds):
            await probe.until("GUILD_CREATE")
        return probe

    async def resume(self, probe: Probe, *, url: str = "", **changes: Any) -> Probe:
        """Connect again and ask to resume the session of ``probe``."""
        again = await self.connect(url or probe.resume_url)
        await again.until(10)
        request = {"token": self.token, "session_id": probe.session_id, "seq": probe.seq}
        await again.send(6, request | changes)
        again.session_id, again.resume_url = probe.session_id, probe.resume_url
        again.seq = probe.seq
        return again

    async def get(self, path: str, authorization: str | None = None) -> tuple[int, Any, Any]:
        """Return (status, headers, JSON) of a REST request."""
        value = f"Bot {self.token}" if authorization is None else authorization
        url = self.sandbox.info.api_url + path
        async with self.http.get(url, headers={"Authorization": value}) as response:
            return response.status, response.headers, await response.json(content_type=None)


@contextlib.asynccontextmanager
async def bench(**options: Any) -> AsyncIterator[Bench]:
    """A sandbox with short windows, so that tests wait for nothing but answers."""
    values: Json = {
        "guilds": 3,
        "members_per_guild": 5,
        "identify_jitter_s": 0.0,
        "identify_window_s": 0.0,
        "latency_ms": 0.0,
    } | options
    async with Sandbox(SandboxOptions(**values)) as sandbox:
        tls = ssl.create_default_context(cafile=sandbox.info.ca_file)
        connector = aiohttp.TCPConnector(ssl=tls)
        info = sandbox.info
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            SandboxControl(info.control_url, info.control_token) as control,
        ):
            yield Bench(sandbox, control, http)
