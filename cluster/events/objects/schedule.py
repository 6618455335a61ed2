"""Scheduled events, stages and hub directories."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.guilds import (
    DirectoryEntryType,
    HubCategory,
    PrivacyLevel,
    RecurrenceFrequency,
    ScheduledEventEntityType,
    ScheduledEventResponse,
    ScheduledEventStatus,
    Weekday,
)
from cluster.events.objects.guilds import DirectoryGuild, PartialGuild
from cluster.events.objects.members import Member
from cluster.events.objects.users import User


class EntityMetadata(Object):
    """Where an event outside of Discord takes place."""

    location: str | Absent | None = UNSET


class NWeekday(Object):
    """A weekday of a month: the second Tuesday."""

    n: int
    day: Weekday


class RecurrenceRule(Object):
    """When an event repeats, as a part of iCalendar's rules."""

    start: datetime
    end: datetime | Absent | None = UNSET
    frequency: RecurrenceFrequency
    interval: int
    by_weekday: list[Weekday] | Absent | None = UNSET
    by_n_weekday: list[NWeekday] | Absent | None = UNSET
    by_month: list[int] | Absent | None = UNSET
    by_month_day: list[int] | Absent | None = UNSET
    by_year_day: list[int] | Absent | None = UNSET
    count: int | Absent | None = UNSET


class ScheduledEventException(Object):
    """An occurrence of a repeated event that was moved or cancelled."""

    event_id: Snowflake
    event_exception_id: Snowflake
    is_canceled: bool
    scheduled_start_time: datetime | None
    scheduled_end_time: datetime | None


class ScheduledEvent(Object):
    """A scheduled event of a guild."""

    id: Snowflake
    guild_id: Snowflake
    channel_id: Snowflake | None
    creator_id: Snowflake | Absent | None = UNSET
    creator: User | Absent = UNSET
    name: str
    description: str | Absent | None = UNSET
    scheduled_start_time: datetime
    scheduled_end_time: datetime | None
    auto_start: bool | Absent = UNSET
    privacy_level: PrivacyLevel
    status: ScheduledEventStatus
    entity_type: ScheduledEventEntityType
    entity_id: Snowflake | None
    entity_metadata: EntityMetadata | None
    user_count: int | Absent = UNSET
    image: str | Absent | None = UNSET
    recurrence_rule: RecurrenceRule | Absent | None = UNSET
    guild_scheduled_event_exceptions: list[ScheduledEventException] | Absent = UNSET


class ScheduledEventUser(Object):
    """Somebody who is interested in a scheduled event."""

    guild_scheduled_event_id: Snowflake
    guild_scheduled_event_exception_id: Snowflake | Absent = UNSET
    response: ScheduledEventResponse | Absent = UNSET
    user_id: Snowflake | Absent = UNSET
    user: User | Absent = UNSET
    member: Member | Absent = UNSET


class DirectoryScheduledEvent(Object):
    """A scheduled event in a hub's directory."""

    guild: PartialGuild
    user_rsvp: bool | Absent = UNSET


class DirectoryEntry(Object):
    """An entry of a hub's directory: a guild, or a scheduled event."""

    type: DirectoryEntryType
    directory_channel_id: Snowflake
    entity_id: Snowflake
    created_at: datetime
    primary_category_id: HubCategory | Absent = UNSET
    description: str | None
    author_id: Snowflake
    guild: DirectoryGuild | Absent = UNSET
    guild_scheduled_event: DirectoryScheduledEvent | Absent = UNSET


class StageInstance(Object):
    """A stage that is live."""

    id: Snowflake
    guild_id: Snowflake
    channel_id: Snowflake
    topic: str
    """What the stage is about."""
    privacy_level: PrivacyLevel
    invite_code: str | Absent | None = UNSET
    discoverable_disabled: bool | Absent = UNSET
    """Deprecated."""
    guild_scheduled_event_id: Snowflake | None
