"""What the site makes of docstrings: a parameter that is told in a sentence of its own is an item
of a list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

_END: Final = re.compile(r"(Returns?|Raises?|Without|Otherwise)\b")
"""What begins another paragraph below the parameters."""


def with_lists(text: str, names: Collection[str]) -> str:
    """Return a docstring whose sentences ``name: words``, of these names, are items of lists."""
    if not names:
        return text
    name = "|".join(map(re.escape, names))
    apart = re.sub(rf"(?<=\.) +(?=(?:{name})(?:, (?:{name}))*: )", "\n", text)
    return "\n".join(_lines(apart, names))


def _lines(text: str, names: Collection[str]) -> Iterator[str]:
    inside = False
    for line in text.split("\n"):
        before, colon, after = line.partition(": ")
        told = before.split(", ")
        if colon and all(name in names for name in told):
            if not inside:
                yield ""
            inside = True
            yield f"- {', '.join(f'`{name}`' for name in told)}: {after}"
        elif inside and (not line or _END.match(line)):
            inside = False
            yield from ("", line) if line else ("",)
        else:
            yield f"  {line}" if inside else line
