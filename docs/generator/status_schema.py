"""The JSON Schema of what `/status` and `status --json` say, made from the types that they are
encoded from: ``python -m docs.generator.status_schema`` writes
docs/reference/status.schema.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from cluster.wire.status import ClusterStatus
from docs.generator.attribute_words import attribute_words

FILE: Final = Path(__file__).parents[1] / "reference/status.schema.json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def status_schema() -> dict[str, Any]:
    """Return the schema, with the words that the types have on their fields. Source: JSON Schema,
    2020-12."""
    schema = {
        "$schema": DIALECT,
        "title": "dcgw-cluster: /status",
        **msgspec.json.schema(ClusterStatus),
    }
    for shape in schema["$defs"].values():
        if "description" in shape:  # a class's docstring, which msgspec indents or not by version
            shape["description"] = " ".join(shape["description"].split())
    for name, kind in _structs(ClusterStatus).items():
        fields = schema["$defs"][name]["properties"]
        for field, words in attribute_words(kind).items():
            fields[field] = {"description": words, **fields[field]}
    return schema


def _structs(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """Return the struct and all that are in its fields, by name."""
    found: dict[str, type[msgspec.Struct]] = {}

    def look(at: object) -> None:
        match at:
            case msgspec.inspect.StructType(cls=cls, fields=fields):
                if cls.__name__ not in found:
                    found[cls.__name__] = cls
                    for field in fields:
                        look(field.type)
            case msgspec.inspect.ListType(item_type=item):
                look(item)
            case msgspec.inspect.UnionType(types=types):
                for one in types:
                    look(one)
            case msgspec.inspect.DictType(value_type=value):
                look(value)

    look(msgspec.inspect.type_info(kind))
    return found


def text() -> str:
    """Return the file's text."""
    return msgspec.json.format(msgspec.json.encode(status_schema()), indent=1).decode() + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
