"""Every event of the catalogue can be sent, and what is in it is of the documented kind."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cluster.discord.limits import shard_of_guild
from cluster.sandbox.catalogue import Field, catalogue
from cluster.sandbox.catalogue.types import Array, Either, Map, Ref, Row, Scalar, Type, Versioned
from cluster.sandbox.world import World
from cluster.sandbox.world.traffic import DIRECT_HANDLERS, HANDLERS

NAMES = list(catalogue().events)
GENERATED = [n for n in NAMES if n not in HANDLERS and n not in ("READY", "GUILD_MEMBERS_CHUNK")]
LARGEST = 60_000


@pytest.mark.parametrize("name", NAMES)
def test_every_event_can_be_sent(world: World, name: str) -> None:
    guild_id = world.guild_ids(0, 1)[0]
    events = [*world.emit(name, guild_id=guild_id)]
    assert name in [event.name for event in events]
    for event in events:
        json.loads(event.data)
        assert b'", "' not in event.data[:40]
        assert len(event.data) < LARGEST
        assert event.guild_id in (None, guild_id)


@pytest.mark.parametrize("name", NAMES)
def test_an_event_is_routed_by_the_guild_that_it_names(world: World, name: str) -> None:
    path = catalogue().events[name].guild_id_path
    for event in world.emit(name):
        d = json.loads(event.data)
        if event.name == name and path and isinstance(d, dict) and path in d:
            assert event.guild_id == int(d[path])


def test_events_of_the_official_documentation_are_modelled() -> None:
    official = {name for name, event in catalogue().events.items() if event.official}
    assert official - set(HANDLERS) == {"READY", "GUILD_MEMBERS_CHUNK"}


def test_unknown_events_and_guilds_are_refused(world: World) -> None:
    with pytest.raises(KeyError):
        world.emit("NO_SUCH_EVENT")
    with pytest.raises(KeyError):
        world.emit("TYPING_START", guild_id=5)
    with pytest.raises(ValueError, match="NO_SUCH_EVENT"):
        world.set_mix({"NO_SUCH_EVENT": 1.0})
    with pytest.raises(ValueError, match="above 0"):
        world.set_mix({"TYPING_START": 0.0})


@pytest.mark.parametrize("name", sorted(DIRECT_HANDLERS))
def test_direct_events_have_no_guild(world: World, name: str) -> None:
    events = [*world.emit_direct(name)]
    assert name in [event.name for event in events]
    for event in events:
        assert event.guild_id is None
        assert event.redacted is None
        assert "guild_id" not in json.loads(event.data)


def fits(value: Any, kind: Type) -> bool:
    """Whether a value is of a documented type (objects: see `missing`)."""
    if isinstance(kind, Scalar):
        return _scalar_fits(value, kind.kind)
    if isinstance(kind, Array):
        return isinstance(value, list) and all(fits(item, kind.item) for item in value)
    if isinstance(kind, Row):
        return isinstance(value, list) and len(value) == len(kind.items)
    if isinstance(kind, Either):
        return any(fits(value, choice) for choice in kind.choices)
    if isinstance(kind, Versioned):
        return fits(value["entries"], Array(kind.item))
    if isinstance(kind, Map):
        return isinstance(value, dict) and all(fits(item, kind.value) for item in value.values())
    return isinstance(value, dict)


def _scalar_fits(value: Any, kind: str) -> bool:
    if kind == "snowflake":
        return isinstance(value, str) and value.isdecimal()
    if kind == "timestamp":
        pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"
        return isinstance(value, str) and re.fullmatch(pattern, value) is not None
    if kind == "integer":
        return type(value) is int
    if kind == "float":
        return type(value) in (int, float)
    if kind in ("string", "date"):
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    return True


def wrong(d: dict[str, Any], fields: tuple[Field, ...]) -> list[str]:
    """Names of fields that are not there, or not of their type."""
    return [
        field.name
        for field in fields
        if not field.deprecated
        and (
            field.name not in d
            or not (fits(d[field.name], field.type) or (d[field.name] is None and field.nullable))
        )
    ]


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_event_has_every_field_of_its_table(world: World, name: str) -> None:
    spec = catalogue().events[name]
    d = json.loads([*world.emit(name)][-1].data)
    if spec.array is not None:
        assert fits(d, spec.array)
        return
    assert not wrong(d, spec.fields)
    for field in spec.fields:
        if isinstance(field.type, Ref) and isinstance(d.get(field.name), dict):
            known = catalogue().fields_of(field.type.name, field.type.partial)
            assert known, field


def test_guilds_are_dealt_out_over_shards(make_world: Any) -> None:
    world = make_world(guilds=64)
    everyone = world.guild_ids(0, 1)
    assert len(set(everyone)) == 64
    for count in (2, 4, 16):
        shards = [world.guild_ids(shard, count) for shard in range(count)]
        assert [len(ids) for ids in shards] == [64 // count] * count
        for shard, ids in enumerate(shards):
            assert all(shard_of_guild(guild_id, count) == shard for guild_id in ids)
