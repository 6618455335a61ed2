"""The objects of a library's cache as plain JSON, field by field, whatever their classes are."""

from __future__ import annotations

import array
import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

Special = Callable[[Any], Any]
"""Returns an object of the library as something plain; itself where it knows nothing of it."""


class PlainValues:
    """Makes plain what a library keeps. ``skipped``: fields that lead out of the cache (the client
    itself), or that are worked out when they are first asked for. ``references``: fields that hold
    an object which is dumped elsewhere; its id is enough."""

    def __init__(self, skipped: Set[str], references: Set[str], special: Special) -> None:
        self._skipped = skipped
        self._references = references
        self._special = special

    def of(self, value: Any) -> Any:
        value = self._special(value)
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, datetime.datetime | datetime.timedelta):
            return str(value)
        if isinstance(value, Mapping):
            return {str(key): self.of(value[key]) for key in sorted(value, key=str)}
        if isinstance(value, Set):
            return sorted((self.of(item) for item in value), key=str)
        if isinstance(value, Sequence | array.array):
            return self._row(value)
        return {name: self._field(name, value) for name in self._fields(value)}

    def _row(self, values: Iterable[Any]) -> list[Any]:
        """A list; things that have an id are in the order of their ids, as Discord's lists of them
        have no order."""
        rows = [self.of(value) for value in values]
        if all(isinstance(row, dict) and "id" in row for row in rows):
            rows.sort(key=lambda row: int(row["id"]))
        return rows

    def _fields(self, value: Any) -> list[str]:
        slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
        names = [n for names in slots for n in ((names,) if isinstance(names, str) else names)]
        names += vars(value) if hasattr(value, "__dict__") else ()
        return sorted({n for n in names if n not in self._skipped and hasattr(value, n)})

    def _field(self, name: str, value: Any) -> Any:
        found = getattr(value, name)
        if name in self._references:
            return None if found is None else f"{type(found).__name__} {found.id}"
        return self.of(found)
