"""JSON texts of objects, taken apart and put together without reading what is in their fields."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Raw

from cluster.decode_errors import MALFORMED, decoded

Fields = dict[str, Raw]
"""An object's fields, each with the JSON text of its value."""
Snowflake = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""An id, in JSON a string of digits."""
NULL: Final = Raw(b"null")

_AN_ID: Final = re.compile(rb'null|"[0-9]+"')
_encode = msgspec.json.Encoder().encode
_fields = msgspec.json.Decoder(Fields).decode
_items = msgspec.json.Decoder(list[Raw]).decode
_Struct = TypeVar("_Struct")
_Read = TypeVar("_Read")


def _read(decode: Callable[[bytes | Raw], _Read], text: bytes | Raw) -> _Read:
    try:
        return decode(text)
    except MALFORMED:
        return decoded(decode, bytes(text))


def fields_of(text: bytes | Raw) -> Fields:
    """Return the fields of an object. Raises decode_errors.MALFORMED."""
    return _read(_fields, text)


def items_of(text: bytes | Raw) -> list[bytes]:
    """Return the items of an array. Raises decode_errors.MALFORMED."""
    return [bytes(item) for item in _read(_items, text)]


def text_of(fields: Fields) -> bytes:
    """Return the JSON text of an object with these fields."""
    return _encode(fields)


def encoded(value: Any) -> Raw:
    """Return the JSON text of a value."""
    return Raw(_encode(value))


def merged(text: bytes, changes: Fields) -> bytes:
    """Return an object with some fields changed or added."""
    return _encode(fields_of(text) | changes)


def with_id(text: bytes, name: bytes, value: Raw) -> bytes:
    """Return an object with another id in a field, which is added if it is not there.

    name: one that no object within this one has. Where it stands once, the rest is not read, which
    takes half the time.
    """
    key = b'"%b":' % name
    start = text.find(key)
    if start >= 0 and text.find(key, start + 1) < 0:
        found = _AN_ID.match(text, start + len(key))
        if found:
            return b"%b%b%b" % (text[: found.start()], bytes(value), text[found.end() :])
    return merged(text, {name.decode(): value})


class Id(msgspec.Struct, gc=False):
    """An object's id."""

    id: Snowflake


class UserId(msgspec.Struct, gc=False):
    """Whose an object is, where it says so by `user_id`."""

    user_id: Snowflake


class OfUser(msgspec.Struct, gc=False):
    """Whose an object is, where it says so by a user."""

    user: Id


class SoundId(msgspec.Struct, gc=False):
    """A soundboard sound's id."""

    sound_id: Snowflake


def reader(kind: type[_Struct]) -> Any:
    """Return what reads some fields of an object: numbers may be strings, as ids are."""
    read = msgspec.json.Decoder(kind, strict=False).decode
    return lambda text: _read(read, text)
