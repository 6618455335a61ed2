"""The catalogue: every event and object, under wire names, with types that resolve."""

from __future__ import annotations

import re

import pytest

from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.catalogue.types import (
    Array,
    Either,
    Map,
    Ref,
    Row,
    Scalar,
    Type,
    Versioned,
    parse,
)


def refs(kind: Type) -> list[Ref]:
    """The objects that a type speaks of."""
    if isinstance(kind, Ref):
        return [kind]
    if isinstance(kind, Array | Versioned):
        return refs(kind.item)
    if isinstance(kind, Map):
        return refs(kind.key) + refs(kind.value)
    if isinstance(kind, Row):
        return [ref for item in kind.items for ref in refs(item)]
    if isinstance(kind, Either):
        return [ref for choice in kind.choices for ref in refs(choice)]
    return []


def test_counts_are_those_of_the_documentation() -> None:
    known = catalogue()
    assert len(known.events) == 239
    assert sum(event.documented for event in known.events.values()) == 211
    assert len(known.objects) >= 197
    assert sum(event.official for event in known.events.values()) == 79


def test_every_object_that_a_field_speaks_of_has_fields() -> None:
    known = catalogue()
    tables = {**known.objects, **{name: event.fields for name, event in known.events.items()}}
    missing = {
        (table, field.name, ref.name)
        for table, fields in tables.items()
        for field in fields
        for ref in refs(field.type)
        if not known.fields_of(ref.name, ref.partial)
    }
    assert not missing


def test_field_names_are_wire_names() -> None:
    known = catalogue()
    for fields in (*known.objects.values(), *(event.fields for event in known.events.values())):
        names = [field.name for field in fields]
        assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in names), names
        assert len(set(names)) == len(names)


def test_deprecated_and_optional_marks_become_flags() -> None:
    region = next(f for f in catalogue().objects["guild"] if f.name == "region")
    assert region.deprecated
    assert region.optional
    assert region.nullable


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("snowflake", Scalar("snowflake")),
        ("fixed64", Scalar("snowflake")),
        ("BoolValue", Scalar("boolean")),
        ("localized string", Scalar("localized")),
        ("ISO8601 timestamp", Scalar("timestamp")),
        ("IS08601 timestamp", Scalar("timestamp")),
        ("ISO8601 date", Scalar("date")),
        ("~~string~~", Scalar("string")),
        ("reaction notification type enum", Scalar("integer")),
        ("mixed (matches object field's type)", Scalar("string")),
        ("partial user object", Ref("user", True)),
        ("a partial emoji object", Ref("emoji", True)),
        ("optional audit entry info object", Ref("audit entry info", False)),
        (
            "user settings proto object {proto: string, type: integer}",
            Ref("user settings proto", False),
        ),
        ("array", Array(Scalar("any"))),
        ("array of snowflakes", Array(Scalar("snowflake"))),
        ("array[user object]", Array(Ref("user", False))),
        ("arraypartial [user object]", Array(Ref("user", True))),
        ("arrayarray[[presence object]]", Array(Array(Ref("presence", False)))),
        ("array[integer, integer]", Row((Scalar("integer"), Scalar("integer")))),
        ("versioned array[read state object]", Versioned(Ref("read state", False))),
        ("map[snowflake, string]", Map(Scalar("snowflake"), Scalar("string"))),
        ("mapsnowflake, [role object]", Map(Scalar("snowflake"), Ref("role", False))),
        ("mapsnowflake, partial [member object]", Map(Scalar("snowflake"), Ref("member", True))),
        ("mapinteger, ?[x object]", Map(Scalar("integer"), Ref("x", False))),
        (
            "mapsnowflake, array[[x object]]",
            Map(Scalar("snowflake"), Array(Ref("x", False))),
        ),
        (
            "mapinteger, map[snowflake, [x object]]",
            Map(Scalar("integer"), Map(Scalar("snowflake"), Ref("x", False))),
        ),
        ("integer | string", Either((Scalar("integer"), Scalar("string")))),
    ],
)
def test_types_are_read(text: str, kind: Type) -> None:
    assert parse(text) == kind
