"""Whatever comes, ``decode`` gives an event: with fields absent, null, of a wrong type, unknown."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cluster.events import UNSET, GatewayEvent, ParseError, UnknownEvent, decode
from cluster.events.base import DISPATCHES
from tests.cluster.events.event_samples import NAMES, sample_json

names = st.sampled_from(NAMES)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["", "0", "1e400", "1e5", "-1", "2024-01-01", "9" * 30, 2**64, 10**400])
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of each place in a JSON value."""
    found: list[tuple[Any, Any]] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in pairs:
        found.append((value, key))
        if isinstance(inner, dict | list):
            found += places(inner)
    return found


def check(name: str, data: bytes) -> GatewayEvent:
    event = decode(name, data)
    assert event.data == data
    assert event.name == name
    assert "\n" not in str(event)
    assert len(str(event)) < 1000
    assert repr(event)
    if not isinstance(event, ParseError):
        assert type(event) is DISPATCHES[name]
    assert all(misfit.path.startswith("$") and misfit.reason for misfit in event.misfits)
    return event


@given(names, st.binary(max_size=200))
def test_any_bytes(name: str, data: bytes) -> None:
    check(name, data)


@given(names, anything)
def test_any_json(name: str, d: Any) -> None:
    check(name, json.dumps(d).encode())


@given(st.text(), st.binary(max_size=50))
def test_any_name(name: str, data: bytes) -> None:
    if name not in DISPATCHES:
        assert decode(name, data) == UnknownEvent(name, data)


@given(names, st.data())
def test_something_else_in_any_place(name: str, data: st.DataObject) -> None:
    d = sample_json(name)
    if spots := places(d):
        container, key = data.draw(st.sampled_from(range(len(spots))).map(spots.__getitem__))
        container[key] = data.draw(anything)
    check(name, json.dumps(d).encode())


@given(names, st.data())
def test_a_field_that_is_not_there(name: str, data: st.DataObject) -> None:
    d = sample_json(name)
    if spots := [spot for spot in places(d) if isinstance(spot[0], dict)]:
        container, key = data.draw(st.sampled_from(range(len(spots))).map(spots.__getitem__))
        del container[key]
    check(name, json.dumps(d).encode())


@given(names, st.data())
def test_a_field_of_the_future_changes_nothing(name: str, data: st.DataObject) -> None:
    d = sample_json(name)
    before = repr(decode(name, json.dumps(d).encode()))
    for one in d if isinstance(d, list) else [d]:
        one["a field of the future"] = data.draw(anything)
    if name != "REMOTE_COMMAND":  # its payload is any object that another client sent
        assert repr(check(name, json.dumps(d).encode())) == before


@given(names, st.data())
def test_an_optional_field_of_an_event_may_be_absent(name: str, data: st.DataObject) -> None:
    fields = [field for field in msgspec.structs.fields(DISPATCHES[name]) if field.default is UNSET]
    d = sample_json(name)
    if fields:
        gone = data.draw(st.sets(st.sampled_from([field.encode_name for field in fields])))
        d = {key: value for key, value in d.items() if key not in gone}
        event = check(name, json.dumps(d).encode())
        assert not isinstance(event, ParseError)
        for field in fields:
            if field.encode_name in gone:
                assert getattr(event, field.name) is UNSET
