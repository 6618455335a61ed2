"""GUILD_CREATE: a guild as it is now, cut to what a session's intents let it see.

Source: Discord's documentation, "Gateway Events", "Guild Create", and "Gateway", "Guild
Subscriptions" and "Privileged Intents": without GUILD_PRESENCES no presences; without it, or in a
large guild, only members who are online, in voice, or the bot; without GUILD_MEMBERS and
GUILD_PRESENCES only the bot and those in voice.
"""

from __future__ import annotations

from collections.abc import Iterable

from cluster.discord.intents import Intents
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


def _threads(guild: Guild) -> list[Json]:
    """Every thread, with the bot's own membership where it has joined."""
    bot = guild.member_list[0].id
    joined = guild.thread_members
    return [
        t | {"member": joined[int(t["id"])][bot]} if bot in joined[int(t["id"])] else t
        for t in guild.threads.values()
    ]


def _array(items: Iterable[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"


def guild_create(guild: Guild, *, intents: int, large_threshold: int) -> bytes:
    """Make ``d`` of GUILD_CREATE for a session with ``intents``."""
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
        "channels": list(guild.channels.values()),
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
