"""Voice: who is in which channel.

Source: Discord's documentation, "Voice Resource" and "Gateway Events" (Voice).
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import channels
from cluster.sandbox.world.objects import users as objects
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json, Member
from cluster.sandbox.world.traffic.channels import channel_of


def move(
    scene: Scene,
    guild: Guild,
    member: Member,
    channel_id: int | None,
    *,
    session_id: str | None = None,
    **changes: bool,
) -> WorldEvent:
    """A member goes into a voice channel, or out of all (None), and keeps the session id."""
    state = guild.voice_states.get(member.id)
    if session_id is None:
        session_id = state["session_id"] if state else f"{scene.draw.getrandbits(128):032x}"
    made = objects.voice_state(member.id, guild.id, channel_id, session_id, None) | changes
    if channel_id is None:
        guild.voice_states.pop(member.id, None)
    else:
        guild.voice_states[member.id] = made
    if member is guild.member_list[0]:
        guild.review = True  # who is connected to a channel can view it
    shown = made | {"member": member.full()}
    return scene.event("VOICE_STATE_UPDATE", guild, shown)


def asked(
    scene: Scene,
    guild: Guild,
    member: Member,
    channel_id: int | None,
    d: Json,
    session_id: str | None,
) -> list[WorldEvent]:
    """Make the events that answer an op 4, ``d``, of a member who may go there."""
    changes = {key: bool(d.get(key, False)) for key in ("self_mute", "self_deaf")}
    made = [move(scene, guild, member, channel_id, session_id=session_id, **changes)]
    if channel_id is not None:
        made.append(server_update(scene, guild))
    return made


def state_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A member joins a voice channel, mutes itself there, or leaves it."""
    member = scene.member(guild)
    channel_id = int(channel_of(scene, guild, (channels.VOICE,))["id"])
    state = guild.voice_states.get(member.id)
    if state is None:
        return scene.last(move(scene, guild, member, channel_id))
    if scene.draw.random() < 0.5:
        return scene.last(move(scene, guild, member, None))
    return scene.last(
        move(scene, guild, member, int(state["channel_id"]), self_mute=not state["self_mute"])
    )


def _server(scene: Scene, guild: Guild) -> Json:
    return {
        "token": f"{scene.draw.getrandbits(64):016x}",
        "guild_id": str(guild.id),
        "endpoint": f"rtc-{int(scene.draw.random() * 100)}.example.com:443",
    }


def server_update(scene: Scene, guild: Guild) -> WorldEvent:
    """The voice server that the bot has to connect to."""
    return scene.event("VOICE_SERVER_UPDATE", guild, _server(scene, guild))


def server_assigned(scene: Scene, guild: Guild) -> WorldEvent:
    """A voice server for the bot: it goes into a channel first unless it is in one.

    Discord sends this to who connects or is connected; JDA refuses it without a voice state.
    """
    bot = guild.member_list[0]
    if bot.id not in guild.voice_states:
        channel_id = int(channel_of(scene, guild, (channels.VOICE,))["id"])
        scene.after.append(move(scene, guild, bot, channel_id))
    return scene.last(server_update(scene, guild))


def effect_send(scene: Scene, guild: Guild) -> WorldEvent:
    """A member in a voice channel, who joins one first if need be, sends an emoji reaction."""
    states = [s for i, s in guild.voice_states.items() if i in guild.members]
    if not states:
        channel_id = int(channel_of(scene, guild, (channels.VOICE,))["id"])
        joined = move(scene, guild, scene.member(guild), channel_id)
        scene.after.append(joined)
        states = list(guild.voice_states.values())
    data = {
        "channel_id": states[0]["channel_id"],
        "guild_id": str(guild.id),
        "user_id": states[0]["user_id"],
        "emoji": {"id": None, "name": "\N{CLAPPING HANDS SIGN}", "animated": False},
        "animation_type": 1,
        "animation_id": int(scene.draw.random() * 20),
    }
    return scene.last(scene.event("VOICE_CHANNEL_EFFECT_SEND", guild, data))


HANDLERS: Final[dict[str, Handler]] = {
    "VOICE_STATE_UPDATE": state_update,
    "VOICE_SERVER_UPDATE": server_assigned,
    "VOICE_CHANNEL_EFFECT_SEND": effect_send,
}
