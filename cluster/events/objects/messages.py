"""Messages, and what belongs to them."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import ApplicationCommandType, InteractionType
from cluster.events.enums.messages import (
    EphemeralityReason,
    MessageFlags,
    MessagePurchaseNotificationType,
    MessageReferenceType,
    MessageType,
    PotionType,
    SummarySource,
    SummaryType,
)
from cluster.events.enums.presences import ActivityActionType
from cluster.events.enums.settings import BaseTheme
from cluster.events.objects.attachments import Attachment, Reaction
from cluster.events.objects.channels import Channel
from cluster.events.objects.components import Component
from cluster.events.objects.embeds import Embed
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker, StickerItem
from cluster.events.objects.integrations import IntegrationApplication
from cluster.events.objects.lobbies import LobbyMember
from cluster.events.objects.members import Member, MentionedUser, Role
from cluster.events.objects.polls import Poll
from cluster.events.objects.users import User


class MessageActivity(Object):
    """An invitation to what the author does."""

    type: ActivityActionType
    session_id: str | Absent = UNSET
    party_id: str | Absent = UNSET
    name_override: str | Absent = UNSET
    icon_override: str | Absent = UNSET


class MessageCall(Object):
    """The call that a message tells of."""

    participants: list[Snowflake]
    ended_timestamp: datetime | Absent | None = UNSET


class ForwardOnly(Object):
    """Which parts were forwarded."""

    embed_indices: list[int] | Absent = UNSET
    attachment_ids: list[Snowflake] | Absent = UNSET


class MessageReference(Object):
    """The message that this one answers, forwards or tells of."""

    type: MessageReferenceType | Absent = UNSET
    message_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    fail_if_not_exists: bool | Absent = UNSET
    forward_only: ForwardOnly | Absent = UNSET


class RoleSubscription(Object):
    """What was subscribed to."""

    role_subscription_listing_id: Snowflake
    tier_name: str
    total_months_subscribed: int
    is_renewal: bool


class GuildProductPurchase(Object):
    """What was bought in a guild."""

    listing_id: Snowflake
    product_name: str


class PurchaseNotification(Object):
    """That something was bought."""

    type: MessagePurchaseNotificationType
    guild_product_purchase: GuildProductPurchase | Absent | None = UNSET


class GiftSound(Object):
    """The sound of a gift."""

    id: str


class GiftInfo(Object):
    """How a gift is shown."""

    emoji: Emoji | Absent = UNSET
    sound: GiftSound | Absent = UNSET


class Potion(Object):
    """A potion that was used on a message."""

    used_by: Snowflake
    type: PotionType
    emoji: list[Emoji]
    created_at: datetime


class SharedClientTheme(Object):
    """Colours for the client, sent to others."""

    colors: list[str] | Absent = UNSET
    gradient_angle: int | Absent = UNSET
    base_mix: int | Absent = UNSET
    base_theme: BaseTheme | Absent | None = UNSET


class PartialMessageInteraction(Object):
    """The interaction that a message answers (the older form)."""

    id: Snowflake
    type: InteractionType
    name: str
    user: User


class MessageInteraction(Object):
    """The interaction that a message answers."""

    id: Snowflake
    type: InteractionType
    name: str | Absent = UNSET
    command_type: ApplicationCommandType | Absent = UNSET
    ephemerality_reason: EphemeralityReason | Absent = UNSET
    user: User | Absent = UNSET
    authorizing_integration_owners: dict[int, Snowflake] | Absent = UNSET
    original_response_message_id: Snowflake | Absent = UNSET
    interacted_message_id: Snowflake | Absent = UNSET
    triggering_interaction_metadata: MessageInteraction | Absent = UNSET
    target_user: User | Absent = UNSET
    target_message_id: Snowflake | Absent = UNSET


class SnapshotMessage(Object):
    """A message as it was when it was forwarded."""

    content: str
    timestamp: datetime
    edited_timestamp: datetime | None
    mentions: list[User] | Absent = UNSET
    mention_roles: list[Snowflake] | Absent = UNSET
    attachments: list[Attachment]
    embeds: list[Embed]
    type: MessageType | Absent = UNSET
    flags: MessageFlags | Absent = UNSET
    components: list[Component] | Absent = UNSET
    resolved: ResolvedData | Absent = UNSET
    sticker_items: list[StickerItem] | Absent = UNSET
    soundboard_sounds: list[SoundboardSound] | Absent = UNSET


class MessageSnapshot(Object):
    """A forwarded message."""

    message: SnapshotMessage


class ResolvedData(Object):
    """Whom and what an interaction or message names, by id."""

    users: dict[Snowflake, User] | Absent = UNSET
    members: dict[Snowflake, Member] | Absent = UNSET
    roles: dict[Snowflake, Role] | Absent = UNSET
    channels: dict[Snowflake, Channel] | Absent = UNSET
    messages: dict[Snowflake, Message] | Absent = UNSET
    attachments: dict[Snowflake, Attachment] | Absent = UNSET


class PartialMessage(Object):
    """A message of which perhaps only a part is told: after an edit, or in a lobby."""

    id: Snowflake
    channel_id: Snowflake
    lobby_id: Snowflake | Absent = UNSET
    author: User | Absent = UNSET
    content: str | Absent = UNSET
    """The message's text; empty for a bot without the Message Content intent."""
    timestamp: datetime | Absent = UNSET
    edited_timestamp: datetime | Absent | None = UNSET
    """When the message was last edited; None: never."""
    tts: bool | Absent = UNSET
    mention_everyone: bool | Absent = UNSET
    mentions: list[MentionedUser] | Absent = UNSET
    mention_roles: list[Snowflake] | Absent = UNSET
    mention_channels: list[Channel] | Absent = UNSET
    attachments: list[Attachment] | Absent = UNSET
    embeds: list[Embed] | Absent = UNSET
    reactions: list[Reaction] | Absent = UNSET
    nonce: int | str | Absent = UNSET
    """What the client that sent the message put there to know it again."""
    pinned: bool | Absent = UNSET
    webhook_id: Snowflake | Absent = UNSET
    type: MessageType | Absent = UNSET
    activity: MessageActivity | Absent = UNSET
    application: IntegrationApplication | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    flags: MessageFlags | Absent = UNSET
    message_reference: MessageReference | Absent = UNSET
    referenced_message: Message | Absent | None = UNSET
    """The message that this one refers to; None: it was deleted; absent: it was not looked up."""
    message_snapshots: list[MessageSnapshot] | Absent = UNSET
    call: MessageCall | Absent = UNSET
    interaction: PartialMessageInteraction | Absent = UNSET
    """Deprecated."""
    interaction_metadata: MessageInteraction | Absent = UNSET
    resolved: ResolvedData | Absent = UNSET
    thread: Channel | Absent = UNSET
    role_subscription_data: RoleSubscription | Absent = UNSET
    purchase_notification: PurchaseNotification | Absent = UNSET
    gift_info: GiftInfo | Absent = UNSET
    components: list[Component] | Absent = UNSET
    sticker_items: list[StickerItem] | Absent = UNSET
    stickers: list[Sticker] | Absent = UNSET
    poll: Poll | Absent = UNSET
    changelog_id: Snowflake | Absent = UNSET
    soundboard_sounds: list[SoundboardSound] | Absent = UNSET
    potions: list[Potion] | Absent = UNSET
    shared_client_theme: SharedClientTheme | Absent = UNSET
    position: int | Absent = UNSET
    lobby_member: LobbyMember | Absent = UNSET
    """The author's additional name, in a lobby or a channel that is linked to one."""


class Message(PartialMessage):
    """A message."""

    author: User
    content: str
    timestamp: datetime
    edited_timestamp: datetime | None
    tts: bool
    mention_everyone: bool
    mentions: list[MentionedUser]
    mention_roles: list[Snowflake]
    attachments: list[Attachment]
    embeds: list[Embed]
    pinned: bool
    type: MessageType


class ConversationSummary(Object):
    """What people talked about."""

    id: Snowflake
    topic: str
    summ_short: str
    message_ids: list[Snowflake]
    people: list[Snowflake]
    unsafe: bool
    start_id: Snowflake
    end_id: Snowflake
    count: int
    source: SummarySource
    type: SummaryType


class SaveData(Object):
    """What is kept of a saved message."""

    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    saved_at: datetime
    author_summary: str
    channel_summary: str
    message_summary: str
    notes: str
    due_at: datetime | None


class SavedMessage(Object):
    """A saved message; None if it can't be seen any more."""

    message: Message | None
    save_data: SaveData
