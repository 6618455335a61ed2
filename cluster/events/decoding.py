"""``decode``: from a wire name and ``d`` to an event. It never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec

from cluster.decode_errors import MALFORMED, without_lone_surrogates
from cluster.events.base import DISPATCHES, Dispatch, GatewayEvent
from cluster.events.values import read_unix_time

_PATH: Final = re.compile(r"`(\$[^`]*)`")
_PADDED: Final = re.compile(rb'(?<=[\s:,{\[])"(?=[0-9]{15,20}")0+(?=[0-9])')
"""The zeros before an id, as recordings have whose ids were taken out: "000000000000000000". For
msgspec it is no number. A quote after one of these bytes begins a string or ends one, and after the
end of one no digit comes."""
_WORDS: Final = {b"role": b"0", b"member": b"1"}
_WORD: Final = re.compile(rb'("type"\s*:\s*)"(role|member)"')
"""The type of a permission overwrite, up to version 6 of the Gateway."""


class UnknownEvent(GatewayEvent, kw_only=False, lenient=False):
    """An event that the documentation, as of this version, does not have."""

    name: str
    data: bytes
    """``d`` as it came: JSON."""

    def __repr__(self) -> str:
        return f"UnknownEvent({self.name!r}, {len(self.data)} bytes)"

    def __str__(self) -> str:
        return f"{self.name} unknown, {len(self.data)} bytes"


class ParseError(GatewayEvent, kw_only=False, lenient=False):
    """An event that is known, with a payload that does not fit its class. Nothing is lost: ``data``
    is all that came."""

    name: str
    path: str
    """Place in ``d`` that does not fit, as JSONPath: "$.author.id"; "$" is all of it."""
    reason: str
    """What was expected at that place, and what is there instead."""
    data: bytes

    def __repr__(self) -> str:
        return f"ParseError({self.name!r}, {self.path!r}, {self.reason!r}, {len(self.data)} bytes)"

    def __str__(self) -> str:
        return f"{self.name} does not fit at {self.path}: {self.reason}"


def decode(name: str, data: bytes) -> GatewayEvent:
    """Return the event of this wire name with this ``d``.

    An unknown name gives `UnknownEvent`, a payload that does not fit `ParseError`. Types are read
    leniently: a number may be a string, a field that no class knows is passed over, and half a
    surrogate pair that stands alone in a text is U+FFFD.
    """
    cls = DISPATCHES.get(name)
    if cls is None:
        return UnknownEvent(name, data)
    read = _reader(cls)
    try:
        event = read(data)
    except MALFORMED as error:
        if (mended := _mended(data)) != data:
            with suppress(*MALFORMED):
                return _with_data(read(mended), data)
        reason, _, where = str(error).partition(" - at ")
        path = _PATH.search(where)
        return ParseError(name, path[1] if path else "$", reason, data)
    return _with_data(event, data)


def _mended(data: bytes) -> bytes:
    """Return ``d`` as it is read, where a recording has it otherwise than Discord writes it now, or
    half a surrogate pair stands alone in it."""
    data = without_lone_surrogates(data)
    return _WORD.sub(lambda found: found[1] + _WORDS[found[2]], _PADDED.sub(b'"', data))


def _with_data(event: Dispatch, data: bytes) -> Dispatch:
    msgspec.structs.force_setattr(event, "data", data)
    return event


@cache
def _reader(cls: type[Dispatch]) -> Callable[[bytes], Dispatch]:
    """Return what reads a class; it is made when the first such event comes, since that is dear."""
    hints = get_type_hints(cls, include_extras=True)
    payload = next((name for name, hint in hints.items() if _is_payload(hint)), None)
    if payload is None:
        return _json_decoder(cls)
    whole = _payload_reader(get_args(hints[payload])[0])
    beside = [field for field in msgspec.structs.fields(cls) if field.name not in (payload, "data")]
    if not beside:
        return lambda data: cls(**{payload: whole(data)})
    rest = _beside_reader(cls, beside, hints)
    names = [field.name for field in beside]

    def read(data: bytes) -> Dispatch:
        found = rest(data)
        fields = {name: getattr(found, name) for name in names}
        return cls(**{payload: whole(data)}, **fields)

    return read


def _payload_reader(kind: Any) -> Callable[[bytes], Any]:
    decode_json = _json_decoder(kind)
    if not getattr(kind, "promises_id", False):
        return decode_json

    def read_with_id(data: bytes) -> Any:
        found = decode_json(data)
        if not isinstance(found.id, int):
            raise msgspec.ValidationError("Object missing required field `id`")
        return found

    return read_with_id


def _beside_reader(
    cls: type[Dispatch], fields: list[msgspec.structs.FieldInfo], hints: dict[str, Any]
) -> Callable[[bytes], Any]:
    """Return what reads the fields that stand in ``d`` beside the payload's."""
    described = [
        (field.name, hints[field.name], msgspec.field(default=field.default)) for field in fields
    ]
    beside = msgspec.defstruct(f"{cls.__name__}Beside", described, kw_only=True)
    return _json_decoder(beside)


def _json_decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return a decoder that takes a string for a number, as ids and permissions are written."""
    return msgspec.json.Decoder(kind, strict=False, dec_hook=read_unix_time).decode


def _is_payload(hint: Any) -> bool:
    return get_origin(hint) is Annotated and "payload" in get_args(hint)
