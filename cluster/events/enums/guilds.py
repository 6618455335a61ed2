"""Enumerations and flags of guilds, their members and events."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class DirectoryEntryType(OpenInt):
    """The kind of an entry in a hub's directory (`GuildDirectoryEntryDelete.type` and
    `DirectoryEntry.type`)."""

    GUILD = 0
    GUILD_SCHEDULED_EVENT = 1


class ExplicitContentFilter(OpenInt):
    """Whose messages a guild filters for explicit content (`Guild.explicit_content_filter` and
    `PartialGuild.explicit_content_filter`)."""

    DISABLED = 0
    MEMBERS_WITHOUT_ROLES = 1
    ALL_MEMBERS = 2


class FormFieldType(OpenStr):
    """The kind of a field in the form that new members fill in
    (`VerificationFormField.field_type`)."""

    TERMS = "TERMS"
    TEXT_INPUT = "TEXT_INPUT"
    PARAGRAPH = "PARAGRAPH"
    MULTIPLE_CHOICE = "MULTIPLE_CHOICE"
    VERIFICATION = "VERIFICATION"


class GameServerProviderType(OpenStr):
    """Who hosts a game server (`GameServer.provider_type`)."""

    SHOCKBYTE = "shockbyte"


class GuildMemberFlags(Flags):
    """Marks of a member (`GuildMemberUpdate.flags` and `Member.flags`)."""

    DID_REJOIN = 1 << 0
    COMPLETED_ONBOARDING = 1 << 1
    BYPASSES_VERIFICATION = 1 << 2
    STARTED_ONBOARDING = 1 << 3
    IS_GUEST = 1 << 4
    STARTED_HOME_ACTIONS = 1 << 5
    COMPLETED_HOME_ACTIONS = 1 << 6
    AUTOMOD_QUARANTINED_NAME = 1 << 7
    AUTOMOD_QUARANTINED_BIO = 1 << 8
    DM_SETTINGS_UPSELL_ACKNOWLEDGED = 1 << 9
    AUTOMOD_QUARANTINED_GUILD_TAG = 1 << 10


class HubCategory(OpenInt):
    """The category of an entry in a hub's directory
    (`GuildDirectoryEntryDelete.primary_category_id`)."""

    UNCATEGORIZED = 0
    SCHOOL_CLUB = 1
    CLASS = 2
    STUDY_SOCIAL = 3
    SUBJECT_MAJOR = 4
    MISC = 5


class HubType(OpenInt):
    """The kind of a hub (`PartialGuild.hub_type`)."""

    DEFAULT = 0
    HIGH_SCHOOL = 1
    COLLEGE = 2


class InviteTargetType(OpenInt):
    """What an invite leads to, in its channel (`InviteCreate.target_type`)."""

    STREAM = 1
    EMBEDDED_APPLICATION = 2
    ROLE_SUBSCRIPTIONS = 3
    CREATOR_PAGE = 4
    LOBBY = 5


class InviteType(OpenInt):
    """What an invite leads to (`InviteCreate.type`)."""

    GUILD = 0
    GROUP_DM = 1
    FRIEND = 2


class JoinRequestStatus(OpenStr):
    """How far a request to join a guild is (`GuildJoinRequestCreate.status` and
    `GuildJoinRequestUpdate.status`)."""

    STARTED = "STARTED"
    SUBMITTED = "SUBMITTED"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"


class MfaLevel(OpenInt):
    """Whether moderators of a guild need a second factor (`Guild.mfa_level` and
    `PartialGuild.mfa_level`)."""

    NONE = 0
    ELEVATED = 1


class NotificationLevel(OpenInt):
    """The messages that members are notified of (`Guild.default_message_notifications` and
    `ChannelOverride.message_notifications`)."""

    ALL_MESSAGES = 0
    ONLY_MENTIONS = 1
    NO_MESSAGES = 2
    INHERIT = 3


class NsfwLevel(OpenInt):
    """For whom a guild's content is (`PartialGuild.nsfw_level` and
    `PartialGuild.owner_configured_content_level`)."""

    DEFAULT = 0
    EXPLICIT = 1
    SAFE = 2
    AGE_RESTRICTED = 3


class Permissions(Flags):
    """What roles and members may do (`InstallParams.permissions` and
    `PermissionOverwrite.allow`)."""

    CREATE_INSTANT_INVITE = 1 << 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    VIEW_GUILD_INSIGHTS = 1 << 19
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VAD = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    MANAGE_EXPRESSIONS = 1 << 30
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    MANAGE_EVENTS = 1 << 33
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EMBEDDED_ACTIVITIES = 1 << 39
    MODERATE_MEMBERS = 1 << 40
    VIEW_CREATOR_MONETIZATION_ANALYTICS = 1 << 41
    USE_SOUNDBOARD = 1 << 42
    CREATE_EXPRESSIONS = 1 << 43
    CREATE_EVENTS = 1 << 44
    USE_EXTERNAL_SOUNDS = 1 << 45
    SEND_VOICE_MESSAGES = 1 << 46
    USE_CLYDE_AI = 1 << 47
    SET_VOICE_CHANNEL_STATUS = 1 << 48
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50
    PIN_MESSAGES = 1 << 51
    BYPASS_SLOWMODE = 1 << 52
    MANAGE_OFFICIAL_MESSAGES = 1 << 53


class PremiumTier(OpenInt):
    """The level that a guild has reached by boosts (`ActivityConfig.premium_tier_requirement` and
    `Guild.premium_tier`)."""

    NONE = 0
    TIER_1 = 1
    TIER_2 = 2
    TIER_3 = 3


class PrivacyLevel(OpenInt):
    """Who sees a scheduled event or a stage (`ScheduledEvent.privacy_level` and
    `StageInstance.privacy_level`)."""

    PUBLIC = 1
    GUILD_ONLY = 2


class RecurrenceFrequency(OpenInt):
    """How often a scheduled event repeats (`RecurrenceRule.frequency`)."""

    YEARLY = 0
    MONTHLY = 1
    WEEKLY = 2
    DAILY = 3


class RoleConnectionOperatorType(OpenInt):
    """How a user's value is compared with the one that a role requires
    (`RoleConnectionMetadata.type`)."""

    INTEGER_LESS_THAN_OR_EQUAL = 1
    INTEGER_GREATER_THAN_OR_EQUAL = 2
    INTEGER_EQUAL = 3
    INTEGER_NOT_EQUAL = 4
    DATETIME_LESS_THAN_OR_EQUAL = 5
    DATETIME_GREATER_THAN_OR_EQUAL = 6
    BOOLEAN_EQUAL = 7
    BOOLEAN_NOT_EQUAL = 8


class RoleFlags(Flags):
    """Marks of a role (`Role.flags`)."""

    IN_PROMPT = 1 << 0


class ScheduledEventEntityType(OpenInt):
    """Where a scheduled event takes place (`ScheduledEvent.entity_type`)."""

    STAGE_INSTANCE = 1
    VOICE = 2
    EXTERNAL = 3
    PRIME_TIME = 4


class ScheduledEventResponse(OpenInt):
    """Whether a user is interested in a scheduled event (`ScheduledEventUser.response`)."""

    UNINTERESTED = 0
    INTERESTED = 1


class ScheduledEventStatus(OpenInt):
    """How far a scheduled event is (`ScheduledEvent.status`)."""

    SCHEDULED = 1
    ACTIVE = 2
    COMPLETED = 3
    CANCELED = 4


class StickerFormat(OpenInt):
    """The file format of a sticker (`Sticker.format_type` and `StickerItem.format_type`)."""

    PNG = 1
    APNG = 2
    LOTTIE = 3
    GIF = 4


class StickerType(OpenInt):
    """Whose a sticker is: Discord's or a guild's (`Sticker.type`)."""

    STANDARD = 1
    GUILD = 2


class SystemChannelFlags(Flags):
    """What is not told in a guild's system channel (`Guild.system_channel_flags` and
    `PartialGuild.system_channel_flags`)."""

    SUPPRESS_JOIN_NOTIFICATIONS = 1 << 0
    SUPPRESS_PREMIUM_SUBSCRIPTIONS = 1 << 1
    SUPPRESS_GUILD_REMINDER_NOTIFICATIONS = 1 << 2
    SUPPRESS_JOIN_NOTIFICATION_REPLIES = 1 << 3
    SUPPRESS_ROLE_SUBSCRIPTION_PURCHASE_NOTIFICATIONS = 1 << 4
    SUPPRESS_ROLE_SUBSCRIPTION_PURCHASE_NOTIFICATION_REPLIES = 1 << 5
    SUPPRESS_CHANNEL_PROMPT_DEADCHAT = 1 << 7
    SUPPRESS_UGC_ADDED_NOTIFICATIONS = 1 << 8


class VerificationLevel(OpenInt):
    """What a member must have verified to write in a guild (`Guild.verification_level` and
    `PartialGuild.verification_level`)."""

    NONE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    VERY_HIGH = 4


class Weekday(OpenInt):
    """A day of the week (`NWeekday.day` and `RecurrenceRule.by_weekday`)."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6
