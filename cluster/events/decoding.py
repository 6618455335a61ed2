"""``decode``: from a wire name and ``d`` to an event. It never raises."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, cast, get_args, get_origin, get_type_hints

import msgspec

from cluster.events.base import DISPATCHES, Dispatch, Event
from cluster.wire.refusals import MALFORMED

_AT: Final = " - at `"
_Read = Callable[[bytes], Dispatch]


class UnknownEvent(Event, kw_only=False):
    """An event that the documentation, as of this version, does not have."""

    name: str
    data: bytes
    """``d`` as it came: JSON."""

    @property
    def raw(self) -> bytes:
        return self.data

    def __repr__(self) -> str:
        return f"UnknownEvent({self.name!r}, {len(self.data)} bytes)"

    def __str__(self) -> str:
        return f"{self.name} unknown, {len(self.data)} bytes"


class ParseError(Event, kw_only=False):
    """An event that is known, with a payload that does not fit its class. Nothing is lost: ``raw``
    is all that came."""

    name: str
    path: str
    """Where in ``d``, as JSONPath: "$.author.id"; "$" is all of it."""
    reason: str
    """What was expected there, and what it is instead."""
    raw: bytes

    def __repr__(self) -> str:
        return f"ParseError({self.name!r}, {self.path!r}, {self.reason!r}, {len(self.raw)} bytes)"

    def __str__(self) -> str:
        return f"{self.name} does not fit at {self.path}: {self.reason}"


def decode(name: str, data: bytes) -> Event:
    """The event of this wire name with this ``d``.

    An unknown name gives `UnknownEvent`, a payload that does not fit `ParseError`. Types are read
    leniently: a number may be a string, and a field that no class knows is passed over.
    """
    cls = DISPATCHES.get(name)
    if cls is None:
        return UnknownEvent(name, data)
    try:
        event = _reader(cls)(data)
    except MALFORMED as error:
        reason, _, path = str(error).partition(_AT)
        return ParseError(name, path.rstrip("`") or "$", reason, data)
    msgspec.structs.force_setattr(event, "raw", data)
    return event


@cache
def _reader(cls: type[Dispatch]) -> _Read:
    """What reads a class; made when the first such event comes, since that costs more."""
    hints = get_type_hints(cls, include_extras=True)
    payload = next((name for name, kind in hints.items() if _is_payload(kind)), None)
    if payload is None:
        return cast(_Read, msgspec.json.Decoder(cls, strict=False).decode)
    whole = msgspec.json.Decoder(get_args(hints[payload])[0], strict=False).decode
    beside = [
        (field.name, hints[field.name], msgspec.field(default=field.default))
        if field.default is not msgspec.NODEFAULT
        else (field.name, hints[field.name])
        for field in msgspec.structs.fields(cls)
        if field.name not in (payload, "raw")
    ]
    if not beside:
        return lambda data: cls(**{payload: whole(data)})
    rest = msgspec.json.Decoder(
        msgspec.defstruct(f"{cls.__name__}Beside", beside, kw_only=True), strict=False
    ).decode
    names = [name for name, *_ in beside]

    def read(data: bytes) -> Dispatch:
        found: Any = rest(data)
        fields = {name: getattr(found, name) for name in names}
        return cls(**{payload: whole(data)}, **fields)

    return read


def _is_payload(kind: Any) -> bool:
    return get_origin(kind) is Annotated and "payload" in get_args(kind)
