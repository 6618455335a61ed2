"""A server and its clients, over sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from cluster.errors import ConfigError
from cluster.proxy.server.identifying import ClusterFacts
from cluster.zstd import ZstdDecompressor
from tests.cluster.proxy.server.rig import (
    HANDSHAKE,
    SECRET,
    TOKEN,
    PlayedSession,
    RawClient,
    dispatch,
    identify_payload,
    served,
)
from tests.cluster.sandbox.gateway_probe import eventually

Scenario = Callable[[], Coroutine[Any, Any, None]]
LOOPS = [asyncio.run, uvloop.run]


@pytest.mark.parametrize("run", LOOPS)
def test_a_library_identifies_and_gets_events(run: Any) -> None:
    async def scenario() -> None:
        async with served() as there, connect(f"{there.url}/?v=10&encoding=json") as client:
            hello = json.loads(await client.recv())
            assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41_250)
            await client.send(json.dumps(identify_payload(shard=[1, 2], intents=3)))
            assert json.loads(await client.recv())["t"] == "READY"
            await eventually(lambda: bool(there.commands.told))
            session = there.sessions.last
            assert there.commands.told == [("identified", "s1")]
            said = session.identify
            assert (said.shard_id, said.shard_count, said.with_shard) == (1, 2, True)
            assert (said.client, said.intents, said.version, said.program) == ("", 3, 10, "made up")
            assert said.url == there.url
            session.send(dispatch("A", 2), dispatch("B", 3, text="x" * 70_000))
            assert json.loads(await client.recv())["s"] == 2
            assert len(await client.recv()) > 70_000
            await client.send('{"op":1,"d":3}')
            assert json.loads(await client.recv()) == {"t": None, "s": None, "op": 11, "d": None}
            assert session.acknowledged == [3]
            await client.send('{"op":4,"d":{"guild_id":"1"}}')
            await client.close(1000)
            await there.emptied()
            assert session.ended == [True]
            assert there.commands.told[1:] == [
                ("received", "s1", 4, {"guild_id": "1"}),
                ("detached", "s1", True),
            ]

    run(scenario())


@pytest.mark.parametrize(("compress", "query"), [("zlib", "zlib-stream"), ("zstd", "zstd-stream")])
def test_one_stream_a_connection(compress: str, query: str) -> None:
    async def scenario() -> None:
        inflate = zlib.decompressobj().decompress if compress == "zlib" else None
        inflate = inflate or ZstdDecompressor().decompress
        async with served() as there, connect(f"{there.url}/?v=10&compress={query}") as client:
            assert json.loads(inflate(await client.recv(decode=False)))["op"] == 10
            await client.send(json.dumps(identify_payload(compress=True)))
            assert json.loads(inflate(await client.recv(decode=False)))["t"] == "READY"
            await eventually(lambda: bool(there.sessions.begun))
            there.sessions.last.send(*[dispatch("A", n) for n in range(2, 9)])
            for n in range(2, 9):
                message = await client.recv(decode=False)
                assert compress != "zlib" or message.endswith(b"\x00\x00\xff\xff")
                assert json.loads(inflate(message)) == {"t": "A", "s": n, "op": 0, "d": {}}

    uvloop.run(scenario())


def test_payloads_compressed_by_themselves() -> None:
    async def scenario() -> None:
        async with served() as there, connect(f"{there.url}/?v=9") as client:
            assert isinstance(await client.recv(), str)
            await client.send(json.dumps(identify_payload(compress=True)))
            message = await client.recv()
            assert isinstance(message, bytes)
            assert json.loads(zlib.decompress(message))["t"] == "READY"

    uvloop.run(scenario())


def test_a_resume() -> None:
    async def scenario() -> None:
        async with served() as there:
            client = await RawClient.identified(there.port)
            await eventually(lambda: bool(there.sessions.begun))
            client.leave()
            await there.emptied()
            session = there.sessions.last
            assert session.ended == [False]
            there.sessions.resumable = session
            client = await RawClient.greeted(there.port)
            d = {"token": f"Bot {SECRET}", "session_id": "s1", "seq": 1}
            client.send({"op": 6, "d": d})
            assert (await client.payload())["t"] == "RESUMED"
            assert there.sessions.asked == [("s1", 1, "music")]
            await eventually(lambda: there.commands.told[-1] == ("resumed", "s1"))
            client.leave(4000)
            await there.emptied()
            assert session.ended == [False, False]

    uvloop.run(scenario())


def test_where_the_gateway_is() -> None:
    async def scenario() -> None:
        async with served() as there, aiohttp.ClientSession() as http:
            there.facts = ClusterFacts(shard_count=5, intents=1)
            base = f"http://127.0.0.1:{there.port}/api/v10"
            async with http.get(f"{base}/gateway") as answer:
                assert await answer.json() == {"url": there.url}
            for shown, status in ((f"Bot {TOKEN}", 200), (SECRET, 200), ("Bot no", 401)):
                headers = {"Authorization": shown}
                async with http.get(f"{base}/gateway/bot", headers=headers) as answer:
                    assert answer.status == status
                    assert status != 200 or (await answer.json())["shards"] == 5
            async with http.get(f"{base}/gateway/bot") as answer:
                assert answer.status == 401
            async with http.get(f"{base}/users/@me") as answer:
                assert answer.status == 404
            async with http.post(f"{base}/channels/1/messages", json={"content": "x"}) as answer:
                assert answer.status == 400
                assert "https://discord.com/api" in (await answer.json())["message"]

    uvloop.run(scenario())


def test_what_clients_are_told_can_be_set() -> None:
    async def scenario() -> None:
        async with served(url="wss://bots.example/") as there:
            client = await RawClient.connect(there.port)
            client.write(b"GET /gateway HTTP/1.1\r\n\r\n")
            assert (await client.rest()).endswith(b'{"url": "wss://bots.example"}')

    uvloop.run(scenario())


def test_a_host_that_is_none_is_not_told() -> None:
    async def scenario() -> None:
        async with served() as there:
            for host in (b"", b"Host: a b\r\n", b"Host: a\r\nHost: b\r\n"):
                client = await RawClient.connect(there.port)
                client.write(b"GET /gateway HTTP/1.1\r\n%b\r\n" % host)
                assert (await client.rest()).endswith(b'{"url": "%b"}' % there.url.encode())

    uvloop.run(scenario())


def test_no_extension_is_agreed_to() -> None:
    async def scenario() -> None:
        async with served() as there:
            client = await RawClient.open(there.port)
            assert client.head.startswith(b"HTTP/1.1 101 ")
            assert b"xtension" not in client.head
            assert (await client.payload())["op"] == 10

    uvloop.run(scenario())


def test_all_are_asked_to_connect_elsewhere_at_the_end() -> None:
    async def scenario() -> None:
        async with served() as there:
            going, staying = [await RawClient.identified(there.port) for _ in range(2)]
            waiting, half = await RawClient.greeted(there.port), await RawClient.connect(there.port)
            half.write(HANDSHAKE[:40])
            await eventually(lambda: there.server.counts().connections == 4)
            ending = asyncio.create_task(there.server.close(0.3))
            for client in (going, staying, waiting):
                assert (await client.payload())["op"] == 7
            assert await half.rest() == b""
            going.leave(1000)
            waiting.leave()
            assert await staying.close_code() == 4000
            staying.leave(4000)
            await ending
            assert [session.ended for session in there.sessions.begun] == [[False], [False]]
            assert there.server.counts().connections == 0
            with pytest.raises(ConnectionRefusedError):
                await RawClient.connect(there.port)

    uvloop.run(scenario())


def test_no_port_that_others_reach_is_without_tls() -> None:
    async def scenario() -> None:
        async with served() as there:
            listener = socket.create_server(("0.0.0.0", 0))
            with pytest.raises(ConfigError, match="without TLS"):
                await there.server.start(listener)
            assert listener.fileno() == -1

    uvloop.run(scenario())


def test_a_version_that_there_is_not() -> None:
    async def scenario() -> None:
        async with served() as there, connect(f"{there.url}/?v=6") as client:
            with pytest.raises(ConnectionClosed) as closed:
                await client.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4012
            assert there.server.counts().closes == {4012: 1}

    uvloop.run(scenario())


def test_a_session_hears_when_its_client_has_taken_all() -> None:
    async def scenario() -> None:
        async with served() as there:
            client = await RawClient.identified(there.port)
            await eventually(lambda: bool(there.sessions.begun))
            session: PlayedSession = there.sessions.last
            payload = dispatch("A", 2, text="x" * 100_000)
            while not session.outlet.waiting:
                session.send(payload)
            assert session.rooms == 0
            while session.outlet.waiting:
                await client.read_frame()
            assert session.rooms == 1

    uvloop.run(scenario())
