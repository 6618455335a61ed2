"""Log records as lines: one a record, whatever it holds; logfmt for people, JSON for collectors.

The formats are made here and not by structlog or python-json-logger: both would bring a second
way to log, and their logfmt does not escape what splits a line.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

from cluster.logs.logfmt import encode, quoted

LogFormat = Literal["logfmt", "json"]

LONGEST_LINE: Final = 15 * 1024
"""Bytes of a line; who reads logs may cut a longer one in two (cluster/logs/files.py)."""
LONGEST_TEXT: Final = 8 * 1024
"""Characters of a text in it to begin with; of a longer one its middle is left out."""


class LineFormatter(logging.Formatter):
    """Makes lines of records. A record's ``fields`` (logging's extra) are fields of the line."""

    def __init__(self, process: str, log_format: LogFormat = "logfmt", secret: str = "") -> None:
        """process: whose log it is, "worker-3". secret: what no line may hold, whatever a message
        quotes; empty: nothing."""
        super().__init__()
        self._process = process
        self._encode = _as_json if log_format == "json" else encode
        self._secret = secret

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without its end."""
        fields: dict[str, object] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "process": self._process,
            "msg": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if "kind" not in fields:
            fields["logger"] = record.name
        if error := self._error(record):
            fields["error"] = error
        return self._line(fields)

    def _error(self, record: logging.LogRecord) -> str:
        """Return the traceback that belongs to a record; empty: none does."""
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        parts = (record.exc_text, self.formatStack(record.stack_info) if record.stack_info else "")
        return "\n".join(part for part in parts if part)

    def _line(self, fields: dict[str, object]) -> str:
        """Return fields as a line that is not too long."""
        most = LONGEST_TEXT
        while True:
            line = self._encode({key: _cut(value, most) for key, value in fields.items()})
            if self._secret:
                line = line.replace(self._secret, "<token>")
            if len(line) * 4 <= LONGEST_LINE or len(line.encode()) <= LONGEST_LINE:
                return line
            most //= 2


def line_of(process: str, level: str, text: str, log_format: LogFormat, now: float) -> str:
    """Return a line of what no logger wrote. now: Unix seconds."""
    fields = {"time": _time(now), "level": level, "process": process, "msg": text}
    return (_as_json if log_format == "json" else encode)(fields)


def _cut(value: object, most: int) -> object:
    """Return a value that is no longer text than so many characters: its middle is left out."""
    if not isinstance(value, str) or len(value) <= most:
        return value
    half = most // 2
    return f"{value[:half]} [{len(value) - 2 * half:,} characters left out] {value[-half:]}"


def _time(seconds: float) -> str:
    """Return Unix seconds in RFC 3339, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _as_json(fields: Mapping[str, object]) -> str:
    parts = (f"{quoted(key)}: {_json_value(value)}" for key, value in fields.items())
    return "{" + ", ".join(parts) + "}"


def _json_value(value: object) -> str:
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float) and value - value == 0.0:
        return json.dumps(value)
    return quoted(str(value))
