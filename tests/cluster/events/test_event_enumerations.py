"""Every enumeration of events has the numbers, texts and names that Discord's documentation has.

`documented_enumerations.json` has its tables, one a line: names and values from the official
documentation and from the unofficial one, as both were in the summer of 2026, with the page and the
section that a table stands in. A name is null where a table has values only; a row is withdrawn
where the documentation strikes it out. The names of a class are the unofficial documentation's,
since that has all of them; the official one calls some otherwise.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

from cluster.events import enums
from cluster.events.enums.base import Flags, OpenInt, OpenStr

TABLES: Final[list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("documented_enumerations.json").read_bytes()
)


def enumerations() -> dict[str, type[Enum]]:
    """Return every enumeration of events, by name."""
    modules = [
        importlib.import_module(f"{enums.__name__}.{module.name}")
        for module in pkgutil.iter_modules(enums.__path__)
    ]
    return {
        name: kind
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, Flags | OpenInt | OpenStr)
        and kind not in (Flags, OpenInt, OpenStr)
    }


def test_enumerations_have_what_is_documented() -> None:
    assert [fault for table in TABLES for fault in faults_of(table)] == []


def faults_of(table: dict[str, Any]) -> Iterator[str]:
    """Yield what an enumeration has otherwise than this table."""
    kind = enumerations()[table["enumeration"]]
    members = {name: one.value for name, one in kind.__members__.items()}
    for row in table["values"]:
        value, name = row["value"], re.sub("[^A-Z0-9]+", "_", (row["name"] or "").upper())
        where = f"{table['enumeration']}, {table['documentation']}: {row['name']} = {value}"
        if value not in members.values():
            yield f"{where} is missing"
        if members.get(name.strip("_"), value) != value:
            yield f"{where} has another value"
        all_named = table["documentation"] == "unofficial" and not row.get("withdrawn")
        if name and all_named and name.strip("_") not in members:
            yield f"{where} has another name"


def test_every_member_of_an_enumeration_is_documented() -> None:
    documented: dict[str, set[int | str]] = {}
    for table in TABLES:
        values = documented.setdefault(table["enumeration"], set())
        values.update(row["value"] for row in table["values"])
    assert documented.keys() == enumerations().keys()
    ours = {
        name: {one.value for one in kind.__members__.values()}
        for name, kind in enumerations().items()
    }
    assert ours == documented
