"""Channels: threads."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.channels import ChannelType
from cluster.events.objects.channels import Channel, ThreadMember
from cluster.events.objects.messages import Message
from cluster.events.objects.presences import Presence
from cluster.events.objects.reading import ForumUnread


@dispatch("THREAD_CREATE", "Channel/Thread")
class ThreadCreate(Dispatch):
    """A thread was created, or the account was added to one."""

    channel: Payload[Channel]
    newly_created: bool | Absent = UNSET


@dispatch("THREAD_UPDATE", "Channel/Thread")
class ThreadUpdate(Dispatch):
    """A thread was changed (not its last message)."""

    channel: Payload[Channel]


@dispatch("THREAD_DELETE", "Channel/Thread")
class ThreadDelete(Dispatch):
    """A thread was deleted."""

    id: Snowflake
    guild_id: Snowflake | Absent = UNSET
    parent_id: Snowflake | Absent | None = UNSET
    type: ChannelType | Absent = UNSET


@dispatch("THREAD_LIST_SYNC", "Channel/Thread")
class ThreadListSync(Dispatch):
    """The active threads of channels, after the account was let into them."""

    guild_id: Snowflake
    channel_ids: list[Snowflake] | Absent = UNSET
    threads: list[Channel]
    members: list[ThreadMember]
    most_recent_messages: list[Message] | Absent | None = UNSET


@dispatch("THREAD_MEMBER_UPDATE", "Channel/Thread")
class ThreadMemberUpdate(Dispatch):
    """The account's own membership in a thread was changed."""

    thread_member: Payload[ThreadMember]
    guild_id: Snowflake


@dispatch("THREAD_MEMBERS_UPDATE", "Channel/Thread")
class ThreadMembersUpdate(Dispatch):
    """People were added to or removed from a thread."""

    id: Snowflake
    guild_id: Snowflake
    member_count: int
    """How many members the thread has; Discord counts to 50."""
    added_members: list[ThreadMember] | Absent = UNSET
    removed_member_ids: list[Snowflake] | Absent = UNSET
    member_ids_preview: list[Snowflake] | Absent = UNSET


@dispatch("THREAD_MEMBER_LIST_UPDATE", "Channel/Thread", listed=False, documented=False)
class ThreadMemberListUpdate(Dispatch):
    """The members of a thread whose member list the session is subscribed to (ops 14 and 37)."""

    guild_id: Snowflake | Absent = UNSET
    thread_id: Snowflake | Absent = UNSET
    members: list[ThreadMember] | Absent = UNSET
    presences: list[Presence] | Absent | None = UNSET


@dispatch("FORUM_UNREADS", "Channel/Thread", listed=False, documented=False)
class ForumUnreads(Dispatch):
    """How much is unread in threads of a forum, as asked for (op 28)."""

    guild_id: Snowflake | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    permission_denied: bool | Absent | None = UNSET
    """Set where the account may not view the forum: no threads are told of then."""
    threads: list[ForumUnread] | Absent = UNSET
