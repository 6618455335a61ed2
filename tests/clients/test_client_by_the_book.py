"""A client written from the documentation alone ("Gateway", "Connections"), on plain WebSockets.

The libraries read leniently what they do not need; this one checks each documented field.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox import Sandbox, SandboxControl
from tests.clients.client_bench import QUICK
from tests.clients.documented_fields import BY_EVENT, faults_in

HEARTBEAT_MS = 400
ANSWER_S = 10.0


class Session:
    """The client's side of one session over its connections."""

    def __init__(self, token: str, tls: ssl.SSLContext) -> None:
        self.token = token
        self.tls = tls
        self.seq: int | None = None
        self.ready: dict[str, Any] = {}
        self.names: list[str] = []
        self.acks = 0
        self._socket: ClientConnection | None = None

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator[None]:
        """Connect, receive HELLO and send heartbeats, the first after a jitter."""
        async with connect(f"{url}/?v=10&encoding=json", ssl=self.tls, max_size=None) as socket:
            self._socket = socket
            hello = await self.receive()
            assert hello["op"] == 10
            assert faults_in(hello["d"], "hello") == []
            beats = asyncio.create_task(self._beat(hello["d"]["heartbeat_interval"] / 1000))
            try:
                yield
            finally:
                beats.cancel()

    async def _beat(self, interval_s: float) -> None:
        await asyncio.sleep(interval_s * random.random())
        while True:
            await self.send(1, self.seq)
            await asyncio.sleep(interval_s)

    async def send(self, op: int, d: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps({"op": op, "d": d}))

    async def identify(self) -> None:
        properties = {"os": "linux", "browser": "by_the_book", "device": "by_the_book"}
        shard, intents = [0, 2], int(ALL_INTENTS)
        d = {"token": self.token, "properties": properties, "shard": shard, "intents": intents}
        await self.send(2, d)

    async def resume(self) -> None:
        session_id = self.ready["session_id"]
        await self.send(6, {"token": self.token, "session_id": session_id, "seq": self.seq})

    async def receive(self) -> dict[str, Any]:
        """Return the next payload, checked: its four keys, s, and the fields of known events."""
        assert self._socket is not None
        text = await asyncio.wait_for(self._socket.recv(), ANSWER_S)
        assert isinstance(text, str), "without compression a payload is text"
        payload: dict[str, Any] = json.loads(text)
        assert payload.keys() == {"op", "d", "s", "t"}
        if payload["op"] != 0:
            assert (payload["s"], payload["t"]) == (None, None)
            self.acks += payload["op"] == 11
            return payload
        assert payload["s"] == (self.seq or 0) + 1
        self.seq = payload["s"]
        self.names.append(payload["t"])
        if kind := BY_EVENT.get(payload["t"]):
            assert faults_in(payload["d"], kind, payload["t"]) == []
        if payload["t"] == "READY":
            self.ready = payload["d"]
        return payload

    async def until(self, *, op: int = 0, name: str | None = None, count: int = 1) -> None:
        """Read until so many payloads of this op and name have come."""
        while count:
            payload = await self.receive()
            count -= (payload["op"], payload["t"]) == (op, name)


async def gateway_bot(sandbox: Sandbox, tls: ssl.SSLContext) -> dict[str, Any]:
    url = f"{sandbox.info.api_url}/v10/gateway/bot"
    headers = {"Authorization": f"Bot {sandbox.info.token}", "User-Agent": "DiscordBot (book, 1)"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(url, ssl=tls) as response,
    ):
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        assert faults_in(answer, "gateway bot") == []
        return answer


def test_the_documented_way_of_a_session() -> None:
    options = msgspec.structs.replace(
        QUICK, heartbeat_interval_ms=HEARTBEAT_MS, heartbeat_grace_s=5
    )

    async def way() -> None:
        async with Sandbox(options) as sandbox:
            info = sandbox.info
            tls = ssl.create_default_context(cafile=info.ca_file)
            async with SandboxControl(info.control_url, info.control_token) as control:
                session = Session(info.token, tls)
                answer = await gateway_bot(sandbox, tls)
                await start(session, answer["url"], control)
                # Away without a close of ours: what happens meanwhile is replayed, then RESUMED.
                await control.emit("MESSAGE_CREATE", count=30, shard=(0, 2))
                async with session.connected(session.ready["resume_gateway_url"]):
                    await session.resume()
                    await session.until(name="RESUMED")
                    assert session.names.count("MESSAGE_CREATE") >= 30
                rows = await control.ledger_dispatches(session=session.ready["session_id"])
                sent = [(r["s"], r["name"]) for r in rows if not r.get("replayed")]
                assert sent == list(enumerate(session.names, 1))

    asyncio.run(way())


async def start(session: Session, url: str, control: SandboxControl) -> None:
    """Identify, receive the guilds and traffic, answer op 1, get op 7; close with 4000."""
    async with session.connected(url):
        await session.identify()
        await session.until(name="READY")
        guilds = session.ready["guilds"]
        assert session.ready["shard"] == [0, 2]
        assert all(guild["unavailable"] is True for guild in guilds)
        await session.until(name="GUILD_CREATE", count=len(guilds))
        await control.traffic(rate=400)
        await session.until(name="MESSAGE_CREATE", count=40)
        await control.fault(kind="op1", shard=0)
        await session.until(op=1)
        acks = session.acks
        await session.send(1, session.seq)
        await session.until(op=11, count=2)
        assert session.acks >= acks + 2
        await control.traffic(rate=0)
        await control.fault(kind="op7", shard=0)
        await session.until(op=7)
        assert session._socket is not None
        await session._socket.close(4000)


@pytest.mark.parametrize("closed_with", [1000, 4007, 4009])
def test_a_session_that_ended_is_not_resumed(closed_with: int) -> None:
    """The client closes with 1000, or Discord with a code that says: start a new session."""

    async def over() -> None:
        async with Sandbox(QUICK) as sandbox:
            info = sandbox.info
            session = Session(info.token, ssl.create_default_context(cafile=info.ca_file))
            async with (
                SandboxControl(info.control_url, info.control_token) as control,
                session.connected(info.gateway_url),
            ):
                await session.identify()
                await session.until(name="READY")
                if closed_with != 1000:
                    await control.fault(kind="close", code=closed_with)
                    with pytest.raises(ConnectionClosedError):
                        await session.until(name="none that there is")
            async with session.connected(session.ready["resume_gateway_url"]):
                await session.resume()
                answer = await session.receive()
                assert (answer["op"], answer["d"]) == (9, False)

    asyncio.run(over())


def test_a_token_that_is_not_right_is_refused_with_4004() -> None:
    async def refused() -> None:
        async with Sandbox(QUICK) as sandbox:
            tls = ssl.create_default_context(cafile=sandbox.info.ca_file)
            session = Session("not.the.token", tls)
            async with session.connected(sandbox.info.gateway_url):
                await session.identify()
                with pytest.raises(ConnectionClosedError) as closed:
                    await session.receive()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 4004

    asyncio.run(refused())


def test_the_check_of_fields_sees_what_is_wrong() -> None:
    user = {"id": "1", "username": "a", "discriminator": "0", "global_name": None, "avatar": None}
    assert faults_in(user, "user") == []
    assert faults_in([user | {"id": 1}], "[user]", "mentions") == [
        "mentions[0].id: no snowflake: 1"
    ]
    assert faults_in({**user, "avatar": "xyz"}, "user") == ["d.avatar: no hex: 'xyz'"]
    assert faults_in({}, "identified") == ["d.id: missing"]
    assert faults_in({"heartbeat_interval": True}, "hello") != []
