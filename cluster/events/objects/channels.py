"""Channels, threads and private conversations."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.channels import (
    ChannelFlags,
    ChannelType,
    ForumLayoutType,
    PermissionOverwriteType,
    RecipientFlags,
    SafetyWarningType,
    SearchTagSetting,
    SortOrderType,
    ThreadMemberFlags,
    VideoQualityMode,
)
from cluster.events.enums.guilds import Permissions
from cluster.events.objects.members import Member
from cluster.events.objects.presences import Presence
from cluster.events.objects.users import User


class PermissionOverwrite(Object):
    """What a role or member may do in a channel other than in the guild."""

    id: Snowflake
    """Id of the role, or of the member's user."""
    type: PermissionOverwriteType
    allow: Permissions
    deny: Permissions


class ThreadMetadata(Object):
    """What only threads have."""

    archived: bool
    auto_archive_duration: int
    """Minutes without activity after which the thread is archived."""
    archive_timestamp: datetime
    locked: bool
    invitable: bool | Absent = UNSET
    create_timestamp: datetime | Absent | None = UNSET


class MuteConfig(Object):
    """Until when something is muted."""

    end_time: datetime | Absent | None = UNSET
    selected_time_window: int | Absent = UNSET
    """For how many seconds it is muted; -1: for ever."""


class ThreadMember(Object):
    """Somebody's membership in a thread."""

    id: Snowflake | Absent = UNSET
    user_id: Snowflake | Absent = UNSET
    join_timestamp: datetime
    flags: ThreadMemberFlags
    muted: bool | Absent = UNSET
    mute_config: MuteConfig | Absent | None = UNSET
    member: Member | Absent = UNSET
    presence: Presence | Absent | None = UNSET


class DefaultReaction(Object):
    """The emoji that a forum proposes: its own, or one of Unicode."""

    emoji_id: Snowflake | Absent | None = UNSET
    emoji_name: str | Absent | None = UNSET


class ForumTag(Object):
    """A tag for a forum's threads."""

    id: Snowflake
    name: str
    moderated: bool
    emoji_id: Snowflake | Absent | None = UNSET
    emoji_name: str | Absent | None = UNSET


class ChannelNick(Object):
    """What somebody is called in a group."""

    id: Snowflake
    nick: str


class IconEmoji(Object):
    """The emoji beside a channel's name."""

    id: Snowflake | Absent | None = UNSET
    name: str | Absent | None = UNSET


class SafetyWarning(Object):
    """Why Discord warns of a private channel."""

    id: str
    type: SafetyWarningType
    expiry: datetime
    dismiss_timestamp: datetime | None


class LinkedLobby(Object):
    """The game's lobby that a channel is linked to."""

    application_id: Snowflake
    lobby_id: Snowflake
    linked_by: Snowflake
    linked_at: datetime
    require_application_authorization: bool


class Channel(Object):
    """A channel or thread of any kind. Which fields are there depends on ``type``."""

    id: Snowflake
    type: ChannelType
    guild_id: Snowflake | Absent = UNSET
    position: int | Absent = UNSET
    permission_overwrites: list[PermissionOverwrite] | Absent = UNSET
    name: str | Absent | None = UNSET
    topic: str | Absent | None = UNSET
    nsfw: bool | Absent = UNSET
    last_message_id: Snowflake | Absent | None = UNSET
    last_pin_timestamp: datetime | Absent | None = UNSET
    bitrate: int | Absent = UNSET
    """Bit rate of a voice channel in bits a second."""
    user_limit: int | Absent = UNSET
    rate_limit_per_user: int | Absent = UNSET
    """Seconds between two messages of a member."""
    recipients: list[User] | Absent = UNSET
    recipient_flags: RecipientFlags | Absent = UNSET
    icon: str | Absent | None = UNSET
    nicks: list[ChannelNick] | Absent = UNSET
    managed: bool | Absent = UNSET
    blocked_user_warning_dismissed: bool | Absent = UNSET
    safety_warnings: list[SafetyWarning] | Absent = UNSET
    application_id: Snowflake | Absent | None = UNSET
    owner_id: Snowflake | Absent = UNSET
    owner: Member | Absent | None = UNSET
    parent_id: Snowflake | Absent | None = UNSET
    rtc_region: str | Absent | None = UNSET
    video_quality_mode: VideoQualityMode | Absent = UNSET
    total_message_sent: int | Absent = UNSET
    message_count: int | Absent = UNSET
    member_count: int | Absent = UNSET
    """How many members a thread has; Discord counts to 50."""
    member_ids_preview: list[Snowflake] | Absent = UNSET
    thread_metadata: ThreadMetadata | Absent = UNSET
    member: ThreadMember | Absent = UNSET
    default_auto_archive_duration: int | Absent | None = UNSET
    """Minutes without activity after which new threads are archived."""
    default_thread_rate_limit_per_user: int | Absent = UNSET
    permissions: Permissions | Absent = UNSET
    flags: ChannelFlags | Absent = UNSET
    available_tags: list[ForumTag] | Absent = UNSET
    applied_tags: list[Snowflake] | Absent = UNSET
    default_reaction_emoji: DefaultReaction | Absent | None = UNSET
    default_forum_layout: ForumLayoutType | Absent = UNSET
    default_sort_order: SortOrderType | Absent | None = UNSET
    default_tag_setting: SearchTagSetting | Absent | None = UNSET
    icon_emoji: IconEmoji | Absent | None = UNSET
    """Deprecated."""
    theme_color: int | Absent | None = UNSET
    """Deprecated."""
    is_message_request: bool | Absent = UNSET
    is_message_request_timestamp: datetime | Absent | None = UNSET
    is_spam: bool | Absent = UNSET
    status: str | Absent | None = UNSET
    hd_streaming_until: datetime | Absent | None = UNSET
    hd_streaming_buyer_id: Snowflake | Absent | None = UNSET
    linked_lobby: LinkedLobby | Absent | None = UNSET
    is_linkable: bool | Absent = UNSET
    is_viewable_and_writeable_by_all_members: bool | Absent = UNSET
    template: str | Absent = UNSET
    version: str | int | Absent = UNSET
    recipient_ids: list[Snowflake] | Absent = UNSET
    """Users of a private channel, in place of ``recipients`` with capability
    DEDUPE_USER_OBJECTS."""
    app_permissions: Permissions | Absent = UNSET
