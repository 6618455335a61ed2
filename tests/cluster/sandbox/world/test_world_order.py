"""Who joins, leaves or is banned: which events tell of it, and in which order."""

from __future__ import annotations

import json
from typing import Any

from cluster.sandbox.world import World
from cluster.sandbox.world.state import Guild

Json = dict[str, Any]


def emitted(world: World, name: str, guild: Guild) -> list[tuple[str, Any]]:
    return [(e.name, json.loads(e.data)) for e in world.emit(name, guild_id=guild.id)]


def first_guild(world: World) -> Guild:
    return world.guild(world.guild_ids(0, 1)[0])


def test_who_is_banned_is_banned_before_they_are_gone(world: World) -> None:
    guild = first_guild(world)
    for _ in range(20):
        events = emitted(world, "GUILD_BAN_ADD", guild)
        names = [name for name, _ in events]
        banned = dict(events)["GUILD_BAN_ADD"]["user"]["id"]
        assert names.index("GUILD_BAN_ADD") < names.index("GUILD_MEMBER_REMOVE")
        assert dict(events)["GUILD_MEMBER_REMOVE"]["user"]["id"] == banned
        assert int(banned) not in guild.members


def test_who_leaves_has_left_voice_and_threads_before(make_world: Any) -> None:
    """No event tells of them later: a thread's count of members would stay wrong."""
    world = make_world(members_per_guild=3)
    guild = first_guild(world)
    told = set()
    for _ in range(60):
        emitted(world, "THREAD_MEMBERS_UPDATE", guild)
        emitted(world, "VOICE_STATE_UPDATE", guild)
        events = emitted(world, "GUILD_MEMBER_REMOVE", guild)
        assert events[-1][0] == "GUILD_MEMBER_REMOVE"
        left = events[-1][1]["user"]["id"]
        for name, d in events[:-1]:
            if name == "THREAD_MEMBERS_UPDATE":
                assert d["removed_member_ids"] == [left]
                assert d["member_count"] == guild.threads[int(d["id"])]["member_count"]
            elif name == "VOICE_STATE_UPDATE":
                assert (d["user_id"], d["channel_id"]) == (left, None)
            told.add(name)
    assert told >= {"THREAD_MEMBERS_UPDATE", "VOICE_STATE_UPDATE"}


def test_who_joins_online_is_told_of_as_online(world: World) -> None:
    guild = first_guild(world)
    online = set()
    for _ in range(30):
        (added, who), *others = emitted(world, "GUILD_MEMBER_ADD", guild)
        assert added == "GUILD_MEMBER_ADD"
        member = guild.members[int(who["user"]["id"])]
        assert [name for name, _ in others] == ["PRESENCE_UPDATE"] * member.online
        for _, presence in others:
            assert presence["user"]["id"] == who["user"]["id"]
            assert presence["status"].encode() in member.presence
        online.add(member.online)
    assert online == {True, False}


def test_what_is_planned_in_a_channel_goes_with_it_untold(make_world: Any) -> None:
    """Discord sends no GUILD_SCHEDULED_EVENT_DELETE then, and clients remove the event."""
    world = make_world(guilds=1)
    guild = first_guild(world)
    gone: set[int] = set()
    for _ in range(60):
        emitted(world, "CHANNEL_CREATE", guild)
        emitted(world, "GUILD_SCHEDULED_EVENT_CREATE", guild)
        planned = {i: event["channel_id"] for i, event in guild.scheduled_events.items()}
        events = emitted(world, "CHANNEL_DELETE", guild)
        assert "GUILD_SCHEDULED_EVENT_DELETE" not in [name for name, _ in events]
        deleted = events[-1][1]["id"]
        left = {i: channel for i, channel in planned.items() if channel != deleted}
        assert guild.scheduled_events.keys() == left.keys()
        gone |= planned.keys() - left.keys()
    assert gone


def test_the_user_account_leaves_a_voice_channel_that_is_deleted(make_world: Any) -> None:
    """It is a member as only its own READY shows."""
    world = make_world(guilds=1)
    guild = first_guild(world)
    own_id = int(world.own_account["id"])
    for _ in range(300):
        emitted(world, "CHANNEL_CREATE", guild)
        voice = [i for i, one in guild.channels.items() if one["type"] == 2][-1]
        world.voice_state({"guild_id": str(guild.id), "channel_id": str(voice)}, of_user=True)
        events = emitted(world, "CHANNEL_DELETE", guild)
        if own_id not in guild.voice_states:
            (left,) = [d for _, d in events if d.get("user_id") == str(own_id)]
            assert left["channel_id"] is None
            return
    raise AssertionError("its channel was never deleted")


def test_the_bots_user_is_every_guilds_members_too(world: World) -> None:
    guilds = [world.guild(guild_id) for guild_id in world.guild_ids(0, 1)]
    away = guilds.pop()
    emitted(world, "GUILD_DELETE", away)
    (updated, user), *others = emitted(world, "USER_UPDATE", guilds[0])
    assert updated == "USER_UPDATE"
    assert {name for name, _ in others} == {"GUILD_MEMBER_UPDATE"}
    assert {d["guild_id"] for _, d in others} == {str(guild.id) for guild in guilds}
    assert {d["user"]["avatar"] for _, d in others} == {user["avatar"]}
