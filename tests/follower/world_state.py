"""What a follower ought to believe: the sandbox's world, read off its objects.

It is read from the objects and not from GUILD_CREATE, which could leave out the same as the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cluster.sandbox.world import World
from cluster.sandbox.world.objects.channels import obfuscated
from cluster.sandbox.world.state import Guild
from tests.follower.differences import differences
from tests.follower.follower import Follower

Json = dict[str, Any]


def guild_state(guild: Guild) -> Json:
    """A guild in the form of `GuildCache.state`: what the bot can view of it."""
    bot = guild.member_list[0].id
    hidden = guild.hidden_from_bot()
    threads = {i: t for i, t in guild.threads.items() if int(t["parent_id"]) not in hidden}
    state = {
        "properties": guild.data,
        "member_count": len(guild.members),
        "members": {member.id: member.data for member in guild.member_list},
        "presences": {
            member.id: msgspec.Raw(b"{%b}" % member.presence)
            for member in guild.member_list
            if member.online
        },
        "memberships": {
            i: guild.thread_members[i][bot] for i in threads if bot in guild.thread_members[i]
        },
        "roles": guild.roles,
        "emojis": guild.emojis,
        "stickers": guild.stickers,
        "soundboard_sounds": guild.sounds,
        "channels": {i: obfuscated(c) if i in hidden else c for i, c in guild.channels.items()},
        "threads": threads,
        "voice_states": {
            i: {key: value for key, value in one.items() if key != "guild_id"}
            for i, one in guild.voice_states.items()
        },
        "stage_instances": guild.stage_instances,
        "guild_scheduled_events": guild.scheduled_events,
    }
    made: Json = _as_json(state)
    return made


def _as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def compare(follower: Follower, world: World, guild_ids: list[int]) -> Iterator[str]:
    """Name what a session's follower believes wrongly, when it has seen all that happened.

    guild_ids: the guilds of its shard.
    """
    for guild_id in guild_ids:
        guild, believed = world.guild(guild_id), follower.guilds.get(str(guild_id))
        path = f"guild {guild_id}"
        away = str(guild_id) in follower.away
        yield from differences(away, guild.unavailable, f"{path}.unavailable")
        if believed is None:
            if not away:
                yield f"{path}: not known of"
            continue  # an outage since before READY
        yield from differences(believed.state(), guild_state(guild), path)
        users = {str(member.id): follower.users[str(member.id)] for member in guild.member_list}
        true = {str(member.id): member.user for member in guild.member_list}
        yield from differences(users, _as_json(true), f"{path}.users")
    for other in follower.guilds.keys() - set(map(str, guild_ids)):
        yield f"guild {other}: not of this shard"
