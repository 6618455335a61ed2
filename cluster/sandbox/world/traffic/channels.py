"""Channels, invites and webhooks.

Source: Discord's documentation, "Gateway Events" (Channels, Invites, Webhooks, Voice).
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.clock import timestamp
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.names import CHANNEL_WORDS
from cluster.sandbox.world.objects import channels as objects
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json
from cluster.sandbox.world.traffic import access

_MADE: Final = (objects.TEXT, objects.VOICE, objects.TEXT, objects.FORUM, objects.ANNOUNCEMENT)
_CLOSABLE: Final = (objects.TEXT, objects.ANNOUNCEMENT, objects.FORUM)
_ACCESS_CHANGES: Final = 1 / 8
"""Share of CHANNEL_UPDATE that changes who can view a channel."""
_MOST: Final = 100
"""Channels of a guild past which one goes before another is made."""


def channel_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A channel is made."""
    if len(guild.channels) >= _MOST:
        scene.after.append(_delete(scene, guild))
    kind = _MADE[int(scene.draw.random() * len(_MADE))]
    return scene.last(_created(scene, guild, _create(scene, guild, kind)))


def _created(scene: Scene, guild: Guild, channel: Json) -> WorldEvent:
    return access.channel_event(scene, "CHANNEL_CREATE", guild, channel)


def _create(scene: Scene, guild: Guild, kind: int) -> Json:
    number = int(scene.draw.random() * 1000)
    made = objects.channel(
        kind,
        scene.clock.snowflake(),
        guild.id,
        f"{CHANNEL_WORDS[number % len(CHANNEL_WORDS)]}-{number}",
        position=len(guild.channels),
        parent_id=None,
        overwrites=[],
    )
    guild.add_channel(made)
    return made


def channel_of(scene: Scene, guild: Guild, kinds: tuple[int, ...]) -> Json:
    """A channel of one of ``kinds``, which the bot can view if it can view any; made, its event in
    ``scene.after``, when there is none."""
    channels = [c for c in guild.channels.values() if c["type"] in kinds]
    channels = [c for c in channels if int(c["id"]) not in guild.hidden] or channels
    if channels:
        return channels[int(scene.draw.random() * len(channels))]
    made = _create(scene, guild, kinds[0])
    scene.after.append(_created(scene, guild, made))
    return made


def channel_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A text channel gets another topic; now and then one becomes private, or public."""
    if scene.draw.random() < _ACCESS_CHANGES:
        named = _named_by(guild)
        free = [c for c in guild.channels.values() if c["type"] in _CLOSABLE]
        free = [c for c in free if c["id"] not in named]
        if free:
            channel = free[int(scene.draw.random() * len(free))]
            return access.make_private_or_public(scene, guild, channel)
    channel = channel_of(scene, guild, objects.MESSAGE_TYPES)
    channel["topic"] = f"topic {int(scene.draw.random() * 1000)}"
    return scene.last(access.channel_event(scene, "CHANNEL_UPDATE", guild, channel))


def _named_by(guild: Guild) -> set[str]:
    fields = ("system_channel_id", "rules_channel_id", "public_updates_channel_id")
    return {guild.data[field] for field in (*fields, "afk_channel_id")}


def _delete(scene: Scene, guild: Guild) -> WorldEvent:
    named = _named_by(guild)
    keep = (objects.CATEGORY, objects.STAGE)
    free = [c for i, c in guild.channels.items() if c["type"] not in keep and str(i) not in named]
    if not free:
        free = [_create(scene, guild, objects.TEXT)]
        scene.after.append(_created(scene, guild, free[0]))
    gone = free[int(scene.draw.random() * len(free))]
    for state in [s for s in guild.voice_states.values() if s["channel_id"] == gone["id"]]:
        del guild.voice_states[int(state["user_id"])]
        left = state | {"guild_id": str(guild.id), "channel_id": None}
        if (member := guild.members.get(int(state["user_id"]))) is not None:
            left["member"] = member.full()
        scene.after.append(scene.event("VOICE_STATE_UPDATE", guild, left))
    deleted = access.channel_event(scene, "CHANNEL_DELETE", guild, gone)
    guild.forget_channel(int(gone["id"]))
    return deleted


def channel_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A channel that the guild does not name is deleted; who speaks in it leaves it first."""
    return scene.last(_delete(scene, guild))


def pins_update(scene: Scene, guild: Guild) -> WorldEvent:
    """Something was pinned in a text channel."""
    channel = channel_of(scene, guild, objects.MESSAGE_TYPES)
    channel["last_pin_timestamp"] = scene.clock.timestamp().decode()
    data = {
        "guild_id": str(guild.id),
        "channel_id": channel["id"],
        "last_pin_timestamp": channel["last_pin_timestamp"],
    }
    return scene.last(scene.event("CHANNEL_PINS_UPDATE", guild, data))


def channel_info(scene: Scene, guild: Guild) -> WorldEvent:
    """The answer to a request for voice channels' status and start time."""
    viewed = [c for i, c in guild.channels.items() if i not in guild.hidden]
    voice = [c for c in viewed if c["type"] == objects.VOICE]
    shown = [{"id": c["id"], "status": c["status"], "voice_start_time": None} for c in voice]
    return scene.event("CHANNEL_INFO", guild, {"guild_id": str(guild.id), "channels": shown})


def status_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A voice channel gets a status."""
    channel = channel_of(scene, guild, (objects.VOICE,))
    channel["status"] = f"status {int(scene.draw.random() * 1000)}"
    data = {"id": channel["id"], "guild_id": str(guild.id), "status": channel["status"]}
    return scene.last(scene.event("VOICE_CHANNEL_STATUS_UPDATE", guild, data))


def start_time_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A voice session began."""
    channel = channel_of(scene, guild, (objects.VOICE,))
    data = {
        "id": channel["id"],
        "guild_id": str(guild.id),
        "voice_start_time": scene.clock.seconds(),
    }
    return scene.last(scene.event("VOICE_CHANNEL_START_TIME_UPDATE", guild, data))


def webhooks_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A webhook of a channel changed."""
    channel = channel_of(scene, guild, objects.MESSAGE_TYPES)
    data = {"guild_id": str(guild.id), "channel_id": channel["id"]}
    return scene.last(scene.event("WEBHOOKS_UPDATE", guild, data))


def invite_create(scene: Scene, guild: Guild) -> WorldEvent:
    """Somebody makes an invite."""
    return scene.last(_invite(scene, guild))


def _invite(scene: Scene, guild: Guild) -> WorldEvent:
    channel = channel_of(scene, guild, objects.MESSAGE_TYPES)
    now = scene.clock.ms()
    invite: Json = {
        "channel_id": channel["id"],
        "code": f"{scene.draw.getrandbits(40):010x}",
        "created_at": timestamp(now),
        "expires_at": timestamp(now + 86_400_000),
        "guild_id": str(guild.id),
        "inviter": scene.member(guild).user,
        "max_age": 86_400,
        "max_uses": 10,
        "temporary": False,
        "type": 0,
        "uses": 0,
    }
    while len(guild.invites) >= _MOST:
        guild.invites.pop(next(iter(guild.invites)))
    guild.invites[invite["code"]] = invite
    return scene.event("INVITE_CREATE", guild, invite)


def invite_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """An invite that was made is deleted."""
    if not guild.invites:
        created = _invite(scene, guild)
        scene.after.append(created)
    invite = guild.invites.pop(next(iter(guild.invites)))
    data = {key: invite[key] for key in ("channel_id", "guild_id", "code")}
    return scene.last(scene.event("INVITE_DELETE", guild, data))


HANDLERS: Final[dict[str, Handler]] = {
    "CHANNEL_CREATE": channel_create,
    "CHANNEL_UPDATE": channel_update,
    "CHANNEL_DELETE": channel_delete,
    "CHANNEL_PINS_UPDATE": pins_update,
    "CHANNEL_INFO": channel_info,
    "VOICE_CHANNEL_STATUS_UPDATE": status_update,
    "VOICE_CHANNEL_START_TIME_UPDATE": start_time_update,
    "WEBHOOKS_UPDATE": webhooks_update,
    "INVITE_CREATE": invite_create,
    "INVITE_DELETE": invite_delete,
}
