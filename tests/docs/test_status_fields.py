"""The tables of `/status`'s fields."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from cluster.wire.status import ClusterStatus
from docs.generator.status_fields import status_fields


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(msgspec.Struct):
    """A wheel. It turns."""

    inches: Annotated[float, msgspec.Meta(ge=1)] | None = None
    """How large | wide; None: nobody looked."""


class Car(msgspec.Struct):
    """A car
    of ours."""

    wheels: list[Wheel]
    spare: Wheel | None
    colour: Colour
    kind: Literal["van", 3]
    by_name: dict[str, int]


TABLES = """
### `Car` { #Car }

A car of ours.

| field | type | what |
| --- | --- | --- |
| `wheels` | list of [`Wheel`](#Wheel) |  |
| `spare` | [`Wheel`](#Wheel) or null |  |
| `colour` | `"red"`, `"blue"` |  |
| `kind` | `3`, `"van"` |  |
| `by_name` | object: whole number by text |  |

### `Wheel` { #Wheel }

A wheel.

| field | type | what |
| --- | --- | --- |
| `inches` | number or null | How large \\| wide; null: nobody looked. |
"""


def test_each_struct_is_told_once_in_words_of_json() -> None:
    assert status_fields(Car) == TABLES


def test_every_field_of_the_status_is_there() -> None:
    page = status_fields(ClusterStatus)
    for field in msgspec.structs.fields(ClusterStatus):
        assert page.count(f"\n| `{field.encode_name}` | ") >= 1
    assert "### `ShardStatus` {" in page
    assert "None" not in page
