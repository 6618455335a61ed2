"""Enumerations and flags of channels, lobbies and voice."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ChannelFlags(Flags):
    """Marks of a channel (`Channel.flags`)."""

    GUILD_FEED_REMOVED = 1 << 0
    PINNED = 1 << 1
    ACTIVE_CHANNELS_REMOVED = 1 << 2
    REQUIRE_TAG = 1 << 4
    IS_SPAM = 1 << 5
    IS_GUILD_RESOURCE_CHANNEL = 1 << 7
    CLYDE_AI = 1 << 8
    IS_SCHEDULED_FOR_DELETION = 1 << 9
    IS_MEDIA_CHANNEL = 1 << 10
    SUMMARIES_DISABLED = 1 << 11
    APPLICATION_SHELF_CONSENT = 1 << 12
    IS_ROLE_SUBSCRIPTION_TEMPLATE_PREVIEW_CHANNEL = 1 << 13
    IS_BROADCASTING = 1 << 14
    HIDE_MEDIA_DOWNLOAD_OPTIONS = 1 << 15
    IS_JOIN_REQUEST_INTERVIEW_CHANNEL = 1 << 16
    OBFUSCATED = 1 << 17
    IS_MODERATOR_REPORT_CHANNEL = 1 << 19
    IS_SPOILER_CHANNEL = 1 << 21


class ChannelType(OpenInt):
    """The kind of a channel (`LobbyMessageCreate.channel_type` and
    `LobbyMessageUpdate.channel_type`)."""

    GUILD_TEXT = 0
    DM = 1
    GUILD_VOICE = 2
    GROUP_DM = 3
    GUILD_CATEGORY = 4
    GUILD_NEWS = 5
    GUILD_STORE = 6
    GUILD_LFG = 7
    LFG_GROUP_DM = 8
    THREAD_ALPHA = 9
    NEWS_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    GUILD_STAGE_VOICE = 13
    GUILD_DIRECTORY = 14
    GUILD_FORUM = 15
    GUILD_MEDIA = 16
    LOBBY = 17
    EPHEMERAL_DM = 18


class ForumLayoutType(OpenInt):
    """How a forum shows its posts (`Channel.default_forum_layout`)."""

    DEFAULT = 0
    LIST = 1
    GRID = 2


class LobbyFlags(Flags):
    """Marks of a lobby (`Lobby.flags`)."""

    REQUIRE_APPLICATION_AUTHORIZATION = 1 << 0


class LobbyMemberFlags(Flags):
    """What a member of a lobby may do (`LobbyMember.flags`)."""

    CAN_LINK_LOBBY = 1 << 0


class PermissionOverwriteType(OpenInt):
    """Whom a permission overwrite is for (`PermissionOverwrite.type`)."""

    ROLE = 0
    MEMBER = 1


class RecipientFlags(Flags):
    """Marks of a recipient of a private channel (`Channel.recipient_flags`)."""

    DISMISSED_IN_GAME_MESSAGE_NUX = 1 << 0


class SafetyWarningType(OpenInt):
    """What Discord warns of in a private channel (`SafetyWarning.type`)."""

    STRANGER_DANGER = 1
    INAPPROPRIATE_CONVERSATION_TIER_1 = 2
    INAPPROPRIATE_CONVERSATION_TIER_2 = 3
    LIKELY_ATO = 4


class SearchTagSetting(OpenStr):
    """Whether a forum's posts need one or all of the tags that are searched for
    (`Channel.default_tag_setting`)."""

    MATCH_SOME = "match_some"
    MATCH_ALL = "match_all"


class SortOrderType(OpenInt):
    """How a forum orders its posts (`Channel.default_sort_order`)."""

    LATEST_ACTIVITY = 0
    CREATION_TIME = 1


class ThreadMemberFlags(Flags):
    """Marks and notification settings of a thread's member (`ThreadMember.flags`)."""

    HAS_INTERACTED = 1 << 0
    ALL_MESSAGES = 1 << 1
    ONLY_MENTIONS = 1 << 2
    NO_MESSAGES = 1 << 3


class VideoQualityMode(OpenInt):
    """The quality of video in a voice channel (`Channel.video_quality_mode`)."""

    AUTO = 1
    FULL = 2


class VoiceChannelEffectAnimationType(OpenInt):
    """How an effect in a voice channel moves (`VoiceChannelEffectSend.animation_type`)."""

    PREMIUM = 0
    BASIC = 1
