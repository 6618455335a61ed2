"""Guilds, their boosts, game servers and requests to join."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.guilds import (
    ExplicitContentFilter,
    FormFieldType,
    GameServerProviderType,
    HubType,
    JoinRequestStatus,
    MfaLevel,
    NotificationLevel,
    NsfwLevel,
    PremiumTier,
    SystemChannelFlags,
    VerificationLevel,
)
from cluster.events.objects.expressions import Emoji, Sticker
from cluster.events.objects.members import Role
from cluster.events.objects.users import User


class GuildIdentity(Object):
    """The tag that members may wear."""

    tag: str
    badge: str


class GuildInventorySettings(Object):
    """What others may take along of a guild's emojis."""

    is_emoji_pack_collectible: bool | Absent = UNSET


class GuildPremiumFeatures(Object):
    """What a guild has bought with its boosts."""

    features: list[str]
    additional_emoji_slots: int
    additional_sticker_slots: int
    additional_sound_slots: int


class IncidentsData(Object):
    """What was stopped in a guild because of a raid, and until when."""

    raid_detected_at: datetime | Absent | None = UNSET
    dm_spam_detected_at: datetime | Absent | None = UNSET
    invites_disabled_until: datetime | None
    dms_disabled_until: datetime | None


class PremiumGuildSubscription(Object):
    """A boost that somebody gave a guild."""

    id: Snowflake
    guild_id: Snowflake
    user_id: Snowflake
    ended: bool
    ends_at: datetime | Absent = UNSET
    pause_ends_at: datetime | None
    user: User | Absent = UNSET


class GameServerConfig(Object):
    """What runs on a game server."""

    type: str
    version: str


class GameServer(Object):
    """A game server that a guild rents."""

    id: Snowflake
    name: str
    region_id: str | Absent | None = UNSET
    region_name: str | Absent | None = UNSET
    sku_id: Snowflake
    plan_name: str
    players_count: int | Absent | None = UNSET
    max_players_count: int | Absent | None = UNSET
    ip: str | Absent = UNSET
    port: str | Absent = UNSET
    entitlement_id: Snowflake
    provider_type: GameServerProviderType
    provider_url: str | Absent | None = UNSET
    status: str | int
    game_id: Snowflake
    game_config: GameServerConfig | Absent = UNSET


class GuildPrune(Object):
    """The removal of members who were long away."""

    is_preview: bool | Absent = UNSET
    """Set where nobody is removed: it is counted who would be."""
    is_finished: bool | Absent = UNSET
    days: int | Absent = UNSET
    """For how many days those members were away."""
    prune_count: int | Absent | None = UNSET
    include_roles: list[Snowflake] | Absent | None = UNSET
    """Roles whose members are removed, too."""


class GuildBulkBan(Object):
    """Whom a ban of many has reached."""

    banned_users: list[Snowflake] | Absent | None = UNSET
    failed_users: list[Snowflake] | Absent | None = UNSET


class DirectoryGuild(Object):
    """A guild in a hub's directory."""

    featurable_in_directory: bool


class VerificationFormField(Object):
    """A question to whoever wants to join, and the answer."""

    field_type: FormFieldType
    label: str
    choices: list[str] | Absent = UNSET
    values: list[str] | Absent | None = UNSET
    response: str | int | bool | Absent | None = UNSET
    required: bool | Absent = UNSET
    description: str | Absent | None = UNSET
    automations: list[str] | Absent | None = UNSET
    placeholder: str | Absent | None = UNSET


class GuildJoinRequest(Object):
    """Somebody's request to join a guild."""

    id: Snowflake
    join_request_id: Snowflake | Absent = UNSET
    created_at: datetime | Absent = UNSET
    application_status: JoinRequestStatus | Absent = UNSET
    guild_id: Snowflake
    form_responses: list[VerificationFormField] | Absent | None = UNSET
    last_seen: datetime | Absent | None = UNSET
    actioned_at: datetime | Snowflake | Absent = UNSET
    """When the request was approved or rejected. The documentation says an id, and shows a time."""
    actioned_by_user: User | Absent = UNSET
    rejection_reason: str | Absent | None = UNSET
    user_id: Snowflake
    user: User | Absent = UNSET
    interview_channel_id: Snowflake | Absent | None = UNSET


class PartialGuild(Object):
    """A guild of which perhaps only some fields are told."""

    id: Snowflake | Absent = UNSET
    name: str | Absent = UNSET
    icon: str | Absent | None = UNSET
    banner: str | Absent | None = UNSET
    home_header: str | Absent | None = UNSET
    splash: str | Absent | None = UNSET
    discovery_splash: str | Absent | None = UNSET
    owner_id: Snowflake | Absent = UNSET
    application_id: Snowflake | Absent | None = UNSET
    """Deprecated."""
    description: str | Absent | None = UNSET
    region: str | Absent | None = UNSET
    """Deprecated."""
    afk_channel_id: Snowflake | Absent | None = UNSET
    afk_timeout: int | Absent = UNSET
    widget_enabled: bool | Absent = UNSET
    widget_channel_id: Snowflake | Absent | None = UNSET
    verification_level: VerificationLevel | Absent = UNSET
    default_message_notifications: NotificationLevel | Absent = UNSET
    explicit_content_filter: ExplicitContentFilter | Absent = UNSET
    features: list[str] | Absent = UNSET
    roles: list[Role] | Absent = UNSET
    emojis: list[Emoji] | Absent = UNSET
    stickers: list[Sticker] | Absent = UNSET
    mfa_level: MfaLevel | Absent = UNSET
    system_channel_id: Snowflake | Absent | None = UNSET
    system_channel_flags: SystemChannelFlags | Absent = UNSET
    rules_channel_id: Snowflake | Absent | None = UNSET
    public_updates_channel_id: Snowflake | Absent | None = UNSET
    safety_alerts_channel_id: Snowflake | Absent | None = UNSET
    max_presences: int | Absent | None = UNSET
    max_members: int | Absent = UNSET
    vanity_url_code: str | Absent | None = UNSET
    premium_tier: PremiumTier | Absent = UNSET
    premium_subscription_count: int | Absent = UNSET
    preferred_locale: str | Absent = UNSET
    max_video_channel_users: int | Absent = UNSET
    max_stage_video_channel_users: int | Absent = UNSET
    nsfw: bool | Absent = UNSET
    """Deprecated."""
    nsfw_level: NsfwLevel | Absent = UNSET
    owner_configured_content_level: NsfwLevel | Absent | None = UNSET
    hub_type: HubType | Absent | None = UNSET
    premium_progress_bar_enabled: bool | Absent = UNSET
    premium_progress_bar_enabled_user_updated_at: datetime | Absent | None = UNSET
    latest_onboarding_question_id: Snowflake | Absent | None = UNSET
    incidents_data: IncidentsData | Absent | None = UNSET
    inventory_settings: GuildInventorySettings | Absent | None = UNSET
    """Deprecated."""
    premium_features: GuildPremiumFeatures | Absent | None = UNSET
    profile: GuildIdentity | Absent | None = UNSET
    approximate_member_count: int | Absent = UNSET
    approximate_presence_count: int | Absent = UNSET
    official_message_color: int | Absent | None = UNSET
    version: str | int | Absent = UNSET


class Guild(PartialGuild):
    """A guild's own fields."""

    id: Snowflake
    name: str
    icon: str | None
    banner: str | None
    splash: str | None
    owner_id: Snowflake
    application_id: Snowflake | None
    description: str | None
    afk_channel_id: Snowflake | None
    afk_timeout: int
    verification_level: VerificationLevel
    default_message_notifications: NotificationLevel
    explicit_content_filter: ExplicitContentFilter
    features: list[str]
    roles: list[Role]
    emojis: list[Emoji]
    mfa_level: MfaLevel
    system_channel_id: Snowflake | None
    system_channel_flags: SystemChannelFlags
    rules_channel_id: Snowflake | None
    public_updates_channel_id: Snowflake | None
    vanity_url_code: str | None
    premium_tier: PremiumTier
    preferred_locale: str


class UnavailableGuild(Object):
    """A guild in an outage, or one that the account is out of (``unavailable`` is absent)."""

    id: Snowflake
    unavailable: bool | Absent = UNSET
    geo_restricted: bool | Absent = UNSET
    name: str | Absent = UNSET
    icon: str | Absent | None = UNSET
