"""What configs/cluster.toml says in its comments, by section and key.

The file is our own, so this reads its form and no other: a ruler (``# ---- Title ---``) begins a
section, the comment right above a key is about it, and keys that follow each other without one
share the first one's.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import Final, NamedTuple

_RULER: Final = re.compile(r"# -{2,} (.*?) -{2,}$")
_KEY: Final = re.compile(r"(?:# )?([a-z_]+) = ")
_TABLE: Final = re.compile(r"(?:# )?\[([a-z_.]+)\]$")
_NO_DEFAULT: Final = " Default: none."
"""How the file says it of a key that it gives no value; the page says it of every key."""


class Entry(NamedTuple):
    """A key as the file has it."""

    key: str
    """Dotted, as "identify.margin_ms"."""
    words: str
    """Its comment in one line; empty: it has none of its own."""
    shared: bool = False
    """The next key has none of its own and stands right below: the words are about both."""


class Section(NamedTuple):
    """Keys that stand together."""

    title: str
    """The ruler's, or the table's as "[hub]"."""
    words: str
    """What stands above its first key and is about none; may be empty."""
    entries: list[Entry]


def sections(text: str, keys: Container[str]) -> list[Section]:
    """Return the sections of the file in their order. keys: those that there are, dotted."""
    found = [Section("The cluster", "", [])]
    table, comment, below = "", "", False
    for line in _after_head(text):
        if not line:
            comment, below = _about_section(found, comment), False
        elif ruler := _RULER.match(line):
            found.append(Section(ruler[1], "", []))
            comment, below = "", False
        elif key := _key(line, table, keys):
            entries = found[-1].entries
            if below and not comment:
                entries[-1] = entries[-1]._replace(shared=True)
            entries.append(Entry(key, comment.removesuffix(_NO_DEFAULT)))
            comment, below = "", True
        elif (begun := _TABLE.match(line)) and not line.startswith("#"):
            table = begun[1]
            comment, below = _about_section(found, comment), False
            if found[-1].entries:
                found.append(Section(f"[{table}]", "", []))
        elif line.startswith("# "):
            comment = f"{comment} {line[2:]}".lstrip()
    return found


def _after_head(text: str) -> Iterator[str]:
    """Yield the lines after the first paragraph, which is about the file."""
    return iter(text.partition("\n\n")[2].splitlines())


def _key(line: str, table: str, keys: Container[str]) -> str | None:
    """Return the key that a line gives a value, or would if it were no comment; a table may be a
    key's value, too."""
    if (begun := _TABLE.match(line)) and begun[1] in keys:
        return begun[1]
    if given := _KEY.match(line):
        name = f"{table}.{given[1]}" if table else given[1]
        return name if name in keys else None
    return None


def _about_section(found: list[Section], comment: str) -> str:
    """Give what was said, and no key took, to the section that has begun; return what is left."""
    if comment and not found[-1].entries:
        found[-1] = found[-1]._replace(words=f"{found[-1].words} {comment}".lstrip())
    return ""
