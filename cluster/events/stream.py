"""Streams and speed tests."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.gateway import StreamDeleteReason
from cluster.events.objects.voice import Stream


@dispatch("STREAM_CREATE", "Stream")
class StreamCreate(Dispatch):
    """A stream began, or the account watches it."""

    stream: Payload[Stream]


@dispatch("STREAM_UPDATE", "Stream")
class StreamUpdate(Dispatch):
    """A stream was changed, or other people watch it."""

    stream: Payload[Stream]


@dispatch("STREAM_DELETE", "Stream")
class StreamDelete(Dispatch):
    """A stream has ended, or an outage took it away."""

    stream_key: str
    reason: StreamDeleteReason
    unavailable: bool | Absent = UNSET


@dispatch("STREAM_SERVER_UPDATE", "Stream")
class StreamServerUpdate(Dispatch):
    """Where to connect for a stream, and with which token."""

    token: str
    stream_key: str
    endpoint: str | None
    """Host of the server; None: it has gone away, wait for another."""
    guild_id: Snowflake | Absent | None = UNSET


@dispatch("SPEED_TEST_CREATE", "Stream", listed=False)
class SpeedTestCreate(Dispatch):
    """A speed test began."""

    stream: Payload[Stream]


@dispatch("SPEED_TEST_UPDATE", "Stream", listed=False)
class SpeedTestUpdate(Dispatch):
    """A speed test was changed."""

    stream: Payload[Stream]


@dispatch("SPEED_TEST_DELETE", "Stream", listed=False)
class SpeedTestDelete(Dispatch):
    """A speed test has ended."""

    stream_key: str
    reason: StreamDeleteReason
    unavailable: bool | Absent = UNSET


@dispatch("SPEED_TEST_SERVER_UPDATE", "Stream", listed=False)
class SpeedTestServerUpdate(Dispatch):
    """Where to connect for a speed test, and with which token."""

    token: str
    stream_key: str
    endpoint: str | None
    """Host of the server; None: it has gone away, wait for another."""
