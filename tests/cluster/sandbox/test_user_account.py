"""A user account on the sandbox, over real connections: tokens, READY by capability, sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.discord.account import IdentifyAccount, new_launch
from cluster.discord.browser import browser
from cluster.discord.intents import ALL_CAPABILITIES, Capabilities
from tests.cluster.sandbox.gateway_probe import Bench, Closed, Json, Probe, bench


def identify(b: Bench, capabilities: int = 0, **changes: Any) -> Json:
    token = b.sandbox.info.user_token
    account = IdentifyAccount.from_options(capabilities=capabilities, client_build_number=396858)
    return account.identify(token, browser(), new_launch(), None) | changes


async def ready(b: Bench, capabilities: int = 0, **changes: Any) -> tuple[Probe, Json]:
    """A session of the user account, and the ``d`` of its READY."""
    probe = await b.connect(query="v=9&encoding=json")
    await probe.until(10)
    await probe.send(2, identify(b, capabilities, **changes))
    d: Json = (await probe.until("READY"))["d"]
    return probe, d


async def refusal(b: Bench, d: Json) -> int | None:
    probe = await b.connect()
    await probe.until(10)
    await probe.send(2, d)
    return await probe.closed()


def test_ready_holds_whole_guilds_and_nothing_follows_but_what_happens() -> None:
    async def scenario() -> None:
        async with bench(guilds=3) as b:
            probe, d = await ready(b)
            assert (d["v"], d["session_type"], "application" in d) == (9, "normal", False)
            assert d["user"]["id"] == b.sandbox.world.own_account["id"]
            assert d["user"]["bot"] is False
            assert [len(guild["channels"]) > 0 for guild in d["guilds"]] == [True] * 3
            assert isinstance(d["read_state"], list)
            assert {"notes", "user_settings", "presences"} <= set(d)
            assert not {"users", "merged_members", "lobbies", "auth_token"} & set(d)
            own = [m["user"]["id"] for guild in d["guilds"] for m in guild["members"][:1]]
            assert own == [d["user"]["id"]] * 3
            assert [one["session_id"] for one in d["sessions"]] == [d["session_id"]]
            await b.control.emit("MESSAGE_CREATE")
            while (name := (await probe.receive())["t"]) != "MESSAGE_CREATE":
                assert name == "SESSIONS_REPLACE"

    asyncio.run(scenario())


def test_ready_by_capabilities() -> None:
    async def scenario() -> None:
        async with bench(guilds=2) as b:
            probe, d = await ready(b, int(ALL_CAPABILITIES))
            assert not {"notes", "user_settings", "presences", "merged_presences"} & set(d)
            assert (d["lobbies"], set(d["read_state"])) == ([], {"entries", "partial", "version"})
            guild = d["guilds"][0]
            assert guild["data_mode"] == "full"
            assert guild["properties"]["id"] == guild["id"]
            assert not {"members", "presences", "voice_states", "name"} & set(guild)
            own = d["user"]["id"]
            assert [[m["user_id"] for m in guild] for guild in d["merged_members"]] == [
                [own],
                [own],
            ]
            more = (await probe.receive())["d"]
            assert probe.rows[-1][1] == "READY_SUPPLEMENTAL"
            assert [one["id"] for one in more["guilds"]] == [one["id"] for one in d["guilds"]]
            others = {m["user_id"] for guild in more["merged_members"] for m in guild}
            assert others == {user["id"] for user in d["users"]}
            assert others, "who is in voice"

    asyncio.run(scenario())


def test_a_supplement_only_with_deduped_users() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            probe, d = await ready(b, int(Capabilities.PRIORITIZED_READY_PAYLOAD))
            assert "voice_states" in d["guilds"][0]
            assert (await probe.receive())["t"] == "SESSIONS_REPLACE"

    asyncio.run(scenario())


def test_whose_token_it_is() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            user = b.sandbox.info.user_token
            without_intents = identify(b, 1) | {"token": b.token}
            assert await refusal(b, without_intents) == 4013, "a bot needs intents"
            assert await refusal(b, identify(b) | {"token": f"Bot {user}"}) == 4004
            assert await refusal(b, identify(b) | {"capabilities": "all"}) == 4002
            assert (await b.get("/v9/gateway", user))[0] == 200
            assert (await b.get("/v9/gateway/bot", user))[0] == 401
            assert (await b.get("/v9/gateway/bot", f"Bot {user}"))[0] == 401
            assert (await b.get("/v9/users/@me", b.token))[0] == 401
            _, _, me = await b.get("/v9/users/@me", user)
            assert me["id"] == b.sandbox.world.own_account["id"]
            probe, _ = await ready(b)
            again = await b.connect()
            await again.until(10)
            as_bot = {"token": b.token, "session_id": probe.session_id, "seq": probe.seq}
            await again.send(6, as_bot)
            assert (await again.receive())["op"] == 9, "a session is of one account"

    asyncio.run(scenario())


def test_one_session_too_many_and_who_is_told_of_sessions() -> None:
    async def scenario() -> None:
        async with bench(guilds=1, user_sessions=2) as b:
            first, _ = await ready(b)
            await first.until("SESSIONS_REPLACE")
            second, d = await ready(b)
            assert [s["session_id"] for s in d["sessions"]] == [first.session_id, second.session_id]
            assert len((await first.until("SESSIONS_REPLACE"))["d"]) == 2
            assert await refusal(b, identify(b)) == 4015
            await second.websocket.close(code=1000)
            sessions = (await first.until("SESSIONS_REPLACE"))["d"]
            assert [one["session_id"] for one in sessions] == [first.session_id]
            await ready(b)

    asyncio.run(scenario())


def test_it_identifies_once_a_window_and_spends_no_session_start() -> None:
    async def scenario() -> None:
        async with bench(guilds=1, identify_window_s=60.0, session_start_remaining=0) as b:
            await ready(b)
            probe = await b.connect()
            await probe.until(10)
            await probe.send(2, identify(b))
            assert (await probe.receive())["op"] == 9
            assert b.sandbox.state.counters["token_resets"] == 0

    asyncio.run(scenario())


def test_subscriptions_last_as_long_as_the_session() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            probe, d = await ready(b)
            guild_id = d["guilds"][0]["id"]
            await b.control.emit("TYPING_START", guild_id=int(guild_id))
            await probe.send(37, {"subscriptions": {guild_id: {"typing": True}}})
            await probe.send(1, probe.seq)
            await probe.until(11)
            assert "TYPING_START" not in [name for _, name, _ in probe.rows]
            await b.control.emit("TYPING_START", guild_id=int(guild_id))
            await probe.until("TYPING_START")
            await probe.websocket.close(code=4000)
            again = await b.resume(probe, token=b.sandbox.info.user_token)
            await again.until("RESUMED")
            await b.control.emit("TYPING_START", guild_id=int(guild_id))
            await again.until("TYPING_START")
            await again.send(37, {"subscriptions": 1})
            with pytest.raises(Closed, match="4002"):
                await again.until("never")

    asyncio.run(scenario())


def test_a_guild_that_was_away_comes_as_the_session_wants_it() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            guild_id = b.sandbox.world.guild_ids(0, 1)[0]
            b.sandbox.world.guild(guild_id).unavailable = True
            probe, d = await ready(b, int(Capabilities.CLIENT_STATE_V2))
            assert d["guilds"] == [{"id": str(guild_id), "unavailable": True}]
            await b.control.emit("GUILD_CREATE", guild_id=guild_id)
            came = (await probe.until("GUILD_CREATE"))["d"]
            assert came["properties"]["id"] == str(guild_id)

    asyncio.run(scenario())


def test_it_goes_into_voice_as_itself() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            probe, d = await ready(b)
            guild = d["guilds"][0]
            channel = next(c["id"] for c in guild["channels"] if c["type"] == 2)
            await probe.send(4, {"guild_id": guild["id"], "channel_id": channel})
            state = (await probe.until("VOICE_STATE_UPDATE"))["d"]
            assert state["user_id"] == d["user"]["id"] == state["member"]["user"]["id"]
            assert state["session_id"] == d["session_id"]
            _, d = await ready(b)
            assert [m["user"]["id"] for m in d["guilds"][0]["members"]].count(d["user"]["id"]) == 1

    asyncio.run(scenario())


def test_a_bot_beside_it_is_not_concerned() -> None:
    async def scenario() -> None:
        async with bench(guilds=1) as b:
            bot = await b.ready()
            user, _ = await ready(b)
            await b.control.emit("TYPING_START")
            await b.control.emit("MESSAGE_CREATE")
            for probe in (bot, user):
                await probe.until("MESSAGE_CREATE")
            assert "SESSIONS_REPLACE" not in [name for _, name, _ in bot.rows]
            assert "TYPING_START" in [name for _, name, _ in bot.rows]
            sessions = (await b.control.state())["sessions"]
            assert [one["account"] for one in sessions] == ["bot", "user"]

    asyncio.run(scenario())
