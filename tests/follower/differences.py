"""Where two JSON values differ, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_WORDS = 120
"""Characters of a value that are shown."""


def differences(believed: Any, true: Any, path: str = "") -> Iterator[str]:
    """Name each innermost place where the two differ."""
    if believed == true:
        return
    if isinstance(believed, dict) and isinstance(true, dict):
        for key in sorted(believed.keys() | true.keys()):
            where = f"{path}.{key}" if path else str(key)
            if key not in true:
                yield f"{where}: {_words(believed[key])} is not there"
            elif key not in believed:
                yield f"{where}: {_words(true[key])} is not known of"
            else:
                yield from differences(believed[key], true[key], where)
    else:
        yield f"{path}: {_words(believed)} is {_words(true)}"


def _words(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _WORDS else text[:_WORDS] + " ..."
