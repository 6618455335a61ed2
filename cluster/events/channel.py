"""Channels: pins, recipients, typing, webhooks."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, UnixTime, dispatch
from cluster.events.objects.channels import Channel
from cluster.events.objects.members import Member
from cluster.events.objects.messages import ConversationSummary
from cluster.events.objects.reading import ChannelMetadata, ChannelStatus, ChannelUnread
from cluster.events.objects.users import User


@dispatch("CHANNEL_CREATE", "Channel")
class ChannelCreate(Dispatch):
    """A channel was created, or a private channel opened."""

    channel: Payload[Channel]
    origin_channel_id: Snowflake | Absent = UNSET


@dispatch("CHANNEL_UPDATE", "Channel")
class ChannelUpdate(Dispatch):
    """A channel was changed (not its last message, nor its status)."""

    channel: Payload[Channel]


@dispatch("CHANNEL_DELETE", "Channel")
class ChannelDelete(Dispatch):
    """A channel was deleted, or a private channel closed."""

    channel: Payload[Channel]


@dispatch("CHANNEL_STATUSES", "Channel")
class ChannelStatuses(Dispatch):
    """The statuses of voice channels, as asked for (op 36). Deprecated, as that op is: op 43 asks
    for them, and CHANNEL_INFO is its answer."""

    guild_id: Snowflake
    channels: list[ChannelStatus]


@dispatch("CHANNEL_SYNC", "Channel", listed=False)
class ChannelSync(Dispatch):
    """The channels of a guild, as asked for (op 38)."""

    guild_id: Snowflake
    channels: list[Channel] | Absent = UNSET
    integrity_check: bool


@dispatch("CHANNEL_UPDATE_PARTIAL", "Channel", listed=False)
class ChannelUpdatePartial(Dispatch):
    """What is unread of a channel (OAuth2 sessions)."""

    channel: Payload[ChannelUnread]


@dispatch("CHANNEL_INFO", "Channel", listed=False)
class ChannelInfo(Dispatch):
    """Status and start time of voice channels, as asked for (op 43)."""

    guild_id: Snowflake
    channels: list[ChannelMetadata]


@dispatch("CHANNEL_MEMBER_COUNT_UPDATE", "Channel", listed=False)
class ChannelMemberCountUpdate(Dispatch):
    """How many members see a channel, as asked for (op 39)."""

    guild_id: Snowflake
    channel_id: Snowflake
    member_count: int
    presence_count: int


@dispatch("CHANNEL_UNREAD_UPDATE", "Channel", listed=False)
class ChannelUnreadUpdate(Dispatch):
    """What is unread in a guild that the session is not subscribed to."""

    guild_id: Snowflake
    channel_unread_updates: list[ChannelUnread]


@dispatch("CREATOR_MONETIZATION_RESTRICTIONS_UPDATE", "Channel", listed=False)
class CreatorMonetizationRestrictionsUpdate(Dispatch):
    """What a guild may not do to earn money."""

    guild_id: Snowflake
    restrictions: list[int] | None


@dispatch("CONVERSATION_SUMMARY_UPDATE", "Channel/Conversation")
class ConversationSummaryUpdate(Dispatch):
    """Summaries of conversations that are new or changed."""

    guild_id: Snowflake
    channel_id: Snowflake
    summaries: list[ConversationSummary]
    """Summaries that are new or changed."""


@dispatch("CHANNEL_PINS_UPDATE", "Channel/Pin")
class ChannelPinsUpdate(Dispatch):
    """A message was pinned or unpinned."""

    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake
    last_pin_timestamp: datetime | Absent | None = UNSET


@dispatch("CHANNEL_PINS_ACK", "Channel/Pin", listed=False)
class ChannelPinsAck(Dispatch):
    """The account has seen a channel's pins."""

    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake
    timestamp: datetime
    version: int


@dispatch("CHANNEL_RECIPIENT_ADD", "Channel/Recipient")
class ChannelRecipientAdd(Dispatch):
    """Somebody joined a group."""

    channel_id: Snowflake
    user: User
    nick: str | Absent = UNSET


@dispatch("CHANNEL_RECIPIENT_REMOVE", "Channel/Recipient")
class ChannelRecipientRemove(Dispatch):
    """Somebody left a group."""

    channel_id: Snowflake
    user: User


@dispatch("TYPING_START", "Channel/Typing")
class TypingStart(Dispatch):
    """Somebody began to type."""

    channel_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    user_id: Snowflake
    timestamp: UnixTime
    member: Member | Absent = UNSET


@dispatch("DM_SETTINGS_UPSELL_SHOW", "Channel/DM")
class DmSettingsUpsellShow(Dispatch):
    """A message request was refused; the client may show the settings for those of this guild."""

    guild_id: Snowflake


@dispatch("WEBHOOKS_UPDATE", "Channel/Webhook")
class WebhooksUpdate(Dispatch):
    """A channel's webhooks were changed."""

    guild_id: Snowflake
    channel_id: Snowflake
