"""Voice states, streams and volumes."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake, UnixTime
from cluster.events.objects.members import Member


class VoiceState(Object):
    """Where somebody is in voice, and who hears them."""

    guild_id: Snowflake | Absent | None = UNSET
    channel_id: Snowflake | None
    """The channel that the user is in; None: the user has left voice."""
    lobby_id: Snowflake | Absent = UNSET
    user_id: Snowflake
    member: Member | Absent = UNSET
    session_id: str
    connected_at: UnixTime | Absent = UNSET
    deaf: bool
    mute: bool
    self_deaf: bool
    self_mute: bool
    self_stream: bool | Absent = UNSET
    self_video: bool | Absent = UNSET
    suppress: bool
    """Set if the user may not speak (in a stage, say)."""
    request_to_speak_timestamp: datetime | None
    discoverable: bool | Absent = UNSET
    user_volume: float | Absent = UNSET


class LobbyVoiceState(Object):
    """Where somebody is in a lobby's call."""

    lobby_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent | None = UNSET
    """The channel that the user is in; None: the user has left voice."""
    user_id: Snowflake
    session_id: str | Absent = UNSET
    deaf: bool | Absent = UNSET
    mute: bool | Absent = UNSET
    self_deaf: bool | Absent = UNSET
    self_mute: bool | Absent = UNSET
    self_video: bool | Absent = UNSET
    suppress: bool | Absent = UNSET


class Stream(Object):
    """Somebody's screen or game, shown in a voice channel."""

    stream_key: str
    rtc_server_id: Snowflake | Absent = UNSET
    rtc_channel_id: Snowflake | Absent = UNSET
    region: str
    viewer_ids: list[Snowflake]
    paused: bool


class AudioContextSetting(Object):
    """How loud somebody, or a stream, is."""

    muted: bool
    volume: float
    """How loud it is, in percent."""
    soundboard_muted: bool | Absent = UNSET


class RoomPosition(Object):
    """A place in a room."""

    x: float
    y: float


class GuildRoomUser(Object):
    """Somebody in a room."""

    user_id: Snowflake
    seat: int | str | Absent | None = UNSET
    position: RoomPosition | Absent | None = UNSET
    status_id: int | str | Absent | None = UNSET
    status_text: str | Absent | None = UNSET


class GuildRoomObject(Object):
    """Something in a room: a plant, a note."""

    object_type: int | str
    object_id: int | str
    created_by: Snowflake | Absent = UNSET
    updated_by: Snowflake | Absent | None = UNSET
    updated_at: UnixTime | Absent | None = UNSET
    content: str | Absent | None = UNSET
    """The text of a note."""
    position: RoomPosition | Absent | None = UNSET


class GuildRoom(Object):
    """The room that belongs to a voice channel."""

    room_id: Snowflake
    users: list[GuildRoomUser] | Absent = UNSET
    background: int | str | Absent | None = UNSET
    objects: dict[int, list[GuildRoomObject]] | Absent = UNSET
    """What is in the room, by the kind of things."""
