"""Structs of a message with anything in them that their types allow."""

from __future__ import annotations

import enum
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from hypothesis import strategies as st

Kind = TypeVar("Kind", bound=msgspec.Struct)

LONGEST: Final = 40
"""Most characters of a text."""
PLAIN: Final[dict[Any, st.SearchStrategy[Any]]] = {
    NoneType: st.none(),
    bool: st.booleans(),
    int: st.integers(0, 2**64 - 1),
    float: st.floats(0.0, 1e12),
    str: st.text(max_size=LONGEST),
}
"""Numbers are those that MessagePack holds, and that count something."""
MOST: Final = 2
"""Most items of a list or a dict."""


def any_struct(kind: type[Kind], **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Kind]:
    """Return a strategy for structs of this type. given: those of fields that are not to be had
    from their types."""
    fields = {name: _any(hint) for name, hint in get_type_hints(kind).items()}
    return st.builds(kind, **fields | given)


def _any(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for a type."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, UnionType):
        return st.one_of(*map(_any, arguments))
    if origin is Annotated:
        longest = min((m.max_length or LONGEST for m in arguments[1:]), default=LONGEST)
        if arguments[0] is str and longest < LONGEST:
            return st.text(max_size=longest)
        return _any(arguments[0])
    if origin is list:
        return st.lists(_any(arguments[0]), max_size=MOST)
    if origin is dict:
        key, value = map(_any, arguments)
        return st.dictionaries(key, value, max_size=MOST)
    if issubclass(hint, enum.Enum):
        return st.sampled_from(hint)
    return any_struct(hint)
