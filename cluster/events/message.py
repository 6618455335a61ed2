"""Messages, reactions and polls."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.channels import ChannelType
from cluster.events.enums.messages import ReactionType
from cluster.events.enums.settings import ReadStateFlags, ReadStateType
from cluster.events.objects.attachments import DebouncedReaction, DebouncedVote
from cluster.events.objects.expressions import Emoji
from cluster.events.objects.members import Member
from cluster.events.objects.messages import Message, PartialMessage, SavedMessage


@dispatch("MESSAGE_CREATE", "Message")
class MessageCreate(Dispatch):
    """A message was sent."""

    message: Payload[Message]
    channel_type: ChannelType | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    metadata: dict[str, str] | Absent = UNSET
    moderation_metadata: dict[str, str] | Absent = UNSET


@dispatch("MESSAGE_UPDATE", "Message")
class MessageUpdate(Dispatch):
    """A message was edited, or its embeds came."""

    message: Payload[PartialMessage]
    channel_type: ChannelType | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    metadata: dict[str, str] | Absent = UNSET
    moderation_metadata: dict[str, str] | Absent = UNSET


@dispatch("MESSAGE_DELETE", "Message")
class MessageDelete(Dispatch):
    """A message was deleted."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    lobby_id: Snowflake | Absent = UNSET
    """The lobby that the channel is linked to."""


@dispatch("MESSAGE_DELETE_BULK", "Message")
class MessageDeleteBulk(Dispatch):
    """Several messages were deleted at once."""

    ids: list[Snowflake]
    channel_id: Snowflake
    guild_id: Snowflake | Absent = UNSET


@dispatch("MESSAGE_ACK", "Message")
class MessageAck(Dispatch):
    """The account has read a channel up to a message."""

    ack_type: ReadStateType | Absent = UNSET
    channel_id: Snowflake
    message_id: Snowflake
    manual: bool | Absent = UNSET
    mention_count: int | Absent | None = UNSET
    flags: ReadStateFlags | Absent | None = UNSET
    last_viewed: int | Absent | None = UNSET
    """When the channel was last looked at: days since 1 January 2015."""
    version: int | Absent = UNSET


@dispatch("LAST_MESSAGES", "Message")
class LastMessages(Dispatch):
    """The last messages of channels, as asked for (op 34)."""

    guild_id: Snowflake
    messages: list[Message]


@dispatch("SAVED_MESSAGE_CREATE", "Message", listed=False)
class SavedMessageCreate(Dispatch):
    """A message was saved for later."""

    saved_message: Payload[SavedMessage]


@dispatch("SAVED_MESSAGE_DELETE", "Message", listed=False)
class SavedMessageDelete(Dispatch):
    """A message is saved no more."""

    channel_id: Snowflake
    message_id: Snowflake


@dispatch("MESSAGE_REACTION_ADD", "Message/Reactions")
class MessageReactionAdd(Dispatch):
    """Somebody reacted to a message."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    message_author_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    emoji: Emoji
    type: ReactionType | Absent = UNSET
    burst: bool | Absent = UNSET
    """Set for a super reaction."""
    burst_colors: list[str] | Absent = UNSET
    """Colours of a super reaction, as "#rrggbb"."""


@dispatch("MESSAGE_REACTION_REMOVE", "Message/Reactions")
class MessageReactionRemove(Dispatch):
    """Somebody took a reaction back."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    emoji: Emoji
    type: ReactionType | Absent = UNSET
    burst: bool | Absent = UNSET
    """Set for a super reaction."""


@dispatch("MESSAGE_REACTION_ADD_MANY", "Message/Reactions")
class MessageReactionAddMany(Dispatch):
    """Several people reacted in a short time (capability DEBOUNCE_MESSAGE_REACTIONS)."""

    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    reactions: list[DebouncedReaction]


@dispatch("MESSAGE_REACTION_REMOVE_EMOJI", "Message/Reactions")
class MessageReactionRemoveEmoji(Dispatch):
    """All reactions with one emoji were removed."""

    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    emoji: Emoji
    burst: bool | Absent = UNSET
    """Set if it was about super reactions."""
    type: ReactionType | Absent = UNSET


@dispatch("MESSAGE_REACTION_REMOVE_ALL", "Message/Reactions")
class MessageReactionRemoveAll(Dispatch):
    """All reactions to a message were removed."""

    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET


@dispatch("REACTION_NOTIFICATION_SENT", "Message/Reactions", listed=False)
class ReactionNotificationSent(Dispatch):
    """Somebody reacted to a message of the account: what its notification says."""

    message: Message
    reactor_user_id: Snowflake
    emoji: Emoji
    title: str
    body: str
    icon: str
    route: str
    tracking_type: str


@dispatch("MESSAGE_POLL_VOTE_ADD", "Message/Poll")
class MessagePollVoteAdd(Dispatch):
    """Somebody voted in a poll."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    answer_id: int


@dispatch("MESSAGE_POLL_VOTE_REMOVE", "Message/Poll")
class MessagePollVoteRemove(Dispatch):
    """Somebody took a vote back."""

    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    answer_id: int


@dispatch("MESSAGE_POLL_VOTE_ADD_MANY", "Message/Poll", listed=False, documented=False)
class MessagePollVoteAddMany(Dispatch):
    """Several people voted in a poll in a short time, as MESSAGE_REACTION_ADD_MANY has it of
    reactions."""

    channel_id: Snowflake | Absent = UNSET
    message_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    votes: list[DebouncedVote] | Absent = UNSET


@dispatch("RECENT_MENTION_DELETE", "Message/Mention")
class RecentMentionDelete(Dispatch):
    """A mention of the account was dismissed."""

    message_id: Snowflake
