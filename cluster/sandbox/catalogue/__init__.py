"""What the documentation says of dispatch events and the objects in them, as package data.

`events.json` and `objects.json` are facts taken from Discord's official and unofficial
documentation. They can be incomplete; this loader reads them tolerantly.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from cluster.sandbox.catalogue.supplement import (
    ALIASES,
    EVENT_FIELDS,
    MORE_EVENT_FIELDS,
    MORE_OBJECT_FIELDS,
    OBJECT_FIELDS,
)
from cluster.sandbox.catalogue.types import Type, parse

_NOT_WIRE: Final = re.compile(r"~~|\?|\s*\(.*\)|\s*\[?\\?\*.*$")


class Field(NamedTuple):
    """A field of an event or object under its wire name."""

    name: str
    type: Type
    optional: bool
    nullable: bool
    deprecated: bool


class EventSpec(NamedTuple):
    """A dispatch event. ``fields`` are its own and, behind them, its payload object's.

    ``official`` and ``documented`` say whether Discord's documentation has the event, and whether
    any has its fields; where none has, they are those that clients read.
    ``array`` is set where ``d`` is an array. ``guild_id_path`` names the field of ``d`` that holds
    the guild's id, if there is one.
    """

    name: str
    official: bool
    documented: bool
    payload_object: str | None
    fields: tuple[Field, ...]
    array: Type | None
    guild_id_path: str | None


class Catalogue(NamedTuple):
    """Every event and object, by name (events in capitals, objects in lower case)."""

    events: dict[str, EventSpec]
    objects: dict[str, tuple[Field, ...]]

    def fields_of(self, name: str, partial: bool = False) -> tuple[Field, ...]:
        """The fields of an object; none when the documentation has no table for it."""
        if partial and f"partial {name}" in self.objects:
            return self.objects[f"partial {name}"]
        return self.objects.get(ALIASES.get(name, name), ())


def _field(row: dict[str, Any]) -> Field:
    raw = str(row["name"])
    name = _NOT_WIRE.sub("", raw).strip()
    optional = bool(row.get("optional")) or "?" in raw
    deprecated = "deprecated" in raw or "~~" in raw
    return Field(name, parse(row["type"]), optional, bool(row.get("nullable")), deprecated)


def _fields(rows: list[dict[str, Any]]) -> tuple[Field, ...]:
    return tuple({field.name: field for field in map(_field, rows)}.values())


def _written(rows: str) -> tuple[Field, ...]:
    """Fields from the supplement's notation: `name[?]: [?]type; ...`."""
    made: list[Field] = []
    for row in filter(None, map(str.strip, rows.split(";"))):
        name, _, kind = row.partition(": ")
        nullable = kind.startswith("?")
        made.append(
            Field(name.rstrip("?"), parse(kind.lstrip("?")), name.endswith("?"), nullable, False)
        )
    return tuple(made)


def _event(row: dict[str, Any], objects: dict[str, tuple[Field, ...]]) -> EventSpec:
    name, payload = row["name"], row["payload_object"]
    own = _fields(row["fields"] or [])
    written = EVENT_FIELDS.get(name, "")
    array = parse(written) if written.startswith("array") else None
    if written and array is None:
        own = _written(written)
    own += _written(MORE_EVENT_FIELDS.get(name, ""))
    key = None if payload is None else payload.lower().removesuffix(" object")
    inherited = objects.get(ALIASES.get(key, key), ()) if key is not None else ()
    fields = tuple({field.name: field for field in (*inherited, *own)}.values())
    official, documented = row["official_docs"], row.get("documented", True)
    return EventSpec(name, official, documented, key, fields, array, row["guild_id_path"])


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once."""
    folder = files(__name__)
    rows: list[dict[str, Any]] = json.loads(folder.joinpath("objects.json").read_bytes())
    objects = {row["object"].lower(): _fields(row["fields"]) for row in rows}
    objects |= {name: _written(text) for name, text in OBJECT_FIELDS.items()}
    for name, text in MORE_OBJECT_FIELDS.items():
        objects[name] += _written(text)
    events: list[dict[str, Any]] = json.loads(folder.joinpath("events.json").read_bytes())
    for row in events:
        for title, nested in (row["nested"] or {}).items():
            key = title.lower().removesuffix(" structure").removesuffix(" object")
            objects.setdefault(key, _fields(nested))
    return Catalogue({row["name"]: _event(row, objects) for row in events}, objects)
