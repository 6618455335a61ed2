"""GUILD_CREATE by intents, member chunks, soundboard, voice and presence of the bot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.sandbox.world import RequestRefused, World

Json = dict[str, Any]
EVERYTHING = int(ALL_INTENTS)


def shown(world: World, guild_id: int, intents: int, large_threshold: int = 250) -> Json:
    d: Json = json.loads(
        world.guild_create(guild_id, intents=intents, large_threshold=large_threshold)
    )
    return d


def ids(members: list[Json]) -> set[str]:
    return {member["user"]["id"] for member in members}


@pytest.fixture
def guild_id(world: World) -> int:
    """The first guild's id."""
    return world.guild_ids(0, 1)[0]


def test_without_presences_only_the_bot_and_who_speaks(world: World, guild_id: int) -> None:
    whole = shown(world, guild_id, EVERYTHING)
    d = shown(world, guild_id, EVERYTHING & ~Intents.GUILD_PRESENCES)
    assert d["presences"] == []
    assert ids(d["members"]) == {
        world.bot_user["id"],
        *(state["user_id"] for state in whole["voice_states"]),
    }
    assert d["member_count"] == whole["member_count"] == len(whole["members"])


def test_a_large_guild_shows_who_is_online(world: World, guild_id: int) -> None:
    whole = shown(world, guild_id, EVERYTHING)
    d = shown(world, guild_id, EVERYTHING, large_threshold=5)
    assert d["large"] is True
    assert whole["large"] is False
    online = {presence["user"]["id"] for presence in whole["presences"]}
    speaking = {state["user_id"] for state in whole["voice_states"]}
    assert ids(d["members"]) == online | speaking | {world.bot_user["id"]}
    assert d["member_count"] == len(whole["members"]) > len(d["members"])


def chunks(world: World, d: Json, intents: int = EVERYTHING) -> list[Json]:
    return [json.loads(chunk) for chunk in world.request_members(d, intents=intents)]


def test_all_members_come_in_chunks_of_a_thousand(make_world: Any) -> None:
    world = make_world(guilds=1, members_per_guild=2_500)
    guild_id = world.guild_ids(0, 1)[0]
    asked = {"guild_id": str(guild_id), "query": "", "limit": 0, "nonce": "n", "presences": True}
    got = chunks(world, asked)
    count = len(world.guild(guild_id).members)
    assert [len(c["members"]) for c in got] == [1_000, 1_000, count - 2_000]
    assert [c["chunk_index"] for c in got] == [0, 1, 2]
    assert {c["chunk_count"] for c in got} == {3}
    assert {c["nonce"] for c in got} == {"n"}
    assert ids([m for c in got for m in c["members"]]) == {
        str(i) for i in world.guild(guild_id).members
    }
    for chunk in got:
        assert ids(chunk["presences"]) <= ids(chunk["members"])
        assert "not_found" not in chunk


def test_who_joined_is_in_the_chunk_and_who_left_is_not(world: World, guild_id: int) -> None:
    joined = json.loads([*world.emit("GUILD_MEMBER_ADD", guild_id=guild_id)][-1].data)
    left = json.loads([*world.emit("GUILD_MEMBER_REMOVE", guild_id=guild_id)][-1].data)
    (chunk,) = chunks(world, {"guild_id": str(guild_id), "query": "", "limit": 0})
    assert left["user"]["id"] not in ids(chunk["members"])
    if joined["user"]["id"] != left["user"]["id"]:
        assert joined["user"]["id"] in ids(chunk["members"])
    assert "presences" not in chunk
    assert "nonce" not in chunk


def test_an_update_shows_in_later_chunks(world: World, guild_id: int) -> None:
    updated = json.loads([*world.emit("GUILD_MEMBER_UPDATE", guild_id=guild_id)][-1].data)
    user_id = updated["user"]["id"]
    (chunk,) = chunks(world, {"guild_id": str(guild_id), "user_ids": user_id})
    assert chunk["members"] == [{k: v for k, v in updated.items() if k != "guild_id"}]


def test_user_ids_that_are_unknown_are_not_found(world: World, guild_id: int) -> None:
    known = world.bot_user["id"]
    asked = {"guild_id": str(guild_id), "user_ids": [known, "5", known, "no id"], "limit": 0}
    (chunk,) = chunks(world, asked)
    assert ids(chunk["members"]) == {known}
    assert chunk["not_found"] == ["5", "no id"]


def test_what_is_nested_is_no_id_and_no_nonce(world: World, guild_id: int) -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    asked = {"guild_id": str(guild_id), "user_ids": ["5"], "nonce": nested}
    (chunk,) = chunks(world, asked)
    assert "nonce" not in chunk
    for wrong in (asked | {"user_ids": [nested]}, asked | {"guild_id": nested}):
        with pytest.raises(RequestRefused) as refused:
            chunks(world, wrong)
        assert refused.value.close_code == 4002


def test_a_prefix_finds_names_and_nicks(world: World, guild_id: int) -> None:
    member = world.guild(guild_id).member_list[3]
    prefix = member.user["username"][:5].upper()
    (chunk,) = chunks(world, {"guild_id": str(guild_id), "query": prefix, "limit": 100})
    assert str(member.id) in ids(chunk["members"])
    (few,) = chunks(world, {"guild_id": [str(guild_id)], "query": "", "limit": 3})
    assert len(few["members"]) == 3
    (nobody,) = chunks(world, {"guild_id": str(guild_id), "query": "\x01", "limit": 3})
    assert nobody["members"] == []
    assert nobody["chunk_count"] == 1


@pytest.mark.parametrize(
    ("nonce", "back"), [("x" * 32, True), ("x" * 33, False), ("é" * 17, False)]
)
def test_a_long_nonce_is_ignored(world: World, guild_id: int, nonce: str, back: bool) -> None:
    asked = {"guild_id": str(guild_id), "query": "", "limit": 1, "nonce": nonce}
    assert ("nonce" in chunks(world, asked)[0]) == back


def test_intents_limit_what_may_be_asked(world: World, guild_id: int) -> None:
    asked = {"guild_id": str(guild_id), "query": "", "limit": 0, "presences": True}
    with pytest.raises(RequestRefused) as refused:
        chunks(world, asked, EVERYTHING & ~Intents.GUILD_MEMBERS)
    assert refused.value.close_code == 4014
    (chunk,) = chunks(world, asked, EVERYTHING & ~Intents.GUILD_PRESENCES)
    assert "presences" not in chunk


@pytest.mark.parametrize(
    "d",
    [
        {},
        {"guild_id": "GUILD"},
        {"guild_id": ["1", "2"], "query": "", "limit": 0},
        {"guild_id": "x", "query": "", "limit": 0},
        {"guild_id": "GUILD", "query": 1, "limit": 0},
        {"guild_id": "GUILD", "query": "", "limit": -1},
        {"guild_id": "GUILD", "query": "", "limit": "all"},
    ],
)
def test_what_is_no_request_is_refused(world: World, guild_id: int, d: Json) -> None:
    asked = {k: str(guild_id) if v == "GUILD" else v for k, v in d.items()}
    with pytest.raises(RequestRefused) as refused:
        chunks(world, asked)
    assert refused.value.close_code == 4002


def test_a_guild_that_is_not_there_is_answered_by_nothing(world: World) -> None:
    assert world.request_members({"guild_id": "5", "query": "", "limit": 0}) == []
    assert world.request_soundboard([5]) == []
    assert world.voice_state({"guild_id": "5", "channel_id": None}) == []
    assert world.voice_state({"guild_id": None, "channel_id": None}) == []


def test_soundboard(world: World, guild_id: int) -> None:
    made = json.loads([*world.emit("GUILD_SOUNDBOARD_SOUND_CREATE", guild_id=guild_id)][-1].data)
    ((answered, data),) = world.request_soundboard([guild_id, 5])
    assert answered == guild_id
    assert made in json.loads(data)["soundboard_sounds"]


def test_the_bot_joins_and_leaves_voice(world: World, guild_id: int) -> None:
    channel = next(c for c in world.guild(guild_id).channels.values() if c["type"] == 2)
    asked = {"guild_id": str(guild_id), "channel_id": channel["id"], "self_mute": True}
    state, server = world.voice_state(asked, session_id="of the gateway")
    assert (state.name, server.name) == ("VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE")
    assert state.intents == int(Intents.GUILD_VOICE_STATES)
    assert server.intents == 0
    shown_state = json.loads(state.data)
    assert shown_state["user_id"] == shown_state["member"]["user"]["id"] == world.bot_user["id"]
    assert shown_state["channel_id"] == channel["id"]
    assert shown_state["self_mute"] is True
    assert shown_state["session_id"] == "of the gateway"
    assert set(json.loads(server.data)) == {"token", "guild_id", "endpoint"}
    speaking = {s["user_id"]: s for s in shown(world, guild_id, EVERYTHING)["voice_states"]}
    assert speaking[world.bot_user["id"]]["session_id"] == shown_state["session_id"]

    (gone,) = world.voice_state({"guild_id": str(guild_id), "channel_id": None})
    assert json.loads(gone.data)["channel_id"] is None
    assert json.loads(gone.data)["session_id"] == shown_state["session_id"]
    left = {s["user_id"] for s in shown(world, guild_id, EVERYTHING)["voice_states"]}
    assert world.bot_user["id"] not in left


def test_the_bots_presence_shows_in_every_guild(world: World) -> None:
    first, second, _ = world.guild_ids(0, 1)
    world.guild(first)
    asked = {"status": "dnd", "activities": [{"name": "chess", "type": 0}], "since": None}
    assert world.update_presence(asked | {"afk": False}) == []
    for guild_id in (first, second):
        presences = shown(world, guild_id, EVERYTHING)["presences"]
        (own,) = [p for p in presences if p["user"]["id"] == world.bot_user["id"]]
        assert own["status"] == "dnd"
        assert own["activities"][0]["name"] == "chess"
    world.update_presence({"status": "invisible"})
    presences = shown(world, first, EVERYTHING)["presences"]
    assert world.bot_user["id"] not in ids(presences)


def test_an_outage_ends_with_guild_create(world: World, guild_id: int) -> None:
    (gone,) = world.emit("GUILD_DELETE", guild_id=guild_id)
    assert json.loads(gone.data) == {"id": str(guild_id), "unavailable": True}
    assert not world.available(guild_id)
    assert world.voice_state({"guild_id": str(guild_id), "channel_id": None}) == []
    back, typing = world.emit("TYPING_START", guild_id=guild_id)
    assert (back.name, typing.name) == ("GUILD_CREATE", "TYPING_START")
    assert world.available(guild_id)
    names = [event.name for event in world.emit("GUILD_CREATE", guild_id=guild_id)]
    assert names == ["GUILD_DELETE", "GUILD_CREATE"]
