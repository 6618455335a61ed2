"""Messages of people who have left since, or have changed; deletion of several at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cluster.discord.opcodes import Op
from cluster.sandbox.world import World
from cluster.sandbox.world.objects import messages as objects
from cluster.sandbox.world.state import Guild, Member
from cluster.sandbox.world.traffic import variants

Json = dict[str, Any]


def first_guild(world: World) -> Guild:
    return world.guild(world.guild_ids(0, 1)[0])


def mention(world: World, guild: Guild, author: Member, mentioned: Member) -> Json:
    """Let a member write to another; return what MESSAGE_CREATE says."""
    scene = world._scene
    head = variants._head(scene, guild, author)
    head["mentions"] = [guild.mention(mentioned.user)]
    event = variants.remember(scene, guild, author, head, objects.said("you"))
    created: Json = json.loads(event.data)
    return created


def updated(world: World, guild: Guild) -> Json:
    (event,) = world.emit("MESSAGE_UPDATE", guild_id=guild.id)
    d: Json = json.loads(event.data)
    return d


def leave(guild: Guild, member: Member) -> None:
    guild.remove_member(member)


def rename(guild: Guild, member: Member) -> None:
    member.data["nick"] = "another"
    member.changed()


@pytest.mark.parametrize("change", [leave, rename])
@pytest.mark.parametrize("own", [True, False])
def test_a_message_that_is_shown_later_shows_its_members_as_they_are(
    make_world: Any, change: Callable[[Guild, Member], None], own: bool
) -> None:
    world = make_world()
    guild = first_guild(world)
    author, other = guild.member_list[2:4]
    mentioned = author if own else other
    created = mention(world, guild, author, mentioned)
    assert created["mentions"][0]["member"] == mentioned.data
    change(guild, mentioned)
    asked = {"guild_id": str(guild.id), "channel_ids": [created["channel_id"]]}
    ((_, answer),) = world.answer(Op.REQUEST_LAST_MESSAGES, asked)
    for shown in (updated(world, guild), *json.loads(answer)["messages"]):
        assert shown["id"] == created["id"]
        there = guild.members.get(mentioned.id)
        assert shown["mentions"][0].get("member") == (there and there.data)
        assert shown["mentions"][0]["id"] == str(mentioned.id)
        expected = guild.members.get(author.id)
        assert shown.get("member") == (expected and expected.data)


def test_the_bots_avatar_in_what_it_said_is_the_one_of_now(world: World) -> None:
    guild = first_guild(world)
    mention(world, guild, guild.member_list[0], guild.member_list[0])
    list(world.emit("USER_UPDATE", guild_id=guild.id))
    shown = updated(world, guild)
    assert shown["author"]["avatar"] == world.bot_user["avatar"]
    assert shown["mentions"][0]["avatar"] == world.bot_user["avatar"]


def test_a_message_that_is_answered_is_shown_without_members(world: World) -> None:
    guild = first_guild(world)
    mention(world, guild, *guild.member_list[2:4])
    event = variants._reply(world._scene, guild)
    answered = json.loads(event.data)["referenced_message"]
    assert "member" not in answered
    assert [m["id"] for m in answered["mentions"]] == [str(guild.member_list[3].id)]
    assert "member" not in answered["mentions"][0]


def test_what_is_deleted_in_bulk_are_two_messages_or_more(make_world: Any) -> None:
    world = make_world(guilds=1)
    guild = first_guild(world)
    known: set[str] = set()
    for _ in range(40):
        for event in world.emit("MESSAGE_DELETE_BULK"):
            d = json.loads(event.data)
            if event.name == "MESSAGE_CREATE":
                known.add(d["id"])
            else:
                assert 2 <= len(d["ids"]) <= 100
                assert set(d["ids"]) <= known
                known -= set(d["ids"])
        if len(guild.messages) < 3:
            (created,) = world.emit("MESSAGE_CREATE")
            known.add(json.loads(created.data)["id"])
