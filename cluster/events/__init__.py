"""Every event of the Gateway, typed: ``decode`` makes it from a wire name and ``d``.

    match decode("MESSAGE_CREATE", data):
        case MessageCreate(message=message):
            print(message.content or "no content")
        case ParseError() as error:
            print(error)

A file a category, in the order of docs/events.md; what is nested in events is in
``cluster.events.objects``, enumerations and flags are in ``cluster.events.enums``.
"""

import warnings

# fmt: off
# ruff: isort: off
from cluster.events.base import (
    UNSET, Absent, Dispatch, GatewayEvent, Misfit, Object, Snowflake, UnixTime,
)
from cluster.events.decoding import ParseError, UnknownEvent, decode
from cluster.events.values import snowflake_time
from cluster.events.gateway import (
    AuthSessionChange, AuthenticatorCreate, AuthenticatorDelete, AuthenticatorUpdate,
    ConsoleCommandUpdate, ExperimentSessionOverrideCreate, ExperimentSessionOverrideDelete,
    HeartbeatAck, OAuth2TokenCreate, OAuth2TokenDelete, OAuth2TokenRevoke, RateLimited,
    Reconnect, RemoteCommand, Resumed, SessionsReplace,
)
from cluster.events.ready import Ready, ReadySupplemental
from cluster.events.message import (
    LastMessages, MessageAck, MessageCreate, MessageDelete, MessageDeleteBulk,
    MessagePollVoteAdd, MessagePollVoteRemove, MessageReactionAdd, MessageReactionAddMany,
    MessageReactionRemove, MessageReactionRemoveAll, MessageReactionRemoveEmoji, MessageUpdate,
    ReactionNotificationSent, RecentMentionDelete, SavedMessageCreate, SavedMessageDelete,
)
from cluster.events.channel import (
    ChannelCreate, ChannelDelete, ChannelInfo, ChannelMemberCountUpdate, ChannelPinsAck,
    ChannelPinsUpdate, ChannelRecipientAdd, ChannelRecipientRemove, ChannelStatuses,
    ChannelSync, ChannelUnreadUpdate, ChannelUpdate, ChannelUpdatePartial,
    ConversationSummaryUpdate, CreatorMonetizationRestrictionsUpdate, DmSettingsUpsellShow,
    TypingStart, WebhooksUpdate,
)
from cluster.events.thread import (
    ThreadCreate, ThreadDelete, ThreadListSync, ThreadMemberUpdate, ThreadMembersUpdate,
    ThreadUpdate,
)
from cluster.events.voice import (
    CallCreate, CallDelete, CallUpdate, VoiceChannelEffectSend, VoiceChannelStartTimeUpdate,
    VoiceChannelStatusUpdate, VoiceServerUpdate, VoiceStateUpdate, VoiceStateUpdateBatch,
)
from cluster.events.guild import (
    DeletedEntityIds, GameServerCreate, GameServerDelete, GameServerUpdate,
    GuildApplicationCommandIndexUpdate, GuildAppliedBoostsUpdate, GuildCreate, GuildDelete,
    GuildDirectoryEntryCreate, GuildDirectoryEntryDelete, GuildDirectoryEntryUpdate,
    GuildFeatureAck, GuildMemberAdd, GuildMemberRemove, GuildMemberUpdate, GuildMembersChunk,
    GuildOfficialGameApplicationsUpdate, GuildPowerupEntitlementsCreate,
    GuildPowerupEntitlementsDelete, GuildRoleCreate, GuildRoleDelete, GuildRoleUpdate,
    GuildUpdate, PassiveUpdateV1, PassiveUpdateV2,
)
from cluster.events.moderation import (
    AutoModerationActionExecution, AutoModerationMentionRaidDetection, AutoModerationRuleCreate,
    AutoModerationRuleDelete, AutoModerationRuleUpdate, GuildAuditLogEntryCreate, GuildBanAdd,
    GuildBanRemove, GuildJoinRequestCreate, GuildJoinRequestDelete, GuildJoinRequestUpdate,
)
from cluster.events.expression import (
    GuildEmojisUpdate, GuildSoundboardSoundCreate, GuildSoundboardSoundDelete,
    GuildSoundboardSoundUpdate, GuildSoundboardSoundsUpdate, GuildStickersUpdate,
    SoundboardSounds,
)
from cluster.events.schedule import (
    GuildScheduledEventCreate, GuildScheduledEventDelete, GuildScheduledEventExceptionCreate,
    GuildScheduledEventExceptionDelete, GuildScheduledEventExceptionUpdate,
    GuildScheduledEventExceptionsDelete, GuildScheduledEventUpdate, GuildScheduledEventUserAdd,
    GuildScheduledEventUserRemove,
)
from cluster.events.integration import (
    GuildIntegrationsUpdate, IntegrationCreate, IntegrationDelete, IntegrationUpdate,
    InviteCreate, InviteDelete,
)
from cluster.events.application import (
    ActivityInviteCreate, ApplicationCommandAutocompleteResponse,
    ApplicationCommandPermissionsUpdate, EmbeddedActivityUpdateV2, InteractionCreate,
    InteractionFailure, InteractionIframeModalCreate, InteractionModalCreate,
    InteractionSuccess, SocialLayerSkuPurchaseEligibilityResponse,
)
from cluster.events.friend import FriendSuggestionCreate, FriendSuggestionDelete
from cluster.events.presence import PresenceUpdate
from cluster.events.relationship import (
    GameInviteCreate, GameInviteDelete, GameInviteDeleteMany, GameRelationshipAdd,
    GameRelationshipRemove, RelationshipAdd, RelationshipRemove, RelationshipUpdate,
)
from cluster.events.stage import StageInstanceCreate, StageInstanceDelete, StageInstanceUpdate
from cluster.events.stream import (
    SpeedTestCreate, SpeedTestDelete, SpeedTestServerUpdate, SpeedTestUpdate, StreamCreate,
    StreamDelete, StreamServerUpdate, StreamUpdate,
)
from cluster.events.user import (
    AudioSettingsUpdate, NotificationSettingsUpdate, UserApplicationIdentityRemove,
    UserApplicationIdentityUpdate, UserApplicationRemove, UserApplicationUpdate,
    UserConnectionsUpdate, UserGuildSettingsUpdate, UserMergeOperationCompleted,
    UserNonChannelAck, UserNoteUpdate, UserRequiredActionUpdate, UserSettingsUpdate, UserUpdate,
)
from cluster.events.notification import (
    GenericPushNotificationSent, NotificationCenterItemCompleted, NotificationCenterItemCreate,
    NotificationCenterItemDelete, NotificationCenterItemsAck,
)
from cluster.events.lobby import (
    LobbyCreate, LobbyDelete, LobbyMemberAdd, LobbyMemberRemove, LobbyMemberUpdate,
    LobbyMessageCreate, LobbyMessageDelete, LobbyMessageUpdate, LobbyUpdate,
    LobbyVoiceServerUpdate, LobbyVoiceStateUpdate,
)
from cluster.events.billing import (
    BillingPopupBridgeCallback, EntitlementCreate, EntitlementDelete, EntitlementUpdate,
    GiftCodeCreate, GiftCodeUpdate, PaymentUpdate, SubscriptionCreate, SubscriptionDelete,
    SubscriptionUpdate, UserPaymentBrowserCheckoutDone, UserPaymentClientAdd,
    UserPaymentSourcesUpdate, UserPremiumGuildSubscriptionSlotCreate,
    UserPremiumGuildSubscriptionSlotDelete, UserPremiumGuildSubscriptionSlotUpdate,
    UserSubscriptionsUpdate, VirtualCurrencyBalanceUpdate,
)
from cluster.events.quest import QuestsUserCompletionUpdate, QuestsUserStatusUpdate
from cluster.events.misc import ContentInventoryInboxStale, UserSettingsProtoUpdate

__all__ = [
    "UNSET",
    "Absent",
    "ActivityInviteCreate",
    "ApplicationCommandAutocompleteResponse",
    "ApplicationCommandPermissionsUpdate",
    "AudioSettingsUpdate",
    "AuthSessionChange",
    "AuthenticatorCreate",
    "AuthenticatorDelete",
    "AuthenticatorUpdate",
    "AutoModerationActionExecution",
    "AutoModerationMentionRaidDetection",
    "AutoModerationRuleCreate",
    "AutoModerationRuleDelete",
    "AutoModerationRuleUpdate",
    "BillingPopupBridgeCallback",
    "CallCreate",
    "CallDelete",
    "CallUpdate",
    "ChannelCreate",
    "ChannelDelete",
    "ChannelInfo",
    "ChannelMemberCountUpdate",
    "ChannelPinsAck",
    "ChannelPinsUpdate",
    "ChannelRecipientAdd",
    "ChannelRecipientRemove",
    "ChannelStatuses",
    "ChannelSync",
    "ChannelUnreadUpdate",
    "ChannelUpdate",
    "ChannelUpdatePartial",
    "ConsoleCommandUpdate",
    "ContentInventoryInboxStale",
    "ConversationSummaryUpdate",
    "CreatorMonetizationRestrictionsUpdate",
    "DeletedEntityIds",
    "Dispatch",
    "DmSettingsUpsellShow",
    "EmbeddedActivityUpdateV2",
    "EntitlementCreate",
    "EntitlementDelete",
    "EntitlementUpdate",
    "ExperimentSessionOverrideCreate",
    "ExperimentSessionOverrideDelete",
    "FriendSuggestionCreate",
    "FriendSuggestionDelete",
    "GameInviteCreate",
    "GameInviteDelete",
    "GameInviteDeleteMany",
    "GameRelationshipAdd",
    "GameRelationshipRemove",
    "GameServerCreate",
    "GameServerDelete",
    "GameServerUpdate",
    "GatewayEvent",
    "GenericPushNotificationSent",
    "GiftCodeCreate",
    "GiftCodeUpdate",
    "GuildApplicationCommandIndexUpdate",
    "GuildAppliedBoostsUpdate",
    "GuildAuditLogEntryCreate",
    "GuildBanAdd",
    "GuildBanRemove",
    "GuildCreate",
    "GuildDelete",
    "GuildDirectoryEntryCreate",
    "GuildDirectoryEntryDelete",
    "GuildDirectoryEntryUpdate",
    "GuildEmojisUpdate",
    "GuildFeatureAck",
    "GuildIntegrationsUpdate",
    "GuildJoinRequestCreate",
    "GuildJoinRequestDelete",
    "GuildJoinRequestUpdate",
    "GuildMemberAdd",
    "GuildMemberRemove",
    "GuildMemberUpdate",
    "GuildMembersChunk",
    "GuildOfficialGameApplicationsUpdate",
    "GuildPowerupEntitlementsCreate",
    "GuildPowerupEntitlementsDelete",
    "GuildRoleCreate",
    "GuildRoleDelete",
    "GuildRoleUpdate",
    "GuildScheduledEventCreate",
    "GuildScheduledEventDelete",
    "GuildScheduledEventExceptionCreate",
    "GuildScheduledEventExceptionDelete",
    "GuildScheduledEventExceptionUpdate",
    "GuildScheduledEventExceptionsDelete",
    "GuildScheduledEventUpdate",
    "GuildScheduledEventUserAdd",
    "GuildScheduledEventUserRemove",
    "GuildSoundboardSoundCreate",
    "GuildSoundboardSoundDelete",
    "GuildSoundboardSoundUpdate",
    "GuildSoundboardSoundsUpdate",
    "GuildStickersUpdate",
    "GuildUpdate",
    "HeartbeatAck",
    "IntegrationCreate",
    "IntegrationDelete",
    "IntegrationUpdate",
    "InteractionCreate",
    "InteractionFailure",
    "InteractionIframeModalCreate",
    "InteractionModalCreate",
    "InteractionSuccess",
    "InviteCreate",
    "InviteDelete",
    "LastMessages",
    "LobbyCreate",
    "LobbyDelete",
    "LobbyMemberAdd",
    "LobbyMemberRemove",
    "LobbyMemberUpdate",
    "LobbyMessageCreate",
    "LobbyMessageDelete",
    "LobbyMessageUpdate",
    "LobbyUpdate",
    "LobbyVoiceServerUpdate",
    "LobbyVoiceStateUpdate",
    "MessageAck",
    "MessageCreate",
    "MessageDelete",
    "MessageDeleteBulk",
    "MessagePollVoteAdd",
    "MessagePollVoteRemove",
    "MessageReactionAdd",
    "MessageReactionAddMany",
    "MessageReactionRemove",
    "MessageReactionRemoveAll",
    "MessageReactionRemoveEmoji",
    "MessageUpdate",
    "Misfit",
    "NotificationCenterItemCompleted",
    "NotificationCenterItemCreate",
    "NotificationCenterItemDelete",
    "NotificationCenterItemsAck",
    "NotificationSettingsUpdate",
    "OAuth2TokenCreate",
    "OAuth2TokenDelete",
    "OAuth2TokenRevoke",
    "Object",
    "ParseError",
    "PassiveUpdateV1",
    "PassiveUpdateV2",
    "PaymentUpdate",
    "PresenceUpdate",
    "QuestsUserCompletionUpdate",
    "QuestsUserStatusUpdate",
    "RateLimited",
    "ReactionNotificationSent",
    "Ready",
    "ReadySupplemental",
    "RecentMentionDelete",
    "Reconnect",
    "RelationshipAdd",
    "RelationshipRemove",
    "RelationshipUpdate",
    "RemoteCommand",
    "Resumed",
    "SavedMessageCreate",
    "SavedMessageDelete",
    "SessionsReplace",
    "Snowflake",
    "SocialLayerSkuPurchaseEligibilityResponse",
    "SoundboardSounds",
    "SpeedTestCreate",
    "SpeedTestDelete",
    "SpeedTestServerUpdate",
    "SpeedTestUpdate",
    "StageInstanceCreate",
    "StageInstanceDelete",
    "StageInstanceUpdate",
    "StreamCreate",
    "StreamDelete",
    "StreamServerUpdate",
    "StreamUpdate",
    "SubscriptionCreate",
    "SubscriptionDelete",
    "SubscriptionUpdate",
    "ThreadCreate",
    "ThreadDelete",
    "ThreadListSync",
    "ThreadMemberUpdate",
    "ThreadMembersUpdate",
    "ThreadUpdate",
    "TypingStart",
    "UnixTime",
    "UnknownEvent",
    "UserApplicationIdentityRemove",
    "UserApplicationIdentityUpdate",
    "UserApplicationRemove",
    "UserApplicationUpdate",
    "UserConnectionsUpdate",
    "UserGuildSettingsUpdate",
    "UserMergeOperationCompleted",
    "UserNonChannelAck",
    "UserNoteUpdate",
    "UserPaymentBrowserCheckoutDone",
    "UserPaymentClientAdd",
    "UserPaymentSourcesUpdate",
    "UserPremiumGuildSubscriptionSlotCreate",
    "UserPremiumGuildSubscriptionSlotDelete",
    "UserPremiumGuildSubscriptionSlotUpdate",
    "UserRequiredActionUpdate",
    "UserSettingsProtoUpdate",
    "UserSettingsUpdate",
    "UserSubscriptionsUpdate",
    "UserUpdate",
    "VirtualCurrencyBalanceUpdate",
    "VoiceChannelEffectSend",
    "VoiceChannelStartTimeUpdate",
    "VoiceChannelStatusUpdate",
    "VoiceServerUpdate",
    "VoiceStateUpdate",
    "VoiceStateUpdateBatch",
    "WebhooksUpdate",
    "decode",
    "snowflake_time",
]


def __getattr__(name: str) -> type[GatewayEvent]:
    # Programs written for 0.1 import the base of all events by the name that Subscriber's has too.
    if name == "Event":
        warnings.warn(
            "cluster.events.Event is GatewayEvent now", DeprecationWarning, stacklevel=2
        )
        return GatewayEvent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
