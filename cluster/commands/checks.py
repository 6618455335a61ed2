"""Checks of commands' arguments. Each returns what is sent; CommandError names the argument."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal, NoReturn, get_args

from cluster.errors import CommandError

MAX_SNOWFLAKE: Final = (1 << 64) - 1
_DECIMAL: Final = re.compile(r"[0-9]{1,20}")
StreamType = Literal["guild", "call", "test"]
STREAM_TYPES: Final[tuple[StreamType, ...]] = get_args(StreamType)
_STREAM_KEY: Final = re.compile(
    r"guild:[0-9]{1,20}:[0-9]{1,20}:[0-9]{1,20}|(call|test)(:[0-9]{1,20}){1,2}"
)
MAX_REGION: Final = 64
MAX_SHOWN: Final = 60
MAX_S: Final = 86_400


def refuse(argument: str, value: object, what: str) -> NoReturn:
    """Raise CommandError: this value is not what it may be."""
    shown = repr(value)
    if len(shown) > MAX_SHOWN:
        shown = shown[:MAX_SHOWN] + "..."
    raise CommandError(f"{argument} is {shown}", f"give {what}", argument)


def snowflake(argument: str, value: object) -> str:
    """Return an id as Discord writes it, a decimal string, from an int or a string of digits."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_SNOWFLAKE:
        return str(int(value))
    if isinstance(value, str) and _DECIMAL.fullmatch(value) and 0 < int(value) <= MAX_SNOWFLAKE:
        return str(int(value))
    refuse(argument, value, "a snowflake: a positive whole number of at most 64 bits")


def optional_snowflake(argument: str, value: object) -> str | None:
    """Return an id as Discord writes it; None stays None."""
    return None if value is None else snowflake(argument, value)


def snowflakes(argument: str, values: Iterable[object], most: int | None = None) -> list[str]:
    """Return ids as Discord writes them: at least one, at most so many."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        refuse(argument, values, "a list of snowflakes")
    ids = [snowflake(f"{argument}[{n}]", value) for n, value in enumerate(values)]
    if not ids:
        refuse(argument, ids, "at least one snowflake")
    if most is not None and len(ids) > most:
        raise CommandError(
            f"{argument} has {len(ids)} ids, and Discord takes {most}", "ask in parts", argument
        )
    return ids


def flag(argument: str, value: object) -> bool:
    """Return the value, which must be True or False."""
    if not isinstance(value, bool):
        refuse(argument, value, "True or False")
    return value


def number(argument: str, value: object, least: int = 0, most: int = (1 << 53) - 1) -> int:
    """Return the value, which must be a whole number between two."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        refuse(argument, value, f"a whole number from {least} to {most}")
    return int(value)


def seconds(argument: str, value: object) -> float:
    """Return a number of seconds, which must be more than none and not for ever."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_S:
        refuse(argument, value, f"seconds: a number above 0, at most {MAX_S:,}")
    return float(value)


def text(argument: str, value: object, most: int, least: int = 0) -> str:
    """Return a text, which may have so many characters at most."""
    if not isinstance(value, str) or not least <= len(value) <= most:
        refuse(argument, value, f"a text of {least} to {most} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        refuse(argument, value, "a text without half surrogates")
    return value


def one_of(argument: str, value: object, known: Collection[str]) -> str:
    """Return the value, which must be one of these words."""
    if not isinstance(value, str) or value not in known:
        refuse(argument, value, f"one of {', '.join(known)}")
    return value


def stream_key(value: object) -> str:
    """Return a stream key: ``guild:GUILD:CHANNEL:OWNER`` or ``call:CHANNEL:OWNER``."""
    if not isinstance(value, str) or not _STREAM_KEY.fullmatch(value):
        refuse("stream_key", value, "guild:GUILD:CHANNEL:OWNER or call:CHANNEL:OWNER")
    return value


def region(argument: str, value: object) -> str:
    """Return the id of a voice region."""
    return text(argument, value, MAX_REGION, 1)


def regions(argument: str, values: Iterable[object]) -> list[str]:
    """Return ids of voice regions, the best first."""
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        refuse(argument, values, "a list of voice regions")
    return [region(f"{argument}[{n}]", value) for n, value in enumerate(values)]


def nonce(value: object) -> str:
    """Return a nonce of at most 32 bytes: Discord ignores a longer one, and its answers would not
    be known again."""
    if not isinstance(value, str) or not value or len(value.encode(errors="replace")) > 32:
        refuse("nonce", value, "a text of 1 to 32 bytes")
    return text("nonce", value, 32)
