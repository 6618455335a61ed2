"""Writes the tables of docs/events.md: `python tests/cluster/events/events_page.py`.

What stands above them in the page is written by hand.
"""

from __future__ import annotations

import inspect
from itertools import groupby
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from cluster.events import HeartbeatAck, Reconnect
from cluster.events.base import DISPATCHES, NOT_OF_D, Dispatch
from cluster.sandbox.catalogue import catalogue

PAGE: Final = Path(__file__).parents[3] / "docs" / "events.md"
MOST_FIELDS: Final = 7
HEAD: Final = "| event | class | fields | bots | what it says |\n| --- | --- | --- | --- | --- |\n"

UNDOCUMENTED: Final = "(undocumented)"
"""What stands before the words on an event whose fields no documentation has."""
MARK: Final = "<!-- What follows is generated: python tests/cluster/events/events_page.py -->\n"


def page() -> str:
    """The page, with the tables as the code is now."""
    parts = [PAGE.read_text(encoding="utf-8").partition(MARK)[0], MARK]
    for title, group in groupby(_sorted(), key=lambda cls: cls.category.split("/")[0]):
        parts.append(f"\n## {title}\n\n")
        parts.append(
            "| event | class | fields | bots | what it says |\n| --- | --- | --- | --- | --- |\n"
        )
        if title == "Gateway":
            parts.extend(_frame(cls) for cls in (Reconnect, HeartbeatAck))
        parts.extend(map(_row, group))
    return "".join(parts)


def _sorted() -> list[type[Dispatch]]:
    """Return the classes by category, in the order in which the categories come first: the Rust
    client's."""
    classes = list(DISPATCHES.values())
    first: dict[str, int] = {}
    for number, cls in enumerate(classes):
        first.setdefault(cls.category.split("/")[0], number)
    return sorted(classes, key=lambda cls: first[cls.category.split("/")[0]])


def _frame(cls: type[Reconnect | HeartbeatAck]) -> str:
    return f"| (no dispatch) | `{cls.__name__}` | | yes | {_says(cls)} |\n"


def _row(cls: type[Dispatch]) -> str:
    wire = f"`{cls.name}`" if cls.listed else f"*`{cls.name}`*"
    bots = "yes" if catalogue().events[cls.name].official else ""
    says = _says(cls) if cls.documented else f"{UNDOCUMENTED} {_says(cls)}"
    return f"| {wire} | `{cls.__name__}` | {_fields(cls)} | {bots} | {says} |\n"


def _fields(cls: type[Dispatch]) -> str:
    hints = get_type_hints(cls, include_extras=True)
    names = [name for name in cls.__struct_fields__ if name not in NOT_OF_D]
    shown = [f"**{name}**" if _is_payload(hints[name]) else name for name in names]
    if len(shown) > MOST_FIELDS:
        return f"{', '.join(shown[:MOST_FIELDS])} and {len(shown) - MOST_FIELDS} more"
    return ", ".join(shown)


def _is_payload(kind: Any) -> bool:
    return "payload" in get_args(kind)


def _says(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
