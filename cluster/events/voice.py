"""Channels: calls and voice."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, UnixTime, dispatch
from cluster.events.enums.channels import VoiceChannelEffectAnimationType
from cluster.events.objects.expressions import Emoji
from cluster.events.objects.voice import GuildRoom, VoiceState


@dispatch("CALL_CREATE", "Channel/Call")
class CallCreate(Dispatch):
    """A call began in a private channel."""

    channel_id: Snowflake
    message_id: Snowflake
    region: str
    ringing: list[Snowflake]
    """Users that the call rings for."""
    ongoing_rings: dict[Snowflake, Snowflake | None] | Absent = UNSET
    """The user that the call rings for -> the user who lets it ring."""
    voice_states: list[VoiceState]


@dispatch("CALL_UPDATE", "Channel/Call")
class CallUpdate(Dispatch):
    """A call has another region, or rings others."""

    channel_id: Snowflake
    guild_id: Snowflake | Absent | None = UNSET
    message_id: Snowflake
    region: str
    ringing: list[Snowflake]
    ongoing_rings: dict[Snowflake, Snowflake | None] | Absent = UNSET
    """The user that the call rings for -> the user who lets it ring."""


@dispatch("CALL_DELETE", "Channel/Call")
class CallDelete(Dispatch):
    """A call has ended, or an outage took it away."""

    channel_id: Snowflake
    unavailable: bool | Absent = UNSET


@dispatch("GUILD_RING_START", "Channel/Call", listed=False, documented=False)
class GuildRingStart(Dispatch):
    """Somebody is rung for in a guild's voice channel."""

    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    ongoing_rings: dict[Snowflake, Snowflake | None] | Absent = UNSET
    """As that of `CallCreate`."""


@dispatch("GUILD_RING_STOP", "Channel/Call", listed=False, documented=False)
class GuildRingStop(Dispatch):
    """Somebody is rung for no more in a guild's voice channel."""

    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    ringing: list[Snowflake] | Absent = UNSET


@dispatch("GUILD_ROOM_CONNECT", "Channel/Room", listed=False, documented=False)
class GuildRoomConnect(Dispatch):
    """Somebody, perhaps the account, came into the room that belongs to a voice channel."""

    room: Payload[GuildRoom]


@dispatch("GUILD_ROOM_UPDATE", "Channel/Room", listed=False, documented=False)
class GuildRoomUpdate(Dispatch):
    """Somebody moved in a room, or something in it was changed."""

    room: Payload[GuildRoom]


@dispatch("GUILD_ROOM_DISCONNECT", "Channel/Room", listed=False, documented=False)
class GuildRoomDisconnect(Dispatch):
    """Somebody left a room."""

    user_id: Snowflake | Absent = UNSET
    room_id: Snowflake | Absent = UNSET


@dispatch("VOICE_STATE_UPDATE", "Channel/Voice")
class VoiceStateUpdate(Dispatch):
    """Somebody joined, left or moved between voice channels, or muted themselves."""

    voice_state: Payload[VoiceState]


@dispatch("VOICE_STATE_UPDATE_BATCH", "Channel/Voice", listed=False)
class VoiceStateUpdateBatch(Dispatch):
    """Several voice states of a guild at once."""

    guild_id: Snowflake | Absent = UNSET
    voice_states: list[VoiceState]


@dispatch("VOICE_CHANNEL_STATUS_UPDATE", "Channel/Voice")
class VoiceChannelStatusUpdate(Dispatch):
    """A voice channel's status was set."""

    id: Snowflake
    guild_id: Snowflake
    status: str | None


@dispatch("VOICE_CHANNEL_START_TIME_UPDATE", "Channel/Voice", listed=False)
class VoiceChannelStartTimeUpdate(Dispatch):
    """When the talk in a voice channel began."""

    id: Snowflake
    guild_id: Snowflake
    voice_start_time: UnixTime | None


@dispatch("VOICE_CHANNEL_EFFECT_SEND", "Channel/Voice", listed=False)
class VoiceChannelEffectSend(Dispatch):
    """Somebody sent an effect or played a sound in a voice channel."""

    channel_id: Snowflake
    guild_id: Snowflake
    user_id: Snowflake
    animation_type: VoiceChannelEffectAnimationType | Absent | None = UNSET
    animation_id: int | Absent = UNSET
    emoji: Emoji | Absent | None = UNSET
    sound_id: Snowflake | Absent = UNSET
    sound_volume: float | Absent = UNSET


@dispatch("VOICE_SERVER_UPDATE", "Channel/Voice")
class VoiceServerUpdate(Dispatch):
    """Where to connect for voice, and with which token."""

    token: str
    guild_id: Snowflake | None
    channel_id: Snowflake | Absent = UNSET
    endpoint: str | None
    """Host of the voice server; None: it has gone away, wait for another."""
