"""``decode``: from a wire name and ``d`` to an event. It never raises."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from cluster.decode_errors import MALFORMED, without_lone_surrogates
from cluster.events.base import DISPATCHES, NOT_OF_D, Dispatch, GatewayEvent, Misfit
from cluster.events.salvage import Refused, Salvage, decoder_of, payload_of


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
    """An event that is known, with a payload that is no JSON, has another form than its class, or
    lacks an id of its own. Nothing is lost: ``data`` is all that came."""

    name: str
    path: str
    """Place in ``d`` that does not fit, as JSONPath: "$.author.id"; "$" is all of it."""
    reason: str
    """What was expected at that place, and what is there instead."""
    data: bytes

    @property
    def misfits(self) -> tuple[Misfit, ...]:
        return (Misfit(self.path, self.reason),)

    def __repr__(self) -> str:
        return f"ParseError({self.name!r}, {self.path!r}, {self.reason!r}, {len(self.data)} bytes)"

    def __str__(self) -> str:
        return f"{self.name} does not fit at {self.path}: {self.reason}"


def decode(name: str, data: bytes) -> GatewayEvent:
    """Return the event of this wire name with this ``d``.

    An unknown name gives `UnknownEvent`. Types are read leniently: a number may be a string, an id
    may have zeros before it, a field that no class knows is passed over, and half a surrogate pair
    that stands alone in a text is U+FFFD. A field that does not fit all the same is UNSET, and told
    in the event's ``misfits``; what is no JSON, or lacks an id of its own, gives `ParseError`.
    """
    cls = DISPATCHES.get(name)
    if cls is None:
        return UnknownEvent(name, data)
    read = _reader(cls)
    try:
        return _with_data(read(data), data)
    except MALFORMED:
        return _salvaged(cls, data)


def _salvaged(cls: type[Dispatch], data: bytes) -> GatewayEvent:
    """Return the event of a ``d`` that its class's decoder refuses."""
    salvage = Salvage()
    try:
        event = salvage.event(cls, without_lone_surrogates(data))
    except Refused as refused:
        return ParseError(cls.name, refused.path, refused.reason, data)
    except RecursionError as error:  # whoever asks is near the interpreter's limit
        return ParseError(cls.name, "$", str(error), data)
    msgspec.structs.force_setattr(event, "misfits", salvage.misfits)
    return _with_data(event, data)


def _with_data(event: Dispatch, data: bytes) -> Dispatch:
    msgspec.structs.force_setattr(event, "data", data)
    return event


@cache
def _reader(cls: type[Dispatch]) -> Callable[[bytes], Dispatch]:
    """Return what reads a class; it is made when the first such event comes, since that is dear."""
    payload = payload_of(cls)
    if payload is None:
        return decoder_of(cls)
    hints = get_type_hints(cls, include_extras=True)
    whole = _payload_reader(get_args(hints[payload])[0])
    beside = [
        field for field in msgspec.structs.fields(cls) if field.name not in (payload, *NOT_OF_D)
    ]
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
    decode_json = decoder_of(kind)
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
    return decoder_of(beside)
