"""The tables of docs/reference/http.md: each field of `/status`, from the structs that are sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import inspect

from docs.generator.attribute_words import attribute_words

_VALUES: Final = {"None": "null", "True": "true", "False": "false"}
HEAD: Final = "| field | type | what |\n| --- | --- | --- |\n"


def status_fields(root: type[msgspec.Struct]) -> str:
    """Return a table for a struct and one for each struct that is met in it, in Markdown."""
    parts, met = [], [root]
    for cls in met:  # it grows
        parts.append(f"\n### {_title(cls)} {{ #{cls.__name__} }}\n\n{_first_words(cls)}\n\n{HEAD}")
        words = attribute_words(cls)
        for field in msgspec.structs.fields(cls):
            info = inspect.type_info(field.type)
            met += [inner for inner in _structs(info) if inner not in met]
            said = _as_json(words.get(field.name, "")).replace("|", "\\|")
            parts.append(f"| `{field.name}` | {_words(info)} | {said} |\n")
    return "".join(parts)


def _title(cls: type) -> str:
    return f"`{cls.__name__}`"


def _first_words(cls: type) -> str:
    """Return the first sentence of a class's docstring."""
    text = " ".join((cls.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + "."


def _as_json(words: str) -> str:
    """Return words of Python's with the values that JSON has."""
    return re.sub(r"\b(None|True|False)\b", lambda found: _VALUES[found[1]], words)


def _structs(info: inspect.Type) -> Iterator[type[msgspec.Struct]]:
    """Yield the structs in a type, each as often as it is there."""
    match info:
        case inspect.StructType(cls=cls):
            yield cls
        case inspect.Metadata(type=inner):
            yield from _structs(inner)
        case inspect.ListType(item_type=item):
            yield from _structs(item)
        case inspect.DictType(value_type=value):
            yield from _structs(value)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from _structs(inner)


def _words(info: inspect.Type) -> str:
    """Return what a type is in JSON."""
    match info:
        case inspect.Metadata(type=inner):
            return _words(inner)
        case inspect.UnionType(types=types):
            return " or ".join(map(_words, types))
        case inspect.StructType(cls=cls):
            return f"[{_title(cls)}](#{cls.__name__})"
        case inspect.EnumType(cls=enum):
            return ", ".join(f"`{json.dumps(member.value)}`" for member in enum)
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        case inspect.ListType(item_type=item):
            return f"list of {_words(item)}"
        case inspect.DictType(key_type=key, value_type=value):
            return f"object: {_words(value)} by {_words(key)}"
    return _SIMPLE[type(info)]


_SIMPLE: Final[dict[type[inspect.Type], str]] = {
    inspect.IntType: "whole number",
    inspect.FloatType: "number",
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.NoneType: "null",
    inspect.AnyType: "anything",
}
