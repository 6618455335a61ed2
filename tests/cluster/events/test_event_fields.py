"""Every documented field of every event, and of the objects in it, has a place in the classes.

The documentation's tables are the sandbox's catalogue: two readings of the same pages. What is
optional there may be absent here, and what is nullable there may be None.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import msgspec

import cluster.events
from cluster.events import decode
from cluster.events.base import DISPATCHES, NOT_OF_D, Dispatch, Object
from cluster.sandbox.catalogue import Field, catalogue
from cluster.sandbox.catalogue.types import Array, Either, Map, Ref, Row, Type, Versioned
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World

ELSEWHERE: Final = {"experiment population filters", "directory entry: ApplicationDirectoryEntry"}
"""Objects that the tables have otherwise than the text: those are arrays on the wire, keyed by a
hash; an application's directory entry is not a hub's."""


def test_every_documented_field_has_a_place() -> None:
    seen: set[tuple[type, str]] = set()
    wrong = [
        fault for name, cls in DISPATCHES.items() for fault in faults_of_event(name, cls, seen)
    ]
    assert wrong == []
    assert len({cls for cls, _ in seen}) > 150


def test_what_the_sandbox_makes_up_fits_whatever_it_draws() -> None:
    """What may be null is, in one world in five, and is not seen there."""
    for seed in range(20):
        world = World(SandboxOptions(guilds=2, seed=seed), now=lambda: 1_750_000_000.0)
        made = [event for name in DISPATCHES for event in world.emit(name)]
        decoded = [decode(event.name, event.data) for event in made]
        assert [str(one) for one in decoded if not isinstance(one, Dispatch)] == []


def faults_of_event(name: str, cls: type[Dispatch], seen: set[tuple[type, str]]) -> Iterator[str]:
    hints = get_type_hints(cls, include_extras=True)
    spec = catalogue().events[name]
    payload = next((kind for kind in hints.values() if "payload" in get_args(kind)), None)
    places = places_of(cls)
    if payload is not None:
        inner = get_args(payload)[0]
        if spec.array is not None:
            yield from faults_below(name, spec.array, inner, seen)
            return
        for one in objects_in(inner):
            places = places_of(one) | places
        if dict in {getattr(inner, "__origin__", None)}:
            return  # any object: what another client sent
    yield from faults_of_fields(name, spec.fields, places, seen)


def faults_of_fields(
    where: str, fields: tuple[Field, ...], places: dict[str, Place], seen: set[tuple[type, str]]
) -> Iterator[str]:
    for field in fields:
        place = places.get(field.name)
        if place is None:
            yield f"{where}.{field.name}: no place"
            continue
        if field.optional and "Absent" not in place.written:
            yield f"{where}.{field.name}: may be absent"
        if field.nullable and "None" not in place.written and "Any" not in place.written:
            yield f"{where}.{field.name}: may be null"
        yield from faults_below(f"{where}.{field.name}", field.type, place.type, seen)


def faults_below(where: str, kind: Type, hint: Any, seen: set[tuple[type, str]]) -> Iterator[str]:
    """Yield what differs between the documentation and the classes of the objects in a field."""
    for ref in refs(kind):
        fields = catalogue().fields_of(ref.name, ref.partial)
        classes = [cls for cls in objects_in(hint) if fits(ref, cls)]
        if not classes:
            yield f"{where}: {ref.name} has no class"
        for cls in classes:
            if {ref.name, f"{ref.name}: {cls.__name__}"} & ELSEWHERE or (cls, ref.name) in seen:
                continue
            seen.add((cls, ref.name))
            yield from faults_of_fields(f"{where}: {cls.__name__}", fields, places_of(cls), seen)


def fits(ref: Ref, cls: type[Object]) -> bool:
    """Whether a class may be the one of this object: of a union whose classes have a tag each, the
    one whose tag is in the object's name."""
    tag = cls.__struct_config__.tag
    return tag is None or str(tag).lower() in ref.name.split()


class Place(NamedTuple):
    """A field of a class."""

    type: Any
    """The type that is read, leniently."""
    written: str
    """The annotation in the source: what the documentation promises."""


def places_of(cls: type[Object]) -> dict[str, Place]:
    config = cls.__struct_config__
    tag = {config.tag_field: Place(str, "str")} if config.tag_field else {}
    return tag | {
        field.encode_name: Place(field.type, written(cls, field.name))
        for field in msgspec.structs.fields(cls)
        if not (issubclass(cls, Dispatch) and field.name in NOT_OF_D)
    }


def written(cls: type[Object], field: str) -> str:
    return next(
        hints[field] for base in cls.__mro__ if field in (hints := sources().get(base.__name__, {}))
    )


@cache
def sources() -> dict[str, dict[str, str]]:
    """Annotations in the source, by class and field."""
    found: dict[str, dict[str, str]] = {}
    for file in Path(cluster.events.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name] = {
                    ast.unparse(line.target): ast.unparse(line.annotation)
                    for line in node.body
                    if isinstance(line, ast.AnnAssign)
                }
    return found


def objects_in(hint: Any) -> Iterator[type[Object]]:
    """The classes that a type speaks of, but for a list with a version."""
    if isinstance(hint, type) and issubclass(hint, Object):
        yield hint
    for inner in get_args(hint):
        yield from objects_in(inner)


def refs(kind: Type) -> Iterator[Ref]:
    if isinstance(kind, Ref):
        yield kind
    elif isinstance(kind, Array | Versioned):
        yield from refs(kind.item)
    elif isinstance(kind, Map):
        yield from refs(kind.value)
    elif isinstance(kind, Row | Either):
        for item in kind.items if isinstance(kind, Row) else kind.choices:
            yield from refs(item)


def test_a_nonce_is_a_number_or_a_text_wherever_it_is() -> None:
    """It comes back as a client has written it, and clients write both."""
    nonces = [
        f"{cls.__name__}: {place.written}"
        for cls in classes()
        if (place := places_of(cls).get("nonce")) and not {int, str} <= set(get_args(place.type))
    ]
    assert nonces == []
    assert sum("nonce" in places_of(cls) for cls in classes()) > 8


def classes(of: type[Object] = Object) -> Iterator[type[Object]]:
    """Every class of the package's events and of the objects in them, below this one."""
    for cls in of.__subclasses__():
        if cls.__name__ in sources():
            yield cls
        yield from classes(cls)
