"""What the gateway enforces and what it accepts, over real connections."""

from __future__ import annotations

import asyncio
import json
import struct
import time
import zlib
from typing import Any

import aiohttp
import pytest

from cluster.discord.intents import ALL_INTENTS, Intents
from tests.cluster.sandbox.gateway_probe import Bench, Probe, bench, eventually

Json = dict[str, Any]


def test_hello_and_a_heartbeat_before_identify() -> None:
    async def scenario() -> None:
        async with bench(heartbeat_interval_ms=12_345) as b:
            probe = await b.connect()
            hello = await probe.receive()
            assert hello["op"] == 10
            assert hello["d"]["heartbeat_interval"] == 12_345
            assert isinstance(hello["d"]["_trace"], list)
            for d in (None, 0, 5):
                await probe.send(1, d)
                assert await probe.receive() == {"t": None, "s": None, "op": 11, "d": None}
            await probe.websocket.ping(b"hello")
            qos = {"ver": 27, "active": True, "reasons": ["foregrounded"]}
            await probe.send(40, {"seq": None, "qos": qos})
            assert (await probe.receive())["op"] == 11

    asyncio.run(scenario())


@pytest.mark.parametrize("path", ["/gateway", "/gateway/", ""])
@pytest.mark.parametrize("query", ["?v=9&encoding=json", "?v=10", ""])
def test_paths_and_optional_parameters(path: str, query: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            url = b.sandbox.info.gateway_url + path + query
            websocket = await b.http.ws_connect(url)
            assert (await websocket.receive_json())["op"] == 10
            await websocket.send_json({"op": 2, "d": b.identify()})
            assert (await websocket.receive_json())["t"] == "READY"
            await websocket.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "changes",
    [
        {"properties": {"$os": "linux", "$browser": "x", "$device": "x"}},
        {"presence": {"since": None, "activities": [], "status": "online", "afk": False}},
        {"large_threshold": 250, "shard": [0, 1]},
        {"intents": 0},
    ],
)
def test_identifies_that_discord_accepts(changes: Json) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.connect()
            await probe.send(2, b.identify(**changes) | {"token": f"Bot {b.token}"})
            ready = (await probe.until("READY"))["d"]
            assert ready["v"] == 10
            assert ready["resume_gateway_url"] == b.sandbox.info.resume_url
            assert ("shard" in ready) is ("shard" in changes)
            assert len(ready["guilds"]) == 3

    asyncio.run(scenario())


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream", None, "lzma"])
@pytest.mark.parametrize("payload_compression", [False, True])
def test_every_compression_brings_the_ledger(
    compress: str | None, payload_compression: bool
) -> None:
    async def scenario() -> None:
        async with bench() as b:
            d = {"compress": True} if payload_compression else None
            probe = await b.ready(compress=compress, d=d)
            await b.control.emit("MESSAGE_CREATE", count=50)
            while len(probe.rows) < 54:
                await probe.receive()
            rows = await b.control.ledger_dispatches()
            assert [(r["s"], r["name"], r["hash"]) for r in rows] == probe.rows
            streams = compress in ("zlib-stream", "zstd-stream")
            binary = [m.type is aiohttp.WSMsgType.BINARY for m in probe.raw]
            assert all(binary[1:]) is (streams or payload_compression)
            assert binary[0] is streams

    asyncio.run(scenario())


def test_an_early_identify_gets_op_9_and_may_try_again() -> None:
    async def scenario() -> None:
        async with bench(identify_window_s=60.0) as b:
            await b.ready(shard=[0, 2])
            probe = await b.connect()
            await probe.until(10)
            await probe.send(2, b.identify(shard=[1, 2]))
            assert await probe.receive() == {"t": None, "s": None, "op": 9, "d": False}
            limit = b.sandbox.state.identify_limit
            assert limit.remaining == 999
            limit.window_s = 0.0  # as if it were over
            await probe.send(2, b.identify(shard=[1, 2]))
            await probe.until("READY")
            assert limit.remaining == 998

    asyncio.run(scenario())


def test_buckets_are_apart() -> None:
    async def scenario() -> None:
        async with bench(identify_window_s=60.0, max_concurrency=3) as b:
            probes = await asyncio.gather(*(b.ready(shard=[n, 3]) for n in range(3)))
            assert (await b.control.state())["shards_ready"] == len(probes) == 3

    asyncio.run(scenario())


def test_one_session_start_too_many_resets_the_token() -> None:
    async def scenario() -> None:
        async with bench(session_start_remaining=1) as b:
            first = await b.ready()
            second = await b.connect()
            await second.send(2, b.identify())
            assert await second.closed() == 4004
            assert await first.closed() == 4004
            assert (await b.get("/v10/gateway/bot"))[0] == 401
            third = await b.resume(first)
            assert await third.closed() == 4004
            b.token = await b.control.token()
            assert b.token != b.sandbox.info.token
            assert (await b.get("/v10/gateway/bot"))[0] == 200
            fourth = await b.resume(first)
            assert (await fourth.until(9))["d"] is False

    asyncio.run(scenario())


def test_intents_choose_events_and_content() -> None:
    async def scenario() -> None:
        async with bench() as b:
            messages = await b.ready(intents=int(Intents.GUILDS | Intents.GUILD_MESSAGES))
            everything = await b.ready(intents=int(ALL_INTENTS))
            nothing = await b.ready(intents=0, guilds=0)
            for name in ("TYPING_START", "MESSAGE_CREATE", "PRESENCE_UPDATE", "MESSAGE_CREATE"):
                await b.control.emit(name)
            typing = await everything.receive()
            full = await everything.until("MESSAGE_CREATE")
            bare = await messages.receive()
            assert typing["t"] == "TYPING_START"
            assert bare["t"] == "MESSAGE_CREATE"
            assert bare["d"]["id"] == full["d"]["id"]
            assert full["d"]["content"]
            assert not bare["d"]["content"]
            assert (await messages.receive())["t"] == "MESSAGE_CREATE"
            assert [row[1] for row in nothing.rows] == ["READY"]
            rows = await b.control.ledger_dispatches(session=nothing.session_id)
            assert [row["name"] for row in rows] == ["READY"]

    asyncio.run(scenario())


def test_a_guild_that_comes_back_is_shown_as_intents_allow() -> None:
    async def scenario() -> None:
        async with bench(guilds=1, members_per_guild=20) as b:
            everything = await b.ready()
            plain = await b.ready(intents=int(Intents.GUILDS))
            await b.control.emit("GUILD_CREATE")
            whole = (await everything.until("GUILD_CREATE"))["d"]
            part = (await plain.until("GUILD_CREATE"))["d"]
            assert len(whole["members"]) == 20
            assert whole["presences"]
            assert whole["id"] == part["id"]
            assert part["presences"] == []
            in_voice = {one["user_id"] for one in part["voice_states"]}
            bot = str(b.sandbox.world.bot_user["id"])
            assert {one["user"]["id"] for one in part["members"]} == in_voice | {bot}
            rows = [row async for row in b.control.all_dispatches()]
            mine = [
                (r["s"], r["name"], r["hash"]) for r in rows if r["session"] == plain.session_id
            ]
            assert mine == plain.rows

    asyncio.run(scenario())


def test_each_generation_of_shards_sees_every_guild_once() -> None:
    async def scenario() -> None:
        async with bench(guilds=12) as b:
            counts: dict[int, list[Probe]] = {}
            for count in (1, 3):
                for shard in range(count):
                    probe = await b.ready(shard=[shard, count])
                    counts.setdefault(count, []).append(probe)
            guilds = b.sandbox.world.guild_ids(0, 1)
            for guild_id in guilds:
                await b.control.emit("TYPING_START", guild_id)
            for count, probes in counts.items():
                seen: list[str] = []
                for shard, one in enumerate(probes):
                    mine = b.sandbox.world.guild_ids(shard, count)
                    seen += [(await one.until("TYPING_START"))["d"]["guild_id"] for _ in mine]
                assert sorted(seen) == sorted(map(str, guilds))

    asyncio.run(scenario())


async def _chunks(b: Bench, probe: Any, d: Json) -> list[Json]:
    await probe.send(8, d)
    made = [await probe.receive()]
    while made[-1]["t"] == "GUILD_MEMBERS_CHUNK" and (
        made[-1]["d"]["chunk_index"] + 1 < made[-1]["d"]["chunk_count"]
    ):
        made.append(await probe.receive())
    return made


def test_members_on_request_and_their_limit() -> None:
    async def scenario() -> None:
        async with bench(members_per_guild=1500, guilds=2) as b:
            probe = await b.ready()
            guild, other = map(str, b.sandbox.world.guild_ids(0, 1))
            asked = {"guild_id": guild, "query": "", "limit": 0, "nonce": "n"}
            began = time.monotonic()
            chunks = await _chunks(b, probe, asked)
            assert [c["d"]["chunk_index"] for c in chunks] == [0, 1]
            assert sum(len(c["d"]["members"]) for c in chunks) == 1500
            limited = (await _chunks(b, probe, asked))[0]
            assert limited["t"] == "RATE_LIMITED"
            assert limited["d"]["opcode"] == 8
            assert 29.999 - (time.monotonic() - began) <= limited["d"]["retry_after"] <= 30
            assert limited["d"]["meta"] == {"guild_id": guild, "nonce": "n"}
            assert len(await _chunks(b, probe, asked | {"guild_id": [other]})) == 2
            for _ in range(2):  # a part of the members has no such limit
                (part,) = await _chunks(b, probe, asked | {"limit": 3})
                assert len(part["d"]["members"]) == 3
            await probe.send(8, asked | {"guild_id": [guild, other]})
            assert await probe.closed() == 4002
            few = await b.ready(intents=int(Intents.GUILDS))
            await few.send(8, asked)
            assert await few.closed() == 4014

    asyncio.run(scenario())


def test_voice_soundboard_and_what_is_only_logged() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            guild_id = b.sandbox.world.guild_ids(0, 1)[0]
            guild = b.sandbox.world.guild(guild_id)
            channel = next(str(i) for i, c in guild.channels.items() if c["type"] == 2)
            d = {"guild_id": str(guild_id), "channel_id": channel, "self_mute": True}
            await probe.send(4, d | {"self_deaf": False})
            joined = (await probe.receive())["d"]
            assert joined["channel_id"] == channel
            assert joined["session_id"] == probe.session_id
            assert (await probe.receive())["t"] == "VOICE_SERVER_UPDATE"
            await probe.send(31, {"guild_ids": [str(guild_id)]})
            assert (await probe.receive())["t"] == "SOUNDBOARD_SOUNDS"
            await probe.send(3, {"since": None, "activities": [], "status": "idle", "afk": False})
            await probe.send(14, {"guild_id": str(guild_id), "typing": True})
            await probe.send(1, probe.seq)
            assert (await probe.receive())["op"] == 11
            sent = await b.control.commands()
            assert [one["op"] for one in sent] == [2, 4, 31, 3, 14]
            assert b.token not in json.dumps(sent)

    asyncio.run(scenario())


def test_a_close_with_1000_ends_the_session_and_others_do_not() -> None:
    async def scenario() -> None:
        async with bench() as b:
            for code, kept in ((1000, False), (1001, False), (4000, True), (3000, True)):
                probe = await b.ready()
                await probe.websocket.close(code=code)
                again = await b.resume(probe)
                answer = await again.receive()
                assert (answer["t"] == "RESUMED") is kept, code
                assert (answer["op"] == 9) is not kept, code

    asyncio.run(scenario())


def test_a_close_with_1000_counts_when_the_client_does_not_wait_for_the_answer() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            connection = probe.websocket._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.write(struct.pack("!BB4sH", 0x88, 0x82, bytes(4), 1000))
            connection.transport.close()
            await eventually(lambda: not b.sandbox.state.peers)
            again = await b.resume(probe)
            assert (await again.receive())["op"] == 9

    asyncio.run(scenario())


def test_deflated_payload_is_a_stream_of_its_own() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.connect()
            await probe.until(10)
            await probe.send(2, b.identify(compress=True))
            for _ in range(4):
                await probe.receive()
            for message in probe.raw[1:]:
                assert json.loads(zlib.decompress(message.data))["op"] == 0

    asyncio.run(scenario())


@pytest.mark.parametrize("compress", ["zlib-stream", 1, None, {}])
def test_a_compress_of_another_type_compresses_nothing(compress: object) -> None:
    """Discord takes it, and a released library says "zlib-stream" there."""

    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready(d={"compress": compress})
            assert {message.type for message in probe.raw} == {aiohttp.WSMsgType.TEXT}

    asyncio.run(scenario())
