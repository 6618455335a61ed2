"""GUILD_CREATE: a guild as it is now, cut to what a session's intents let it see.

Source: Discord's documentation, "Gateway Events", "Guild Create", and "Gateway", "Guild
Subscriptions" and "Privileged Intents": without GUILD_PRESENCES no presences; without it, or in a
large guild, only members who are online, in voice, or the bot; without GUILD_MEMBERS and
GUILD_PRESENCES only the bot and those in voice.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.discord.intents import Intents
from cluster.sandbox.world.objects.channels import obfuscated
from cluster.sandbox.world.presences import presence
from cluster.sandbox.world.state import Guild, Json, Member, encode


def _shown_members(guild: Guild, intents: int, large: bool) -> list[Member]:
    """The members that GUILD_CREATE shows, those who are online first."""
    bot, *others = guild.member_list
    if not intents & Intents.GUILD_PRESENCES:
        return [bot, *(m for m in others if m.id in guild.voice_states)]
    online = [m for m in others if m.online]
    if large:
        return [bot, *online, *(m for m in others if not m.online and m.id in guild.voice_states)]
    return [bot, *online, *(m for m in others if not m.online)]


def _voice_states(guild: Guild) -> list[Json]:
    left_out = ("guild_id", "member")
    return [
        {k: v for k, v in state.items() if k not in left_out}
        for state in guild.voice_states.values()
    ]


def _channels(guild: Guild, *, whole: bool) -> list[Json]:
    """Every channel; obfuscated where the bot can't view it, unless they are wanted whole."""
    if whole or not guild.hidden:
        return list(guild.channels.values())
    return [obfuscated(c) if i in guild.hidden else c for i, c in guild.channels.items()]


def _threads(guild: Guild) -> list[Json]:
    """Every thread that the bot can view, with its own membership where it has joined."""
    bot = guild.member_list[0].id
    joined = guild.thread_members
    viewed = [t for i, t in guild.threads.items() if i not in guild.unseen]
    return [
        t | {"member": joined[int(t["id"])][bot]} if bot in joined[int(t["id"])] else t
        for t in viewed
    ]


def _array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def guild_create(guild: Guild, *, intents: int, large_threshold: int, whole: bool = False) -> bytes:
    """Make ``d`` of GUILD_CREATE for a session with ``intents``.

    whole: also the channels that the bot can't view, as somebody sees them who can.
    """
    large = len(guild.members) > large_threshold
    members = _shown_members(guild, intents, large)
    presences: Iterable[bytes] = ()
    if intents & Intents.GUILD_PRESENCES:
        presences = (presence(m.id_json, guild.id, m.presence) for m in members if m.online)
    rest: Json = {
        "roles": list(guild.roles.values()),
        "emojis": list(guild.emojis.values()),
        "stickers": list(guild.stickers.values()),
        "joined_at": guild.joined_at,
        "large": large,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": _voice_states(guild),
        "channels": _channels(guild, whole=whole),
        "threads": _threads(guild),
        "stage_instances": list(guild.stage_instances.values()),
        "guild_scheduled_events": list(guild.scheduled_events.values()),
        "soundboard_sounds": list(guild.sounds.values()),
        "embedded_activities": [],
        "application_command_counts": {},
        "lazy": True,
        "version": guild.id >> 22,
    }
    return b'%b,%b,"members":%b,"presences":%b}' % (
        encode(guild.data)[:-1],
        encode(rest)[1:-1],
        _array(m.full_json() for m in members),
        _array(presences),
    )
