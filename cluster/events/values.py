"""Ids and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

Snowflake = int
"""An id: 64 bits, a decimal string in Discord's JSON."""

_DISCORD_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)


def snowflake_time(snowflake: Snowflake) -> datetime:
    """Return when an id was made. Source: Discord's "API Reference", "Snowflakes"."""
    return _DISCORD_EPOCH + timedelta(milliseconds=snowflake >> 22)


class UnixTime(datetime):
    """A time that Discord writes as a number of seconds, or of milliseconds, since 1970."""


_EPOCH: Final = UnixTime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = UnixTime(1, 1, 1, tzinfo=UTC)
_LAST: Final = UnixTime(9999, 12, 31, tzinfo=UTC)
_FAR: Final = 1e18
_MILLISECONDS_FROM: Final = 1e11
"""A number from here on is taken for milliseconds: as seconds it would be the year 5138."""


def read_unix_time(kind: type, value: Any) -> UnixTime:
    """Return a JSON value as a UnixTime, for msgspec's decoders. Clients may write any number into
    an activity: one that no `datetime` can hold becomes the first or last that one can. ValueError
    for what is no time."""
    if kind is not UnixTime:
        raise NotImplementedError(kind)  # msgspec's word for a type that a hook does not know
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return _read_text(value)
    elif isinstance(value, int | float):
        number = float(max(-_FAR, min(value, _FAR)))  # an int may be larger than any float
    else:
        raise ValueError(f"Expected a time, got `{type(value).__name__}`")
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return _FIRST if number < 0 else _LAST


def _read_text(text: str) -> UnixTime:
    try:
        read = UnixTime.fromisoformat(text)
    except ValueError:  # its text quotes what it is about, however long that is
        raise ValueError("Expected a time, got a text that is none") from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)
