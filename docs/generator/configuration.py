"""The entries of docs/reference/configuration.md: each key with its type, bounds, default and
variable from the structs that are their source, in the order and with the words of
configs/cluster.toml."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from cluster.config.schema import Key, Schema, allowed
from docs.generator.attribute_words import attribute_words
from docs.generator.commented_file import Section, sections

_PAGE: Final = re.compile(r"\bdocs/([\w-]+\.md)")


def configuration(schema: Schema, commented: str, variables: Mapping[str, str]) -> str:
    """Return what the page has of each key, in Markdown. commented: the text of
    configs/cluster.toml; variables: name of a variable -> key. ValueError: a key that is nowhere
    explained."""
    said = _docstrings(schema)
    names = {key: variable for variable, key in variables.items()}
    parts: list[str] = []
    left = set(schema.keys)
    for section in sections(commented, schema.keys):
        parts.append(_heading(section))
        for entry in section.entries:
            own = "" if entry.shared else entry.words
            words = own or said.get(entry.key) or entry.words
            if not words:
                raise ValueError(f"nothing says what {entry.key} is")
            parts.append(_entry(schema.keys[entry.key], words, names[entry.key]))
            left.discard(entry.key)
    if left:
        raise ValueError(f"configs/cluster.toml lacks {', '.join(sorted(left))}")
    return "".join(parts)


def _docstrings(schema: Schema) -> dict[str, str]:
    """Return what the structs say of their fields, by dotted key."""
    said = attribute_words(schema.root)
    for table, kind in schema.tables.items():
        said |= {f"{table}.{name}": words for name, words in attribute_words(kind).items()}
    return said


def _heading(section: Section) -> str:
    """Return the section's heading, the table's name if it is one, and what is said under it."""
    table = section.entries[0].key.rpartition(".")[0] if section.entries else ""
    if not table:
        return f"\n## {section.title}\n" + _paragraph(section.words)
    title = "" if section.title == f"[{table}]" else f"{section.title}."
    return f"\n## `[{table}]` {{ #{table} }}\n{_paragraph(title)}{_paragraph(section.words)}"


def _paragraph(words: str) -> str:
    return f"\n{_markdown(words)}\n" if words else ""


def _entry(key: Key, words: str, variable: str) -> str:
    facts = [f"`{variable}`", _markdown(allowed(key.type)), f"default: {_default(key.default)}"]
    return (
        f"\n### `{key.name}` {{ #{key.name} }}\n\n{' · '.join(facts)}\n{{ .facts }}\n\n"
        f"{_markdown(words)}\n"
    )


def _default(value: Any) -> str:
    """Return a value as the file would have it."""
    return "none" if value is None else f"`{json.dumps(value)}`"


def _markdown(words: str) -> str:
    """Return a comment's words as Markdown: what is no code has no stars, and names of pages are
    links."""
    parts = words.split("`")
    parts[::2] = [
        _PAGE.sub(r"[docs/\1](\1)", part.replace("*", r"\*").replace("<", "&lt;"))
        for part in parts[::2]
    ]
    return "`".join(parts)
