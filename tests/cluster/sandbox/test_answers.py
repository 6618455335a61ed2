"""Each request: what the sandbox records, what it answers, and what it takes for malformed."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from cluster.discord.opcodes import Op
from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.gateway.commands import TABLE
from cluster.sandbox.sessions.peer import Stage
from cluster.sandbox.world.state import Guild, Message
from tests.cluster.commands.command_rows import USER, Row, rows
from tests.cluster.sandbox.gateway_probe import Bench, Json, Probe, bench


async def answered(probe: Probe) -> list[Json]:
    """The dispatches up to the answer of a heartbeat: all that was asked for is answered by then,
    since the sandbox answers in order."""
    await probe.send(1, None)
    found: list[Json] = []
    while (payload := await probe.receive())["op"] != 11:
        found.append(payload)
    return found


def in_world(b: Bench) -> tuple[list[Row], Json]:
    """The rows of a guild and its channels, and the guild's id and channels."""
    world = b.sandbox.state.world
    guild = world.guild(world.guild_ids(0, 1)[0])
    text = guild.text_channels[0]
    voice = next(int(c["id"]) for c in guild.channels.values() if c["type"] == 2)
    return rows(guild.id, text, voice), {"id": guild.id, "text": text, "voice": voice}


def test_every_request_is_recorded_and_answered() -> None:
    async def scenario() -> None:
        async with bench(rate=0) as b:
            probe = await b.ready()
            made, _ = in_world(b)
            for row in made:
                if row.op != 40:
                    await probe.send(row.op, row.d)
                    found = await answered(probe)
                    assert tuple(one["t"] for one in found) == row.answers, row.name
                    for one in found:
                        known = {field.name for field in catalogue().events[one["t"]].fields}
                        assert not known or set(one["d"]) <= known | {"member"}, one["t"]
            sent = [(c["op"], c["d"]) for c in await b.control.commands() if c["op"] != 2]
            assert sent == [(row.op, row.d) for row in made if row.op != 40]

    asyncio.run(scenario())


def test_each_op_that_a_client_may_send_is_known() -> None:
    received = {Op.DISPATCH, Op.RECONNECT, Op.INVALID_SESSION, Op.HELLO, Op.HEARTBEAT_ACK}
    assert set(TABLE[Stage.ATTACHED]) == set(Op) - received
    assert set(TABLE[Stage.GREETED]) == set(Op) - received


def test_a_stream_from_its_beginning_to_its_end() -> None:
    async def scenario() -> None:
        async with bench(rate=0) as b:
            probe = await b.ready()
            _, where = in_world(b)
            guild, voice = str(where["id"]), str(where["voice"])
            await probe.send(18, {"type": "guild", "guild_id": guild, "channel_id": voice})
            created, server = await answered(probe)
            key = created["d"]["stream_key"]
            assert key.startswith(f"guild:{guild}:{voice}:")
            assert server["d"]["stream_key"] == key
            names: list[list[str]] = []
            for op, d in (
                (20, {"stream_key": key}),
                (21, {"stream_key": key}),
                (22, {"stream_key": key, "paused": True}),
                (19, {"stream_key": key}),
                (19, {"stream_key": key}),
            ):
                await probe.send(op, d)
                names.append([one["t"] for one in await answered(probe)])
            assert names == [
                ["STREAM_CREATE", "STREAM_SERVER_UPDATE"],
                ["STREAM_SERVER_UPDATE"],
                ["STREAM_UPDATE", "STREAM_SERVER_UPDATE"],
                ["STREAM_DELETE"],
                [],
            ]

    asyncio.run(scenario())


def test_recent_members_page_by_page() -> None:
    async def scenario() -> None:
        async with bench(rate=0, members_per_guild=9) as b:
            probe = await b.ready()
            _, where = in_world(b)
            asked: Json = {"guild_id": str(where["id"]), "query": "", "continuation_token": None}
            await probe.send(35, asked)
            (first,) = await answered(probe)
            joined = [member["joined_at"] for member in first["d"]["members"]]
            assert joined == sorted(joined, reverse=True)
            assert len(joined) > 3
            ids = [member["user"]["id"] for member in first["d"]["members"]]
            await probe.send(35, asked | {"continuation_token": ids[2], "nonce": "n"})
            (rest,) = await answered(probe)
            assert [member["user"]["id"] for member in rest["d"]["members"]] == ids[3:]
            assert rest["d"]["nonce"] == "n"

    asyncio.run(scenario())


def test_a_search_by_name_finds_one_member() -> None:
    async def scenario() -> None:
        async with bench(rate=0, members_per_guild=60) as b:
            probe = await b.ready()
            _, where = in_world(b)
            members = b.sandbox.state.world.guild(where["id"]).member_list
            letters = Counter(str(m.data["nick"] or m.user["username"])[0].lower() for m in members)
            letter, count = letters.most_common(1)[0]
            assert count > 1
            asked = {"guild_id": str(where["id"]), "query": letter, "continuation_token": None}
            await probe.send(35, asked)
            (found,) = await answered(probe)
            assert len(found["d"]["members"]) == 1

    asyncio.run(scenario())


def test_what_is_unread_in_threads() -> None:
    async def scenario() -> None:
        async with bench(rate=0) as b:
            probe = await b.ready()
            _, where = in_world(b)
            guild = b.sandbox.state.world.guild(where["id"])
            thread = 5
            guild.threads[thread] = {"id": "5", "parent_id": str(where["text"])}
            said = [message_in(guild, thread, 100 + number) for number in range(3)]
            guild.messages.extend([*said, message_in(guild, where["text"], 104)])
            asked = [
                {"thread_id": str(thread), "ack_message_id": "100"},
                {"thread_id": str(thread), "ack_message_id": None},
                {"thread_id": "7", "ack_message_id": None},
            ]
            request = {"guild_id": str(guild.id), "channel_id": str(where["text"])}
            await probe.send(28, request | {"threads": asked})
            (found,) = await answered(probe)
            assert found["d"]["channel_id"] == str(where["text"])
            told = [(one["missing"], one["count"]) for one in found["d"]["threads"]]
            assert told == [(False, 2), (False, 3), (True, 0)]
            await probe.send(28, request | {"channel_id": "7", "threads": asked})
            assert await answered(probe) == []

    asyncio.run(scenario())


def message_in(guild: Guild, channel_id: int, message_id: int) -> Message:
    return Message(message_id, channel_id, guild.member_list[0], b"{", b"}")


def test_a_remote_command_reaches_the_other_session() -> None:
    async def scenario() -> None:
        async with bench(rate=0) as b:
            one, other = await b.ready(), await b.ready()
            payload = {"type": "VOICE_STATE_UPDATE", "self_mute": True}
            await one.send(29, {"target_session_id": other.session_id, "payload": payload})
            assert await answered(one) == []
            (heard,) = await answered(other)
            assert (heard["t"], heard["d"]) == ("REMOTE_COMMAND", payload)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("op", "d"),
    [
        (5, {}),
        (13, {"channel_id": 5}),
        (17, {"lobby_id": "5"}),
        (18, {"type": "party", "channel_id": "5"}),
        (22, {"stream_key": f"call:5:{USER}"}),
        (28, {"guild_id": "5", "channel_id": "6", "threads": [{"thread_id": "7"}]}),
        (34, {"guild_id": "5", "channel_ids": "6"}),
        (35, {"guild_id": "5", "query": ""}),
        (40, {"seq": 1}),
        (43, {"guild_id": "5", "fields": [None]}),
    ],
)
def test_malformed_requests_are_closed_4002(op: int, d: Any) -> None:
    async def scenario() -> None:
        async with bench(rate=0, guilds=1) as b:
            probe = await b.ready()
            await probe.send(op, d)
            assert await probe.closed() == 4002

    asyncio.run(scenario())
