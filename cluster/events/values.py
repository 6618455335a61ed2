"""Ids and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

Snowflake = int
"""An id: 64 bits, a decimal string in Discord's JSON."""

_DISCORD_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)


def snowflake_time(snowflake: Snowflake) -> datetime:
    """When an id was made. Source: Discord's "API Reference", "Snowflakes"."""
    return _DISCORD_EPOCH + timedelta(milliseconds=snowflake >> 22)


class UnixTime(datetime):
    """A time that Discord writes as a number of seconds, or of milliseconds, since 1970."""


_EPOCH: Final = UnixTime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = UnixTime(1, 1, 1, tzinfo=UTC)
_LAST: Final = UnixTime(9999, 12, 31, tzinfo=UTC)
_MILLISECONDS_FROM: Final = 1e11
"""So many seconds would be the year 5138."""


def read_unix_time(kind: type, value: Any) -> UnixTime:
    """For msgspec's decoders. Clients may write any number into an activity: what no `datetime`
    can be is the first or last one that can. Raises ValueError for what is no time."""
    if kind is not UnixTime:
        raise NotImplementedError(kind)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return UnixTime.fromisoformat(value)
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _FIRST if number < 0 else _LAST
