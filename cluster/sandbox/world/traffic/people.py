"""Presences, typing and members: the most frequent events."""

from __future__ import annotations

from typing import Final

from cluster.discord.intents import Intents
from cluster.sandbox.world.clock import snowflake_at
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import users as user_objects
from cluster.sandbox.world.presences import PRESENCES, presence, some_presence
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Member
from cluster.sandbox.world.traffic import threads

_PRESENCES_BIT: Final = int(Intents.GUILD_PRESENCES)
_TYPING_BIT: Final = int(Intents.GUILD_MESSAGE_TYPING)
_MEMBERS_BIT: Final = int(Intents.GUILD_MEMBERS)


def presence_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A member's presence becomes another one."""
    draw = scene.draw.random
    members = guild.member_list
    count = len(members)
    member = members[1 + int(draw() * (count - 1))] if count > 1 else members[0]
    member.presence = PRESENCES[int(draw() * 128)]
    return _presence_of(guild, member)


def _presence_of(guild: Guild, member: Member) -> WorldEvent:
    data = presence(member.id_json, guild.id, member.presence)
    return WorldEvent("PRESENCE_UPDATE", guild.id, data, _PRESENCES_BIT)


def typing_start(scene: Scene, guild: Guild) -> WorldEvent:
    """A member types in one of the text channels."""
    member = scene.member(guild)
    channels = guild.text_channels
    channel_id = channels[int(scene.draw.random() * len(channels))]
    return WorldEvent(
        "TYPING_START",
        guild.id,
        b'{"channel_id":"%d","guild_id":"%d","user_id":%b,"timestamp":%d,"member":%b}'
        % (
            channel_id,
            guild.id,
            member.id_json,
            scene.clock.seconds(),
            member.full_json(),
        ),
        _TYPING_BIT,
        unseen=channel_id in guild.unseen,
    )


def member_update_of(guild: Guild, member: Member) -> WorldEvent:
    """GUILD_MEMBER_UPDATE of a member as it is now; the bot's own is sent whatever the intents."""
    own = member is guild.member_list[0]
    return WorldEvent(
        "GUILD_MEMBER_UPDATE",
        guild.id,
        b'{"guild_id":"%d","user":%b,%b' % (guild.id, member.user_json, member.json[1:]),
        0 if own else _MEMBERS_BIT,
    )


def member_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A member gets another nick, or gains or loses a role."""
    member = scene.member(guild)
    draw = scene.draw.random
    roles = guild.free_roles
    if not roles or draw() < 0.5:
        member.data["nick"] = f"nick {int(draw() * 10_000)}"
    else:
        role = roles[int(draw() * len(roles))]
        held: list[str] = member.data["roles"]
        member.data["roles"] = [r for r in held if r != role] if role in held else [*held, role]
    member.changed()
    return member_update_of(guild, member)


def member_add(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody joins; in a guild that has grown too large, somebody leaves first."""
    if len(guild.member_list) >= scene.most_members:
        scene.after.extend(leave(scene, guild, leaver(scene, guild)))
    return scene.last(*join(scene, guild))


def join(scene: Scene, guild: Guild) -> list[WorldEvent]:
    """The events of a new member: GUILD_MEMBER_ADD and, of one who is online, PRESENCE_UPDATE."""
    made_ms = scene.clock.ms() - 86_400_000 - int(scene.draw.random() * 1e11)
    user_id = snowflake_at(made_ms, int(scene.draw.random() * (1 << 22)))
    while user_id in guild.members:
        user_id += 1
    member = Member(
        scene.population.person(scene.draw, user_id),
        user_objects.member([], scene.clock.timestamp().decode()),
        some_presence(scene.draw),
    )
    guild.add_member(member)
    data = b'{"guild_id":"%d","user":%b,%b' % (guild.id, member.user_json, member.json[1:])
    events = [WorldEvent("GUILD_MEMBER_ADD", guild.id, data, _MEMBERS_BIT)]
    if member.online:
        events.append(_presence_of(guild, member))
    return events


def leaver(scene: Scene, guild: Guild) -> Member:
    """A member who is neither the owner nor the bot, and may leave.

    Where few are left somebody joins before: those events are in ``scene.after``.
    """
    if len(guild.member_list) <= scene.fewest_members:
        scene.after.extend(join(scene, guild))
    owner = int(guild.data["owner_id"])
    some = (scene.member(guild) for _ in range(8))
    leaving = next((m for m in some if m.id not in (owner, scene.bot_id)), None)
    if leaving is None:
        scene.after.extend(join(scene, guild))
        leaving = guild.member_list[-1]
    return leaving


def leave(scene: Scene, guild: Guild, member: Member) -> list[WorldEvent]:
    """The events of a member who leaves: first a voice channel and threads, then the guild."""
    events = threads.left(scene, guild, member.id)
    voice = guild.voice_states.get(member.id)
    if voice is not None:
        left = voice | {"guild_id": str(guild.id), "channel_id": None, "member": member.full()}
        events.append(scene.event("VOICE_STATE_UPDATE", guild, left))
    guild.remove_member(member)
    data = b'{"guild_id":"%d","user":%b}' % (guild.id, member.user_json)
    events.append(WorldEvent("GUILD_MEMBER_REMOVE", guild.id, data, _MEMBERS_BIT))
    return events


def member_remove(scene: Scene, guild: Guild) -> WorldEvent:
    """A member leaves."""
    return scene.last(*leave(scene, guild, leaver(scene, guild)))


HANDLERS: Final[dict[str, Handler]] = {
    "PRESENCE_UPDATE": presence_update,
    "TYPING_START": typing_start,
    "GUILD_MEMBER_UPDATE": member_update,
    "GUILD_MEMBER_ADD": member_add,
    "GUILD_MEMBER_REMOVE": member_remove,
}
