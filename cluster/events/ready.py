"""READY and what follows it."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.gateway import SessionType
from cluster.events.enums.users import RequiredAction
from cluster.events.objects.billing import Payment
from cluster.events.objects.channels import Channel
from cluster.events.objects.connections import Connection
from cluster.events.objects.experiments import ApexExperiments, GuildExperiment, UserExperiment
from cluster.events.objects.gateway import (
    ConsoleConnectionRequest,
    GatewayApplication,
    GatewayAuth,
    GatewayFeatureFlags,
    GatewayGuild,
    MergedPresences,
    RegionalFeatureConfig,
    SupplementalGuild,
    Tutorial,
    Versioned,
)
from cluster.events.objects.guilds import GuildJoinRequest
from cluster.events.objects.lobbies import Lobby
from cluster.events.objects.members import Member
from cluster.events.objects.presences import Presence, Session
from cluster.events.objects.reading import ReadState
from cluster.events.objects.relationships import GameInvite, GameRelationship, Relationship
from cluster.events.objects.settings import (
    Consents,
    NotificationSettings,
    UserGuildSettings,
    UserSettings,
)
from cluster.events.objects.users import LinkedUser, User
from cluster.events.objects.widgets import ApplicationProfile


@dispatch("INITIAL_GUILD", "Ready", listed=False)
class InitialGuild(Dispatch):
    """The guild that the client shows first, before READY: only for who names it as
    ``initial_guild_id`` in IDENTIFY's ``client_state``, as no client here does."""

    guild: Payload[GatewayGuild]


@dispatch("READY", "Ready")
class Ready(Dispatch):
    """A new session has begun: what the client needs to know of its account."""

    v: int
    """Version of the Gateway."""
    user: User
    guilds: list[GatewayGuild]
    """The account's guilds; for a bot only their ids, since each comes as GUILD_CREATE."""
    session_id: str
    """Id to resume the session with. Empty where a cluster gave the event out: it is a
    credential."""
    resume_gateway_url: str
    """Address of the gateway to resume at."""
    shard: tuple[int, int] | Absent = UNSET
    """Shard id and shard count."""
    application: GatewayApplication | Absent = UNSET
    session_type: SessionType | Absent = UNSET
    private_channels: list[Channel] | Absent | None = UNSET
    relationships: list[Relationship] | Absent | None = UNSET
    users: list[User] | Absent | None = UNSET
    """All users that the event speaks of, with capability DEDUPE_USER_OBJECTS."""
    merged_members: list[list[Member]] | Absent = UNSET
    """Members by guild, in the order of ``guilds``."""
    merged_presences: MergedPresences | Absent = UNSET
    presences: list[Presence] | Absent = UNSET
    read_state: Versioned[ReadState] | list[ReadState] | Absent | None = UNSET
    user_guild_settings: Versioned[UserGuildSettings] | list[UserGuildSettings] | Absent | None = (
        UNSET
    )
    user_settings_proto: str | Absent | None = UNSET
    sessions: list[Session] | Absent | None = UNSET
    user_settings: UserSettings | Absent | None = UNSET
    """Deprecated."""
    notification_settings: NotificationSettings | Absent | None = UNSET
    guild_join_requests: list[GuildJoinRequest] | Absent | None = UNSET
    game_relationships: list[GameRelationship] | Absent | None = UNSET
    friend_suggestion_count: int | Absent | None = UNSET
    connected_accounts: list[Connection] | Absent | None = UNSET
    notes: dict[Snowflake, str] | Absent | None = UNSET
    linked_users: list[LinkedUser] | Absent | None = UNSET
    scopes: list[str] | Absent = UNSET
    static_client_session_id: str | Absent = UNSET
    auth_session_id_hash: str | Absent | None = UNSET
    auth_token: str | Absent | None = UNSET
    analytics_token: str | Absent | None = UNSET
    auth: GatewayAuth | Absent | None = UNSET
    required_action: RequiredAction | Absent | None = UNSET
    country_code: str | Absent | None = UNSET
    geo_ordered_rtc_regions: list[str] | Absent = UNSET
    consents: Consents | Absent | None = UNSET
    tutorial: Tutorial | Absent | None = UNSET
    api_code_version: int | Absent | None = UNSET
    experiments: list[UserExperiment] | Absent | None = UNSET
    guild_experiments: list[GuildExperiment] | Absent | None = UNSET
    apex_experiments: ApexExperiments | Absent | None = UNSET
    explicit_content_scan_version: int | Absent = UNSET
    pending_payments: list[Payment] | Absent | None = UNSET
    av_sf_protocol_floor: int | Absent = UNSET
    feature_flags: GatewayFeatureFlags | Absent = UNSET
    lobbies: list[Lobby] | Absent = UNSET
    user_application_profiles: dict[Snowflake, list[ApplicationProfile]] | Absent = UNSET
    connection_request_data: ConsoleConnectionRequest | Absent = UNSET
    ad_personalization_toggles_disabled: bool | Absent | None = UNSET
    broadcaster_user_ids: list[Snowflake] | Absent | None = UNSET
    """Deprecated."""
    regional_feature_config: RegionalFeatureConfig | Absent | None = UNSET
    failed_states: Any | Absent | None = UNSET
    """Which parts of the event Discord could not make."""
    trace: list[str] | Absent = msgspec.field(default=UNSET, name="_trace")


@dispatch("READY_SUPPLEMENTAL", "Ready")
class ReadySupplemental(Dispatch):
    """What of READY can come later (capability PRIORITIZED_READY_PAYLOAD)."""

    guilds: list[SupplementalGuild]
    merged_members: list[list[Member]] | Absent = UNSET
    """Members by guild, in the order of READY's guilds."""
    merged_presences: MergedPresences | Absent = UNSET
    lazy_private_channels: list[Channel] | Absent = UNSET
    disclose: list[str] | Absent = UNSET
    game_invites: list[GameInvite] | Absent = UNSET
    user_activities: Any | Absent | None = UNSET
    """An array, empty in all that is known."""


@dispatch("STATE_UPDATE", "Ready", listed=False, documented=False)
class StateUpdate(Dispatch):
    """What READY said of experiments is another now."""

    apex_experiments: ApexExperiments | Absent | None = UNSET
