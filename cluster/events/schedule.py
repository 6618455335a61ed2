"""Guilds: scheduled events."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.objects.schedule import (
    ScheduledEvent,
    ScheduledEventException,
    ScheduledEventUser,
)


@dispatch("GUILD_SCHEDULED_EVENT_CREATE", "Guild/Schedule Event")
class GuildScheduledEventCreate(Dispatch):
    """An event was scheduled."""

    scheduled_event: Payload[ScheduledEvent]


@dispatch("GUILD_SCHEDULED_EVENT_UPDATE", "Guild/Schedule Event")
class GuildScheduledEventUpdate(Dispatch):
    """A scheduled event was changed, began or ended."""

    scheduled_event: Payload[ScheduledEvent]


@dispatch("GUILD_SCHEDULED_EVENT_DELETE", "Guild/Schedule Event")
class GuildScheduledEventDelete(Dispatch):
    """A scheduled event was deleted."""

    scheduled_event: Payload[ScheduledEvent]


@dispatch("GUILD_SCHEDULED_EVENT_EXCEPTION_CREATE", "Guild/Schedule Event", listed=False)
class GuildScheduledEventExceptionCreate(Dispatch):
    """One occurrence of a repeated event was moved or cancelled."""

    exception: Payload[ScheduledEventException]


@dispatch("GUILD_SCHEDULED_EVENT_EXCEPTION_UPDATE", "Guild/Schedule Event", listed=False)
class GuildScheduledEventExceptionUpdate(Dispatch):
    """A moved or cancelled occurrence of a repeated event was changed."""

    exception: Payload[ScheduledEventException]


@dispatch("GUILD_SCHEDULED_EVENT_EXCEPTION_DELETE", "Guild/Schedule Event", listed=False)
class GuildScheduledEventExceptionDelete(Dispatch):
    """An occurrence of a repeated event takes place as planned after all."""

    exception: Payload[ScheduledEventException]


@dispatch("GUILD_SCHEDULED_EVENT_EXCEPTIONS_DELETE", "Guild/Schedule Event", listed=False)
class GuildScheduledEventExceptionsDelete(Dispatch):
    """All occurrences of a repeated event take place as planned after all."""

    guild_id: Snowflake
    event_id: Snowflake


@dispatch("GUILD_SCHEDULED_EVENT_USER_ADD", "Guild/Schedule Event")
class GuildScheduledEventUserAdd(Dispatch):
    """Somebody is interested in a scheduled event."""

    subscriber: Payload[ScheduledEventUser]
    guild_id: Snowflake | Absent = UNSET


@dispatch("GUILD_SCHEDULED_EVENT_USER_REMOVE", "Guild/Schedule Event")
class GuildScheduledEventUserRemove(Dispatch):
    """Somebody is no longer interested in a scheduled event."""

    subscriber: Payload[ScheduledEventUser]
    guild_id: Snowflake | Absent = UNSET
