"""Objects that only the Gateway has."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import ApplicationFlags
from cluster.events.enums.gateway import AgeGatedFeatures, DataMode, TeenByDefaultSettings
from cluster.events.enums.users import AuthenticatorType, ConsoleHandoffType
from cluster.events.objects.applications import ActivityInstance
from cluster.events.objects.channels import Channel
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker
from cluster.events.objects.guilds import PartialGuild
from cluster.events.objects.members import Member, Role
from cluster.events.objects.presences import Presence
from cluster.events.objects.reading import ChannelUnread
from cluster.events.objects.schedule import ScheduledEvent, StageInstance
from cluster.events.objects.voice import VoiceState

T = TypeVar("T")


class PartialGuildUpdates(Object):
    """What was changed in a guild since the client's state."""

    channels: list[Channel] | Absent = UNSET
    deleted_channel_ids: list[Snowflake] | Absent = UNSET
    emojis: list[Emoji] | Absent = UNSET
    deleted_emoji_ids: list[Snowflake] | Absent = UNSET
    roles: list[Role] | Absent = UNSET
    deleted_role_ids: list[Snowflake] | Absent = UNSET
    stickers: list[Sticker] | Absent = UNSET
    deleted_sticker_ids: list[Snowflake] | Absent = UNSET


class MergedPresences(Object):
    """Presences of friends, and by guild in the order of READY's guilds."""

    friends: list[Presence]
    guilds: list[list[Presence]] | Absent = UNSET


class SupplementalGuild(Object):
    """What of a guild comes after READY."""

    id: Snowflake
    voice_states: list[VoiceState] | Absent = UNSET
    activity_instances: list[ActivityInstance] | dict[str, ActivityInstance] | Absent = UNSET


class RateLimitMetadata(Object):
    """What of the request came too soon."""

    guild_id: Snowflake
    nonce: int | str | Absent = UNSET


class Tutorial(Object):
    """Which hints the account has seen."""

    indicators_suppressed: bool
    indicators_confirmed: list[str]


class GatewayApplication(Object):
    """The bot's application."""

    id: Snowflake
    flags: ApplicationFlags | Absent = UNSET
    flags_new: ApplicationFlags | Absent = UNSET
    name: str | Absent = UNSET
    parent_id: Snowflake | Absent = UNSET


class GatewayAuth(Object):
    """How the account proves who it is."""

    authenticator_types: list[AuthenticatorType] | Absent = UNSET


class GatewayFeatureFlags(Object):
    """What Discord has turned off."""

    disabled_functions: list[str]
    disabled_gateway_events: list[str]


class RegionalFeatureConfig(Object):
    """What the law of a country asks for."""

    age_gated_features: AgeGatedFeatures | Absent = UNSET
    teen_by_default_settings: TeenByDefaultSettings | Absent = UNSET


class ConnectRequestProperties(Object):
    """How a connection was begun."""

    handoff_type: ConsoleHandoffType


class ConsoleConnectionRequest(Object):
    """The console that asked for this session."""

    analytics_properties: ConnectRequestProperties | Absent = UNSET


class GatewayGuild(PartialGuild):
    """A guild with all that the session is told of it.

    The guild's own fields stand in ``properties`` with capability CLIENT_STATE_V2, else in the
    guild itself; ``details`` has them either way. A guild in an outage has its id only.
    """

    id: Snowflake
    joined_at: datetime | Absent = UNSET
    large: bool | Absent = UNSET
    unavailable: bool | Absent = UNSET
    geo_restricted: bool | Absent = UNSET
    member_count: int | Absent = UNSET
    members: list[Member] | Absent = UNSET
    channels: list[Channel] | Absent = UNSET
    threads: list[Channel] | Absent = UNSET
    presences: list[Presence] | Absent = UNSET
    voice_states: list[VoiceState] | Absent = UNSET
    activity_instances: list[ActivityInstance] | dict[str, ActivityInstance] | Absent = UNSET
    stage_instances: list[StageInstance] | Absent = UNSET
    guild_scheduled_events: list[ScheduledEvent] | Absent = UNSET
    data_mode: DataMode | Absent = UNSET
    partial_updates: PartialGuildUpdates | Absent = UNSET
    channel_updates: list[ChannelUnread] | Absent = UNSET
    unable_to_sync_deletes: bool | Absent = UNSET
    properties: PartialGuild | Absent = UNSET
    soundboard_sounds: list[SoundboardSound] | Absent = UNSET

    @property
    def details(self) -> PartialGuild:
        """The guild's own fields, wherever they stand."""
        return self.properties or self


class Versioned(Object, Generic[T]):
    """A list with the version of its contents."""

    entries: list[T]
    partial: bool
    """Set if the list has only what is new since the version that the client has."""
    version: int


class ConsoleError(Object):
    """Why a command to a console failed."""

    code: int
    message: str | Absent = UNSET
