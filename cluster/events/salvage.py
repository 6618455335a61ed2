"""Salvage: what of a ``d`` fits its class, where not all of it does.

A class's decoder refuses a ``d`` whole for one value of another type. What is refused is read here
once more, object by object and field by field: what fits is kept, a field that does not fit becomes
UNSET and is told as a `Misfit`. A list or a map with a part that is of another type does not fit
as a whole: its places would mean something else without that part, so the field around it is UNSET.

It is slow beside a decoder, and meant for the few events that need it. What holds a misfit is read
once more at each level, so levels are bounded, as misfits are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import NODEFAULT, Raw
from msgspec.structs import fields as struct_fields

from cluster.decode_errors import MALFORMED
from cluster.events.base import NOT_OF_D, Dispatch, Misfit, Object
from cluster.events.enums.channels import PermissionOverwriteType
from cluster.events.values import read_unix_time

DEEPEST: Final = 32
"""How many levels of objects and lists are read by their parts; below, what holds a misfit does not
fit as a whole. Discord's own events have some ten."""
MOST_REFUSALS: Final = 20_000
"""How often a decoder may refuse a part of one ``d``, which costs some 15 us each. What is refused
beyond that does not fit as a whole."""
MOST: Final = 32
"""How many places are told of one event."""
LONGEST: Final = 300
"""Characters of a path or of a reason."""

_PATH: Final = re.compile(r"`\$([^`]*)`")
_FIRST: Final = re.compile(rb"\s*(.)", re.S)
_PADDED: Final = re.compile(rb'\s*"(?=[0-9]{15,20}")0+([0-9]+)"\s*')
"""An id with zeros before it, as recordings have whose ids were taken out. For msgspec it is no
number."""
_PADDED_KEY: Final = re.compile(r"^(?=[0-9]{15,20}$)0+(?=[0-9])")
_WORDS: Final = {
    b'"role"': PermissionOverwriteType.ROLE,
    b'"member"': PermissionOverwriteType.MEMBER,
}
"""The type of a permission overwrite, up to version 6 of the Gateway."""


class Refused(Exception):
    """What is at a place does not fit. Who reads what is around it leaves the place out, or refuses
    that, too."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = _cut(path)
        self.reason = _cut(reason)


class _Field(NamedTuple):
    """A field of a class."""

    name: str
    key: str | None
    """Its name in JSON; None for the payload of an event, which is all of ``d``."""
    kind: Any
    required: bool

    @property
    def step(self) -> str:
        """What the path of the field has beyond its object's."""
        return "" if self.key is None else f".{self.key}"


class Salvage:
    """Reads one ``d``. ``misfits`` says afterwards what was left out."""

    def __init__(self) -> None:
        self._path = ["$"]
        self._told: dict[str, Misfit] = {}
        self._refusals = 0

    @property
    def misfits(self) -> tuple[Misfit, ...]:
        """What did not fit: the first place of each kind, in the order of the classes' fields."""
        return tuple(self._told.values())

    def event(self, cls: type[Dispatch], d: bytes) -> Dispatch:
        """Return an event with what of its ``d`` fits. Raises Refused where ``d`` is no JSON, has
        another form than the class, or lacks an id of its own."""
        event: Dispatch = self._object(cls, d)
        payload: Any = getattr(event, payload_of(cls) or "", None)
        if getattr(payload, "promises_id", False) and not isinstance(payload.id, int):
            if misfit := self._told.get("$.id"):
                raise Refused(misfit.path, misfit.reason)
            raise self._missing("id")
        return event

    def part(self, cls: type[Object], text: bytes) -> Any:
        """Return an object that stands alone, with what of it fits. Raises Refused where the text
        is no JSON, or no object."""
        return self._object(cls, text)

    def _read(self, kind: Any, text: Raw | bytes, step: str = "") -> Any:
        """Return a part as a value of this type. step: what its path has beyond the path of what it
        is a part of. Raises Refused."""
        self._path.append(step)
        try:
            return decoder_of(kind)(text)
        except MALFORMED as error:
            refused = self._refusal(error)
            self._refusals += 1
            if len(self._path) > DEEPEST or self._refusals > MOST_REFUSALS:
                raise refused from None
            told = self._told.copy()
            try:
                return self._in_parts(kind, text, refused)
            except Refused:
                self._told = told  # what is around it is left out, and told as one
                raise
        finally:
            self._path.pop()

    def _in_parts(self, kind: Any, text: Raw | bytes, refused: Refused) -> Any:
        first = _FIRST.match(memoryview(text))
        for choice in _choices(kind):
            origin = get_origin(choice) or choice
            match first and first[1]:
                case b"{" if _is_object(origin) and not origin.__struct_config__.array_like:
                    if self._has_tag_of(origin, text):
                        return self._object(choice, text)
                case b"[" if _is_object(origin) and origin.__struct_config__.array_like:
                    return self._row(choice, text)
                case b"{" if origin is dict:
                    return self._map(choice, text)
                case b"[" if origin is list:
                    return self._list(choice, text)
                case b'"' if choice is int and (padded := _PADDED.fullmatch(memoryview(text))):
                    return int(padded[1])
                case b'"' if choice is PermissionOverwriteType and bytes(text) in _WORDS:
                    return _WORDS[bytes(text)]
        raise refused

    def _has_tag_of(self, cls: type[Object], text: Raw | bytes) -> bool:
        """Return whether an object says that it is of this class, where classes have tags."""
        config = cls.__struct_config__
        if config.tag_field is None:
            return True
        tag = self._whole(_members, text).get(config.tag_field)
        return tag is not None and bytes(tag) == msgspec.json.encode(config.tag)

    def _object(self, kind: Any, text: Raw | bytes) -> Any:
        fields = _fields(kind)
        parts: dict[str | None, Raw | bytes] = {None: text}
        if any(field.key for field in fields):
            parts |= self._whole(_members, text)
        found = ((one, parts[one.key], one.step) for one in fields if one.key in parts)
        return self._made(kind, found)

    def _row(self, kind: Any, text: Raw | bytes) -> Any:
        """Return an object that is an array on the wire."""
        parts = enumerate(zip(_fields(kind), self._whole(_items, text), strict=False))
        return self._made(kind, ((field, part, f"[{place}]") for place, (field, part) in parts))

    def _made(self, kind: Any, found: Iterator[tuple[_Field, Raw | bytes, str]]) -> Any:
        """Return an object of the fields that are there and fit."""
        values = {}
        for field, part, step in found:
            try:
                values[field.name] = self._read(field.kind, part, step)
            except Refused as refused:
                if field.required:
                    raise
                self._tell(refused)
        for field in _fields(kind):
            if field.required and field.name not in values:
                raise self._missing(field.key or field.name)
        return (get_origin(kind) or kind)(**values)

    def _list(self, kind: Any, text: Raw | bytes) -> list[Any]:
        (item,) = get_args(kind)
        parts = enumerate(self._whole(_items, text))
        return [self._read(item, part, f"[{place}]") for place, part in parts]

    def _map(self, kind: Any, text: Raw | bytes) -> dict[Any, Any]:
        key, value = get_args(kind)
        parts = self._whole(_members, text)
        return {
            self._key(key, name): self._read(value, part, "[...]") for name, part in parts.items()
        }

    def _key(self, kind: Any, name: str) -> Any:
        name = _PADDED_KEY.sub("", name) if kind is int else name
        try:
            return msgspec.convert(name, kind, strict=False)
        except msgspec.ValidationError as error:
            raise self._refusal(error) from None

    def _whole(self, read: Callable[[Raw | bytes], Any], text: Raw | bytes) -> Any:
        try:
            return read(text)
        except MALFORMED as error:
            raise self._refusal(error) from None

    def _refusal(self, error: BaseException) -> Refused:
        """Return what a decoder says of the part that is being read."""
        reason, _, where = str(error).partition(" - at ")
        below = _PATH.search(where)
        return Refused("".join(self._path) + (below[1] if below else ""), reason)

    def _missing(self, key: str) -> Refused:
        return Refused("".join(self._path), f"Object missing required field `{key}`")

    def _tell(self, refused: Refused) -> None:
        misfit = Misfit(refused.path, refused.reason)
        first = self._told.get(misfit.place)
        if first is None:
            if len(self._told) < MOST:
                self._told[misfit.place] = misfit
        elif first.path != misfit.path:  # what is a field of the payload and of the event is one
            self._told[misfit.place] = Misfit(first.path, first.reason, first.count + 1)


@cache
def payload_of(cls: type[Dispatch]) -> str | None:
    """Return the field of an event's class that is its whole ``d``; None: there is none."""
    hints = get_type_hints(cls, include_extras=True)
    return next((name for name, hint in hints.items() if _is_payload(hint)), None)


@cache
def decoder_of(kind: Any) -> Callable[[Raw | bytes], Any]:
    """Return what reads JSON as this type. It takes a string for a number, as ids and permissions
    are written."""
    return msgspec.json.Decoder(kind, strict=False, dec_hook=read_unix_time).decode


_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_items: Final = msgspec.json.Decoder(list[Raw]).decode


@cache
def _fields(kind: Any) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            name=field.name,
            key=None if _is_payload(field.type) else field.encode_name,
            kind=field.type,
            required=field.default is NODEFAULT,
        )
        for field in struct_fields(kind)
        if not (issubclass(get_origin(kind) or kind, Dispatch) and field.name in NOT_OF_D)
    )


@cache
def _choices(kind: Any) -> tuple[Any, ...]:
    """Return the types that a value of a field may be of."""
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _is_payload(hint: Any) -> bool:
    return get_origin(hint) is Annotated and "payload" in get_args(hint)


def _is_object(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Object)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
