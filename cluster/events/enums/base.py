"""What enumerations and flags are made of: values that Discord adds later are no errors.

A value that has no name is still of the class, equal to its number or text, with a ``name`` that
says so; nothing is kept of it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, StrEnum
from typing import Any

__all__ = ["Flags", "OpenInt", "OpenStr"]


class OpenInt(IntEnum):
    """A number of a set that may grow."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int):
            return None
        made = int.__new__(cls, value)
        made._name_ = f"UNKNOWN_{value}"
        made._value_ = value
        return made


class OpenStr(StrEnum):
    """A text of a set that may grow."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = "UNKNOWN"
        made._value_ = value
        return made


class Flags(IntFlag):
    """Bits. Those without a name are kept.

    The standard library's way to make a combination keeps every one that it has met, for ever, and
    takes several microseconds.
    """

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int):
            return None
        made = int.__new__(cls, value)
        made._name_ = None
        made._value_ = value
        return made
