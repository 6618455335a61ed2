"""logfmt: fields as key=value in one line, quoted as JSON strings are where they must be. Pure.

There is no standard; this is what Go's logfmt and Loki read: keys of letters, digits, "_", "." and
"-", values bare where they hold nothing that ends or splits a line, else quoted. Numbers, truth
values and null are told from texts of the same letters by the quotes of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from cluster.decode_errors import MALFORMED

_BARE: Final = re.compile(r"[^\s\x00-\x20\x7f-\x9f\u2028\u2029\"=\\\ud800-\udfff]+")
_LIKE_OTHERS: Final = re.compile(r"-?\d[\d_.eE+-]*|true|false|null|nan|-?inf", re.I)
_KEY: Final = re.compile(r"[\w.-]+", re.ASCII)
_FIELD: Final = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')
_ENDS: Final = re.compile("[\x7f-\x9f\u2028\u2029]")


def quoted(text: str) -> str:
    """Return a text as a JSON string in one line: without what some readers take for the end of
    one, and with U+FFFD for halves of surrogate pairs, which no UTF-8 can hold."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    plain = json.dumps(whole, ensure_ascii=False)
    return _ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def encode(fields: Mapping[str, object]) -> str:
    """Return fields as one line. ValueError for a key that is none."""
    parts: list[str] = []
    for key, value in fields.items():
        if not _KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key")
        parts.append(f"{key}={_value(value)}")
    return " ".join(parts)


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    is_bare = _BARE.fullmatch(text) and not _LIKE_OTHERS.fullmatch(text)
    return text if is_bare else quoted(text)


def decode(line: str) -> tuple[dict[str, Any], str]:
    """Return the fields of a line, and what follows them and is none. Bare values are texts."""
    fields: dict[str, Any] = {}
    at = 0
    while at < len(line) and (found := _FIELD.match(line, at)):
        fields[found[1]], at = _unquoted(found[2]), found.end()
    return fields, line[at:]


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return msgspec.json.decode(text, type=str)
    except MALFORMED:
        return text[1:-1]
