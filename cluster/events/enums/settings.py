"""Enumerations and flags of settings and notifications."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class ApexExperimentFlags(Flags):
    """Marks of the group that an experiment assigns (`ApexAssignment.flags`)."""

    IS_OVERRIDE = 1 << 0
    EXPOSURE_TRACKING_ENABLED = 1 << 1
    DEPENDENT_EXPERIMENT = 1 << 2
    USE_AS_ELIGIBILITY = 1 << 3


class BaseTheme(OpenInt):
    """The theme that a shared client theme builds on (`SharedClientTheme.base_theme`)."""

    UNSET = 0
    DARK = 1
    LIGHT = 2
    DARKER = 3
    MIDNIGHT = 4


class ChannelOverrideFlags(Flags):
    """The account's settings for a channel, as bits (`ChannelOverride.flags`)."""

    UNREADS_ONLY_MENTIONS = 1 << 9
    UNREADS_ALL_MESSAGES = 1 << 10
    FAVORITED = 1 << 11
    OPT_IN_ENABLED = 1 << 12
    NEW_FORUM_THREADS_OFF = 1 << 13
    NEW_FORUM_THREADS_ON = 1 << 14


class DirectContentFilter(OpenInt):
    """Whose private messages are filtered for explicit content
    (`UserSettings.explicit_content_filter`)."""

    DISABLED = 0
    NON_FRIENDS = 1
    ALL_MESSAGES = 2


class FriendDiscoveryFlags(Flags):
    """By what the account can be found (`UserSettings.friend_discovery_flags`)."""

    FIND_BY_PHONE = 1 << 1
    FIND_BY_EMAIL = 1 << 2


class HighlightLevel(OpenInt):
    """Whether the account is told of highlights in a guild
    (`UserGuildSettings.notify_highlights`)."""

    DEFAULT = 0
    DISABLED = 1
    ENABLED = 2


class NotificationCenterItemEnum(OpenInt):
    """The step that a new user is asked for (`NotificationCenterItemCompleted.item_enum` and
    `NotificationCenterItem.item_enum`)."""

    UPDATE_PROFILE = 0
    FIND_FRIENDS = 1
    ADD_FRIEND = 2
    FIRST_MESSAGE = 3


class NotificationCenterItemType(OpenStr):
    """The kind of an item in the notification center (`NotificationCenterItem.type`)."""

    GO_LIVE_PUSH = "go_live_push"
    FRIEND_REQUEST_ACCEPTED = "friend_request_accepted"
    FRIEND_REQUEST_PENDING = "friend_request_pending"
    FRIEND_SUGGESTION_CREATED = "friend_suggestion_created"
    FRIEND_REQUEST_REMINDER = "friend_request_reminder"
    DM_FRIEND_NUDGE = "dm_friend_nudge"
    RECENT_MENTION = "recent_mention"
    REPLY_MENTION = "reply_mention"
    SCHEDULED_GUILD_EVENT_STARTED = "scheduled_guild_event_started"
    SYSTEM_DEMO = "system_demo"
    MISSED_MESSAGES = "missed_messages"
    TOP_MESSAGES = "top_messages"
    LIFECYCLE_ITEM = "lifecycle_item"
    TRENDING_CONTENT = "trending_content"
    POLL_ENDED = "poll_ended"
    GAME_FRIEND_REQUEST_ACCEPTED = "game_friend_request_accepted"
    REACTION_SENT = "reaction_sent"


class NotificationSettingsFlags(Flags):
    """The account's notification settings, as bits (`NotificationSettings.flags`)."""

    USE_NEW_NOTIFICATIONS = 1 << 4
    MENTION_ON_ALL_MESSAGES = 1 << 5


class ReadStateFlags(Flags):
    """Marks of what a read state is about (`MessageAck.flags` and `ReadState.flags`)."""

    IS_GUILD_CHANNEL = 1 << 0
    IS_THREAD = 1 << 1
    IS_MENTION_LOW_IMPORTANCE = 1 << 2


class ReadStateType(OpenInt):
    """What a read state is about (`GuildFeatureAck.ack_type`, `MessageAck.ack_type` and
    `ReadState.read_state_type`)."""

    CHANNEL = 0
    GUILD_EVENT = 1
    NOTIFICATION_CENTER = 2
    GUILD_HOME = 3
    GUILD_ONBOARDING_QUESTION = 4
    MESSAGE_REQUESTS = 5


class SlayerSdkReceiveInGameDms(OpenInt):
    """Whose private messages are received in games
    (`UserSettings.slayer_sdk_receive_dms_in_game`)."""

    UNSET = 0
    ALL = 1
    USERS_WITH_GAME = 2
    NONE = 3


class StickerAnimationOption(OpenInt):
    """When stickers move (`UserSettings.animate_stickers`)."""

    ALWAYS_ANIMATE = 0
    ANIMATE_ON_INTERACTION = 1
    NEVER_ANIMATE = 2


class Theme(OpenStr):
    """The look of the client (`UserSettings.theme`)."""

    DARK = "dark"
    LIGHT = "light"
    DARKER = "darker"
    MIDNIGHT = "midnight"


class UserGuildSettingsFlags(Flags):
    """The account's settings for a guild, as bits (`UserGuildSettings.flags`)."""

    UNREADS_ALL_MESSAGES = 1 << 11
    UNREADS_ONLY_MENTIONS = 1 << 12
    OPT_IN_CHANNELS_OFF = 1 << 13
    OPT_IN_CHANNELS_ON = 1 << 14


class UserSettingsProtoType(OpenInt):
    """Which of the account's protobuf settings it is (`UserSettingsProto.type`)."""

    PRELOADED = 1
    FRECENCY = 2
    TEST_SETTINGS = 3
