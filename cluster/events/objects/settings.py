"""Settings of the account."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.guilds import NotificationLevel
from cluster.events.enums.presences import Status
from cluster.events.enums.settings import (
    ChannelOverrideFlags,
    DirectContentFilter,
    FriendDiscoveryFlags,
    HighlightLevel,
    NotificationSettingsFlags,
    SlayerSdkReceiveInGameDms,
    StickerAnimationOption,
    Theme,
    UserGuildSettingsFlags,
    UserSettingsProtoType,
)
from cluster.events.objects.channels import MuteConfig


class GuildFolder(Object):
    """A folder in the list of guilds; one without ``id`` is a guild by itself."""

    guild_ids: list[Snowflake]
    id: int | Absent | None = UNSET
    name: str | Absent = UNSET
    color: int | Absent = UNSET


class CustomStatus(Object):
    """A text with an emoji as status."""

    text: str | Absent | None = UNSET
    emoji_id: Snowflake | Absent | None = UNSET
    emoji_name: str | Absent | None = UNSET
    expires_at: datetime | Absent | None = UNSET


class FriendSourceFlags(Object):
    """Who may ask to be a friend."""

    all: bool | Absent = UNSET
    mutual_friends: bool | Absent = UNSET
    mutual_guilds: bool | Absent = UNSET


class UserSettings(Object):
    """The account's settings, as far as they are told."""

    activity_restricted_guild_ids: list[Snowflake] | Absent = UNSET
    activity_joining_restricted_guild_ids: list[Snowflake] | Absent = UNSET
    afk_timeout: int | Absent = UNSET
    allow_accessibility_detection: bool | Absent = UNSET
    allow_activity_party_privacy_friends: bool | Absent = UNSET
    allow_activity_party_privacy_voice_channel: bool | Absent = UNSET
    animate_emoji: bool | Absent = UNSET
    animate_stickers: StickerAnimationOption | Absent = UNSET
    contact_sync_enabled: bool | Absent = UNSET
    convert_emoticons: bool | Absent = UNSET
    custom_status: CustomStatus | Absent | None = UNSET
    default_guilds_restricted: bool | Absent = UNSET
    detect_platform_accounts: bool | Absent = UNSET
    developer_mode: bool | Absent = UNSET
    disable_games_tab: bool | Absent = UNSET
    enable_tts_command: bool | Absent = UNSET
    explicit_content_filter: DirectContentFilter | Absent = UNSET
    friend_discovery_flags: FriendDiscoveryFlags | Absent = UNSET
    friend_source_flags: FriendSourceFlags | Absent | None = UNSET
    gif_auto_play: bool | Absent = UNSET
    guild_folders: list[GuildFolder] | Absent = UNSET
    inline_attachment_media: bool | Absent = UNSET
    inline_embed_media: bool | Absent = UNSET
    locale: str | Absent = UNSET
    message_display_compact: bool | Absent = UNSET
    native_phone_integration_enabled: bool | Absent = UNSET
    passwordless: bool | Absent = UNSET
    """Deprecated."""
    render_embeds: bool | Absent = UNSET
    render_reactions: bool | Absent = UNSET
    restricted_guilds: list[Snowflake] | Absent = UNSET
    show_current_game: bool | Absent = UNSET
    slayer_sdk_receive_dms_in_game: SlayerSdkReceiveInGameDms | Absent = UNSET
    soundboard_volume: float | Absent = UNSET
    status: Status | Absent = UNSET
    stream_notifications_enabled: bool | Absent = UNSET
    theme: Theme | Absent = UNSET
    timezone_offset: int | Absent = UNSET
    view_nsfw_commands: bool | Absent = UNSET
    view_nsfw_guilds: bool | Absent = UNSET


class ChannelOverride(Object):
    """Settings for a channel."""

    channel_id: Snowflake
    collapsed: bool
    flags: ChannelOverrideFlags | Absent = UNSET
    message_notifications: NotificationLevel
    muted: bool
    mute_config: MuteConfig | None


class UserGuildSettings(Object):
    """The account's settings for a guild; ``guild_id`` is None for private channels."""

    channel_overrides: list[ChannelOverride]
    flags: UserGuildSettingsFlags
    guild_id: Snowflake | None
    hide_muted_channels: bool
    message_notifications: NotificationLevel
    mobile_push: bool
    mute_scheduled_events: bool
    muted: bool
    mute_config: MuteConfig | None
    notify_highlights: HighlightLevel
    suppress_everyone: bool
    suppress_roles: bool
    version: int | Absent = UNSET


class UserSettingsProto(Object):
    """Settings as protobuf."""

    type: UserSettingsProtoType
    proto: str
    """The settings as protobuf, in base64."""


class NotificationSettings(Object):
    """The account's notification settings."""

    show_in_app_notifications: bool | Absent = UNSET
    notify_friends_on_go_live: bool | Absent = UNSET
    notification_center_acked_before_id: Snowflake | Absent = UNSET
    enable_burst_reaction_notifications: bool | Absent = UNSET
    """Deprecated."""
    quiet_mode: bool | Absent = UNSET
    focus_mode_expires_at_ms: int | Absent = UNSET
    reaction_notifications: int | Absent = UNSET
    game_activity_notifications: int | Absent = UNSET
    """Deprecated."""
    custom_status_push_notifications: int | Absent = UNSET
    game_activity_exclude_steam_notifications: bool | Absent = UNSET
    """Deprecated."""
    enable_voice_activity_notifications: bool | Absent = UNSET
    enable_friend_online_notifications: bool | Absent = UNSET
    enable_user_resurrection_notifications: bool | Absent = UNSET
    """Deprecated."""
    enable_friend_anniversary_notifications: bool | Absent = UNSET
    enable_game_update_notifications: bool | Absent = UNSET
    enable_profile_updates_notifications: bool | Absent = UNSET
    enable_server_trending_notifications: bool | Absent = UNSET
    enable_dm_reply_nudge_reminders: bool | Absent = UNSET
    enable_summary_reminder_notifications: bool | Absent = UNSET
    enable_gdm_all_reaction_notifications: bool | Absent = UNSET
    """Deprecated."""
    enable_friend_gaming_activity_notifications: bool | Absent = UNSET
    enable_upcoming_server_event_notifications: bool | Absent = UNSET
    enable_screen_downtime_schedule_notifications: bool | Absent = UNSET
    notify_friends_on_profile_update: bool | Absent = UNSET
    notify_friends_on_come_online: bool | Absent = UNSET
    flags: NotificationSettingsFlags | Absent = UNSET
    """The settings that the gateway tells; the other fields are those of the protobuf."""


class Consent(Object):
    """Whether the account agreed."""

    consented: bool


class Consents(Object):
    """What the account agreed to."""

    personalization: Consent
    usage_statistics: Consent | Absent = UNSET
