"""Text from files and variables that people and tools write, without what nobody sees in it.

A byte order mark, a carriage return, a zero-width space: editors and web pages bring them along. At
the ends they are cut off here; a reader that may not have them inside says which one it met.
"""

from __future__ import annotations

import codecs
import os
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from cluster.errors import ConfigError

_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Unicode's categories of controls, of format characters (a zero-width space, a byte order mark)
and of spaces."""
_QUOTES: Final = ('"', "'", "`")
_ASSIGNMENT: Final = re.compile(r"(export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*[^=\s]")


def trimmed(text: str) -> str:
    """Return the text without spaces, and what else can't be seen, around it."""
    start, end = 0, len(text)
    while start < end and _is_unseen(text[start]):
        start += 1
    while start < end and _is_unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def unseen(text: str) -> str:
    """Return the first character, other than a space, that can't be seen, as "U+200B"; empty: there
    is none."""
    found = next((c for c in text if c != " " and _is_unseen(c)), None)
    return "" if found is None else f"U+{ord(found):04X}"


def is_quoted(text: str) -> bool:
    """Return whether the text has quotes around it, which a shell would have taken away and
    `docker run --env-file` keeps."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES


def is_assignment(text: str) -> bool:
    """Return whether the text is NAME=value, as in a file of variables."""
    return _ASSIGNMENT.match(text) is not None


def utf8(what: str, data: bytes) -> str:
    """Return what a file holds as text. ConfigError, which quotes nothing of it, if it is not
    UTF-8. what: the file, for the error."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]:
        raise ConfigError(f"{what} is UTF-16 text", "save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{what} is not UTF-8 text (byte {error.start + 1})", "save it as UTF-8"
        ) from None


def in_environment(name: str, env: Mapping[str, str] = os.environ) -> str:
    """Return the value of a variable as `variable` gives it; empty: it is not set."""
    return variable(name, env.get(name, ""))


def variable(name: str, value: str) -> str:
    """Return the value of a variable of the environment, without what can't be seen around it.
    ConfigError: it stands in quotes."""
    text = trimmed(value)
    if is_quoted(text):
        raise ConfigError(
            f"the value of {name} stands in quotes",
            "take them out: `docker run --env-file` keeps what a shell takes away",
        )
    return text


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN
