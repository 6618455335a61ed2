"""What was read, and what is new."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake, UnixTime
from cluster.events.enums.settings import ReadStateFlags, ReadStateType


class ReadState(Object):
    """How far the account has read."""

    id: Snowflake
    read_state_type: ReadStateType | Absent = UNSET
    last_message_id: Snowflake | Absent = UNSET
    last_acked_id: Snowflake | Absent = UNSET
    mention_count: int | Absent = UNSET
    badge_count: int | Absent = UNSET
    last_pin_timestamp: datetime | Absent = UNSET
    flags: ReadStateFlags | Absent = UNSET
    last_viewed: int | Absent | None = UNSET
    """When it was last looked at: days since 1 January 2015."""


class ChannelUnread(Object):
    """What is new in a channel."""

    id: Snowflake
    last_message_id: Snowflake | None
    last_pin_timestamp: datetime | Absent | None = UNSET


class ForumUnread(Object):
    """How much is unread in a thread."""

    thread_id: Snowflake
    missing: bool | Absent = UNSET
    """Set where the thread is not there."""
    count: int | Absent | None = UNSET
    """Messages after the one that was read last."""


class ChannelStatus(Object):
    """A voice channel's status."""

    id: Snowflake
    status: str


class ChannelMetadata(Object):
    """What was asked for of a channel."""

    id: Snowflake
    status: str | Absent | None = UNSET
    voice_start_time: UnixTime | Absent | None = UNSET
