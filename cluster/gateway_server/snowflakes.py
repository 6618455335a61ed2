"""Snowflakes as clients write them."""

from __future__ import annotations

from typing import Any, Final

from cluster.commands.checks import MAX_SNOWFLAKE

_MOST_DIGITS: Final = 20


def snowflake(value: Any) -> int | None:
    """Read a snowflake, which clients write as a string or, discord.py among them, as a number.
    None: it is none."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdecimal()) or len(value) > _MOST_DIGITS:
            return None
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_SNOWFLAKE else None


def is_snowflake(value: Any) -> bool:
    """Return whether this is one."""
    return snowflake(value) is not None
