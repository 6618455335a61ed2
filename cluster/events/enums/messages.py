"""Enumerations and flags of messages and components."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class AttachmentFlags(Flags):
    """Marks of an attached or linked file (`Attachment.flags`, `UnfurledMediaItem.flags` and
    `EmbedMedia.flags`)."""

    IS_CLIP = 1 << 0
    IS_THUMBNAIL = 1 << 1
    IS_REMIX = 1 << 2
    IS_SPOILER = 1 << 3
    CONTAINS_EXPLICIT_MEDIA = 1 << 4
    IS_ANIMATED = 1 << 5
    CONTAINS_GORE_CONTENT = 1 << 6
    CONTAINS_SELF_HARM_CONTENT = 1 << 7


class ButtonStyle(OpenInt):
    """The look of a button (`Component.style` where ``type`` is BUTTON)."""

    PRIMARY = 1
    SECONDARY = 2
    SUCCESS = 3
    DANGER = 4
    LINK = 5
    PREMIUM = 6


class ComponentType(OpenInt):
    """The kind of a component of a message or form (`Component.type` and
    `InteractionData.component_type`)."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTENT_INVENTORY_ENTRY = 16
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    CHECKPOINT_CARD = 20
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


class ContentScanFlags(Flags):
    """What a scan found in an attachment (`ContentScanMetadata.flags`)."""

    EXPLICIT = 1 << 0
    GORE = 1 << 1


class EmbedFlags(Flags):
    """Marks of an embed (`Embed.flags`)."""

    CONTAINS_EXPLICIT_MEDIA = 1 << 4
    CONTENT_INVENTORY_ENTRY = 1 << 5
    CONTAINS_GORE_CONTENT = 1 << 6
    CONTAINS_SELF_HARM_CONTENT = 1 << 7


class EmbedType(OpenStr):
    """The kind of an embed (`Embed.type`)."""

    AGE_VERIFICATION_SYSTEM_NOTIFICATION = "age_verification_system_notification"
    APPLICATION_NEWS = "application_news"
    ARTICLE = "article"
    AUTO_MODERATION_MESSAGE = "auto_moderation_message"
    AUTO_MODERATION_NOTIFICATION = "auto_moderation_notification"
    GIFT = "gift"
    GIFV = "gifv"
    IMAGE = "image"
    LINK = "link"
    POLL_RESULT = "poll_result"
    POST_PREVIEW = "post_preview"
    RICH = "rich"
    SAFETY_POLICY_NOTICE = "safety_policy_notice"
    SAFETY_SYSTEM_NOTIFICATION = "safety_system_notification"
    VIDEO = "video"


class EphemeralityReason(OpenInt):
    """Why an answer is shown to its user alone (`MessageInteraction.ephemerality_reason`)."""

    NONE = 0
    FEATURE_LIMITED = 1
    GUILD_FEATURE_LIMITED = 2
    USER_FEATURE_LIMITED = 3
    SLOWMODE = 4
    RATE_LIMIT = 5
    CANNOT_MESSAGE_USER = 6
    USER_VERIFICATION_LEVEL = 7
    CANNOT_UNARCHIVE_THREAD = 8
    CANNOT_JOIN_THREAD = 9
    MISSING_PERMISSIONS = 10
    CANNOT_SEND_ATTACHMENTS = 11
    CANNOT_SEND_EMBEDS = 12
    CANNOT_SEND_STICKERS = 13
    AUTOMOD_BLOCKED = 14
    HARMFUL_LINK = 15
    CANNOT_USE_COMMAND = 16
    BETA_GUILD_SIZE = 17
    CANNOT_USE_EXTERNAL_APPS = 18


class MessageFlags(Flags):
    """Marks of a message (`SnapshotMessage.flags` and `PartialMessage.flags`)."""

    CROSSPOSTED = 1 << 0
    IS_CROSSPOST = 1 << 1
    SUPPRESS_EMBEDS = 1 << 2
    SOURCE_MESSAGE_DELETED = 1 << 3
    URGENT = 1 << 4
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    FAILED_TO_MENTION_SOME_ROLES_IN_THREAD = 1 << 8
    GUILD_FEED_HIDDEN = 1 << 9
    SHOULD_SHOW_LINK_NOT_DISCORD_WARNING = 1 << 10
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14
    IS_COMPONENTS_V2 = 1 << 15
    SENT_BY_SOCIAL_LAYER_INTEGRATION = 1 << 16
    HIDDEN_SUSPENDED_USER = 1 << 17
    IS_FIRST_BOOSTER = 1 << 18
    IS_GUILD_OFFICIAL = 1 << 19


class MessagePurchaseNotificationType(OpenInt):
    """What was bought, by a message that tells of it (`PurchaseNotification.type`)."""

    GUILD_PRODUCT = 0


class MessageReferenceType(OpenInt):
    """Whether a message answers or forwards the one that it refers to (`MessageReference.type`)."""

    DEFAULT = 0
    FORWARD = 1


class MessageType(OpenInt):
    """The kind of a message: what somebody wrote, or what Discord tells in the channel
    (`SnapshotMessage.type`, `Message.type` and `PartialMessage.type`)."""

    DEFAULT = 0
    RECIPIENT_ADD = 1
    RECIPIENT_REMOVE = 2
    CALL = 3
    CHANNEL_NAME_CHANGE = 4
    CHANNEL_ICON_CHANGE = 5
    CHANNEL_PINNED_MESSAGE = 6
    USER_JOIN = 7
    PREMIUM_GUILD_SUBSCRIPTION = 8
    PREMIUM_GUILD_SUBSCRIPTION_TIER_1 = 9
    PREMIUM_GUILD_SUBSCRIPTION_TIER_2 = 10
    PREMIUM_GUILD_SUBSCRIPTION_TIER_3 = 11
    CHANNEL_FOLLOW_ADD = 12
    GUILD_STREAM = 13
    GUILD_DISCOVERY_DISQUALIFIED = 14
    GUILD_DISCOVERY_REQUALIFIED = 15
    GUILD_DISCOVERY_GRACE_PERIOD_INITIAL_WARNING = 16
    GUILD_DISCOVERY_GRACE_PERIOD_FINAL_WARNING = 17
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    GUILD_INVITE_REMINDER = 22
    CONTEXT_MENU_COMMAND = 23
    AUTO_MODERATION_ACTION = 24
    ROLE_SUBSCRIPTION_PURCHASE = 25
    INTERACTION_PREMIUM_UPSELL = 26
    STAGE_START = 27
    STAGE_END = 28
    STAGE_SPEAKER = 29
    STAGE_RAISE_HAND = 30
    STAGE_TOPIC = 31
    GUILD_APPLICATION_PREMIUM_SUBSCRIPTION = 32
    PRIVATE_CHANNEL_INTEGRATION_ADDED = 33
    PRIVATE_CHANNEL_INTEGRATION_REMOVED = 34
    PREMIUM_REFERRAL = 35
    GUILD_INCIDENT_ALERT_MODE_ENABLED = 36
    GUILD_INCIDENT_ALERT_MODE_DISABLED = 37
    GUILD_INCIDENT_REPORT_RAID = 38
    GUILD_INCIDENT_REPORT_FALSE_ALARM = 39
    GUILD_DEADCHAT_REVIVE_PROMPT = 40
    CUSTOM_GIFT = 41
    GUILD_GAMING_STATS_PROMPT = 42
    POLL = 43
    PURCHASE_NOTIFICATION = 44
    VOICE_HANGOUT_INVITE = 45
    POLL_RESULT = 46
    CHANGELOG = 47
    NITRO_NOTIFICATION = 48
    CHANNEL_LINKED_TO_LOBBY = 49
    GIFTING_PROMPT = 50
    IN_GAME_MESSAGE_NUX = 51
    GUILD_JOIN_REQUEST_ACCEPT_NOTIFICATION = 52
    GUILD_JOIN_REQUEST_REJECT_NOTIFICATION = 53
    GUILD_JOIN_REQUEST_WITHDRAWN_NOTIFICATION = 54
    HD_STREAMING_UPGRADED = 55
    CHAT_WALLPAPER_SET = 56
    CHAT_WALLPAPER_REMOVE = 57
    REPORT_TO_MOD_DELETED_MESSAGE = 58
    REPORT_TO_MOD_TIMEOUT_USER = 59
    REPORT_TO_MOD_KICK_USER = 60
    REPORT_TO_MOD_BAN_USER = 61
    REPORT_TO_MOD_CLOSED_REPORT = 62
    EMOJI_ADDED = 63
    PREMIUM_GROUP_INVITE = 64
    VOICE_SESSION = 65
    GUILD_BOOST_UPSELL = 66
    FRIEND_REQUEST_ACCEPTED = 67
    MEDIA_MENTION_MESSAGE = 68


class PollLayout(OpenInt):
    """The layout of a poll (`Poll.layout_type`)."""

    DEFAULT = 1
    IMAGE_ONLY_ANSWERS = 2


class PotionType(OpenInt):
    """The kind of an effect on a message (`Potion.type`)."""

    CONFETTI = 0


class ReactionType(OpenInt):
    """Whether a reaction is a super reaction (BURST) (`MessageReactionAdd.type` and
    `MessageReactionRemove.type`)."""

    NORMAL = 0
    BURST = 1


class SummarySource(OpenInt):
    """What made a summary (`ConversationSummary.source`)."""

    SOURCE_0 = 0
    SOURCE_1 = 1
    SOURCE_2 = 2


class SummaryType(OpenInt):
    """The kind of a summary (`ConversationSummary.type`)."""

    UNSET = 0
    SOURCE_1 = 1
    SOURCE_2 = 2
    UNKNOWN = 3


class UnfurledMediaItemLoadingState(OpenInt):
    """How far Discord has loaded a media item (`UnfurledMediaItem.loading_state`)."""

    UNKNOWN = 0
    LOADING = 1
    LOADED_SUCCESS = 2
    LOADED_NOT_FOUND = 3
