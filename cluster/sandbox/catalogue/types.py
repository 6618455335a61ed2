"""The documentation's words for types, read tolerantly into a small tree.

The tables were taken from web pages whose links became brackets: `array[user object]`,
`arraypartial [user object]`, `mapsnowflake, array[[x object]]` all occur.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Scalar(NamedTuple):
    """A value without parts: `kind` is one of snowflake, string, integer, float, boolean, null,
    timestamp, date, localized, any."""

    kind: str


class Ref(NamedTuple):
    """An object, by its name in lower case without "partial" and "object"."""

    name: str
    partial: bool


class Array(NamedTuple):
    """An array of any length."""

    item: Type


class Row(NamedTuple):
    """An array of fixed length with a type for each place."""

    items: tuple[Type, ...]


class Map(NamedTuple):
    """An object with keys of type ``key``."""

    key: Type
    value: Type


class Versioned(NamedTuple):
    """`{"entries": [...], "partial": ..., "version": ...}`."""

    item: Type


class Either(NamedTuple):
    """One of several."""

    choices: tuple[Type, ...]


Type = Scalar | Ref | Array | Row | Map | Versioned | Either

_SCALARS: Final[dict[str, str]] = {
    "snowflake": "snowflake",
    "snowflakes": "snowflake",
    "string": "string",
    "str": "string",
    "stringvalue": "string",
    "fixed64": "snowflake",
    "uint64value": "snowflake",
    "int64value": "snowflake",
    "integer": "integer",
    "number": "integer",
    "float": "float",
    "boolean": "boolean",
    "boolvalue": "boolean",
    "null": "null",
    "localized string": "localized",
    "object": "any",
    "": "any",
}
"""64-bit numbers of protobuf are strings in its JSON form, and its wrappers plain values."""
_TIME: Final = re.compile(r"is[o0]8601 (timestamp|datetime|date)")
_NOISE: Final = re.compile(r"\{.*\}|\(.*\)|~~|\?(?=\[)|^\?")


def parse(text: str) -> Type:
    """The type that ``text`` names; what it can't read becomes a `Ref` of that name."""
    text = _NOISE.sub("", text).strip()
    lower = text.lower()
    if text.startswith("[") and text.endswith("]"):
        return parse(text[1:-1])
    if lower.startswith("versioned array"):
        return Versioned(parse(text[len("versioned array") :]))
    if lower.startswith("map"):
        return _map(text[3:])
    if lower.startswith("array of "):
        return Array(parse(text[9:]))
    if lower.startswith("array"):
        return _array(text[5:])
    if " | " in text:
        return Either(tuple(parse(part) for part in text.split(" | ")))
    if (time := _TIME.match(lower)) is not None:
        return Scalar("date" if time[1] == "date" else "timestamp")
    if lower.startswith("mixed"):
        return Scalar("string")
    if lower.endswith(" enum"):
        return Scalar("integer")
    if lower in _SCALARS:
        return Scalar(_SCALARS[lower])
    return _ref(lower)


def _array(rest: str) -> Array | Row:
    inner = rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest
    if ", " in inner and not inner.startswith("map"):
        return Row(tuple(parse(part) for part in inner.split(", ")))
    return Array(parse(inner))


def _map(rest: str) -> Map:
    inner = rest[1:-1] if rest.startswith("[") and rest.endswith("]") else rest
    key, _, value = inner.partition(", ")
    return Map(parse(key), parse(value))


def _ref(lower: str) -> Ref:
    name = lower.removeprefix("a ").removeprefix("optional ")
    partial = name.startswith("partial ")
    name = name.removeprefix("partial ").strip()
    if name.startswith("[") and name.endswith("]"):
        inner = _ref(name[1:-1])
        return Ref(inner.name, True)
    return Ref(name.removesuffix(" object"), partial)
