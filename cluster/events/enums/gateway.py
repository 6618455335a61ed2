"""Enumerations and flags of the Gateway's own events."""

from __future__ import annotations

from cluster.events.enums.base import Flags, OpenInt, OpenStr


class AgeGatedFeatures(Flags):
    """Features that are kept from the young in the account's region
    (`RegionalFeatureConfig.age_gated_features`)."""

    AGE_GATED_SPACES = 1 << 0
    SENSITIVE_CONTENT_SHOW_SETTING = 1 << 1
    DM_PRIVACY_SETTINGS = 1 << 2
    MESSAGE_REQUEST_RESTRICTIONS_TOGGLE = 1 << 3
    LARGE_SERVER_ACCESS = 1 << 4
    COMMANDS_TOGGLE = 1 << 5
    REACTIVE_CHECK = 1 << 6
    STAGE_SPEAKING = 1 << 7


class DataMode(OpenStr):
    """How much of a guild READY tells (`GatewayGuild.data_mode`)."""

    FULL = "full"
    PARTIAL = "partial"
    UNAVAILABLE = "unavailable"


class InteractionFailureReason(OpenInt):
    """Why an interaction failed (`InteractionFailure.reason_code`)."""

    UNKNOWN = 1
    TIMEOUT = 2
    ACTIVITY_LAUNCH_UNKNOWN_APPLICATION = 3
    ACTIVITY_LAUNCH_UNKNOWN_CHANNEL = 4
    ACTIVITY_LAUNCH_UNKNOWN_GUILD = 5
    ACTIVITY_LAUNCH_INVALID_PLATFORM = 6
    ACTIVITY_LAUNCH_NOT_IN_EXPERIMENT = 7
    ACTIVITY_LAUNCH_INVALID_CHANNEL_TYPE = 8
    ACTIVITY_LAUNCH_INVALID_CHANNEL_NO_AFK = 9
    ACTIVITY_LAUNCH_INVALID_DEV_PREVIEW_GUILD_SIZE = 10
    ACTIVITY_LAUNCH_INVALID_USER_AGE_GATE = 11
    ACTIVITY_LAUNCH_INVALID_USER_VERIFICATION_LEVEL = 12
    ACTIVITY_LAUNCH_INVALID_USER_PERMISSIONS = 13
    ACTIVITY_LAUNCH_INVALID_CONFIGURATION_NOT_EMBEDDED = 14
    ACTIVITY_LAUNCH_INVALID_CONFIGURATION_PLATFORM_NOT_SUPPORTED = 15
    ACTIVITY_LAUNCH_INVALID_CONFIGURATION_PLATFORM_NOT_RELEASED = 16
    ACTIVITY_LAUNCH_FAILED_TO_LAUNCH = 17
    ACTIVITY_LAUNCH_INVALID_USER_NO_ACCESS_TO_ACTIVITY = 18
    ACTIVITY_LAUNCH_INVALID_LOCATION_TYPE = 19
    ACTIVITY_LAUNCH_INVALID_USER_REGION_FOR_APPLICATION = 20


class LobbyDeletionReason(OpenStr):
    """Whether a lobby was deleted, or the account removed from it (`LobbyDelete.reason`)."""

    DELETED = "deleted"
    REMOVED = "removed"


class SessionType(OpenStr):
    """Whether a session is a usual one or of an OAuth2 token (`Ready.session_type`)."""

    NORMAL = "normal"
    OAUTH = "oauth"


class StreamDeleteReason(OpenStr):
    """Why a stream ended (`StreamDelete.reason` and `SpeedTestDelete.reason`)."""

    USER_REQUESTED = "user_requested"
    STREAM_ENDED = "stream_ended"
    STREAM_FULL = "stream_full"
    UNAUTHORIZED = "unauthorized"
    SAFETY_GUILD_RATE_LIMITED = "safety_guild_rate_limited"
    PARSE_FAILED = "parse_failed"
    INVALID_CHANNEL = "invalid_channel"


class TeenByDefaultSettings(Flags):
    """Settings that are those of a teenager until an adult's age is verified
    (`RegionalFeatureConfig.teen_by_default_settings`)."""

    SENSITIVE_CONTENT = 1 << 0
    FRIEND_REQUEST_STRANGER_CONFIRMATION = 1 << 1
    MESSAGE_REQUEST_RESTRICTIONS = 1 << 2
    GUILD_ACTIVITY_STATUS = 1 << 3
    SPAM_FILTERS = 1 << 4
