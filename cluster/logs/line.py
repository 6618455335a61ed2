"""Reads one line of a log, in each form that the processes of a cluster write. Pure.

text     2026-03-01 12:05:00,123 INFO coordinator.maintenance: the store can't be written
logfmt   time=2026-03-01T12:05:00.123Z level=info msg="the store can't be written" shard=3
JSON     {"time": "2026-03-01T12:05:00.123Z", "level": "info", "msg": "the store ...", "shard": 3}

A line of none of them (of a traceback, say) belongs to the one before it, unless it tells of the
death of a process that could not log any more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.logs import logfmt

LEVELS: Final = ("debug", "info", "warning", "error", "critical")
"""The levels, the least first."""
SHORT: Final = {"warn": "warning", "err": "error", "fatal": "critical", "trace": "debug"}
TIMES: Final = ("time", "ts", "timestamp")
MESSAGES: Final = ("msg", "message", "event")

CRASHES: Final = ("Traceback (most recent call last)", "Fatal Python error")
"""How a line begins that Python itself writes."""
LOUD: Final = ("error", "critical")

_text = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d{3}) (\w+) (.*)", re.DOTALL)
_decode = msgspec.json.Decoder(dict[str, Any]).decode

NO_FIELDS: Final[Mapping[str, Any]] = MappingProxyType({})


class Line(NamedTuple):
    """A line of a log, read."""

    time: float
    """Unix seconds; 0: not known."""
    level: str
    """One of LEVELS; empty: not known."""
    text: str
    """What it says."""
    head: bool = True
    """Whether it is a line of its own; False: it goes on with the one before it, and has that
    one's time and level."""
    fields: Mapping[str, Any] = NO_FIELDS
    """What else it has, by name. "error" may be many lines."""

    def named(self, *, without: Collection[str] = ()) -> str:
        """Return the fields as name=value, in one line."""
        return " ".join(f"{k}={_shown(v)}" for k, v in self.fields.items() if k not in without)


FIRST: Final = Line(0.0, "", "")
"""The line before the first one of a file."""


def read(text: str, before: Line = FIRST) -> Line:
    """Return a line, read. before: the line before it in the same file."""
    head = _read_json(text) if text.startswith("{") else _read_text(text) or _read_logfmt(text)
    if head is not None:
        return head
    if text.startswith(CRASHES) and before.level not in LOUD:
        return Line(before.time, "error", text)
    return Line(before.time, before.level, text, head=before is FIRST)


def is_line(text: str) -> bool:
    """Whether a text is a whole line of logfmt or JSON."""
    return (_read_json(text) if text.startswith("{") else _read_logfmt(text)) is not None


def words(text: str) -> str:
    """Return what a line says, without time, level and fields; of a traceback its last line."""
    if text.startswith("{"):
        try:
            fields = _decode(text)
        except MALFORMED:
            return text
    elif found := _text.match(text):
        return found[3]
    elif text.startswith(tuple(f"{name}=" for name in TIMES)):
        fields, _ = logfmt.decode(text)
    else:
        return text
    message = str(_pop(fields, MESSAGES) or "")
    error = str(fields.get("error", "")).strip().rpartition("\n")[2]
    return ": ".join(part for part in (message, error) if part)


def is_at_least(level: str, least: str) -> bool:
    """Whether a line of this level is to be shown, where `least` is asked for. One of which it is
    not known is as good as "info"."""
    return LEVELS.index(level or "info") >= LEVELS.index(least)


def _read_text(text: str) -> Line | None:
    found = _text.match(text)
    if found is None or (level := _level(found[2])) == "":
        return None
    time = _time(found[1].replace(",", "."))
    return None if time is None else Line(time, level, found[3])


def _read_logfmt(text: str) -> Line | None:
    if not text.startswith(tuple(f"{name}=" for name in TIMES)):
        return None
    return _of_fields(*logfmt.decode(text))


def _read_json(text: str) -> Line | None:
    try:
        return _of_fields(_decode(text))
    except MALFORMED:
        return None


def _of_fields(fields: dict[str, Any], rest: str = "") -> Line | None:
    """Return the line that these fields are; None: they have no time. rest: what follows them."""
    stamp = _pop(fields, TIMES)
    time = float(stamp) if isinstance(stamp, int | float) else _time(str(stamp))
    if time is None:
        return None
    level, message = _level(str(_pop(fields, ("level", "lvl")))), str(_pop(fields, MESSAGES) or "")
    fields.pop("process", None)  # the file says whose it is
    text = " ".join(filter(None, [message, rest]))
    return Line(time, level, text, fields=fields or NO_FIELDS)


def _pop(fields: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((fields.pop(name) for name in names if name in fields), None)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f'"{text}"' if not text or " " in text else text


def _level(word: str) -> str:
    level = SHORT.get(word.lower(), word.lower())
    return level if level in LEVELS else ""


def _time(text: str) -> float | None:
    """Return a time in ISO 8601 as Unix seconds; None: it is none. Without a zone it is local."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
