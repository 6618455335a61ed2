"""How a line of the logs is shown: to people, to a pipe, as JSON; what people mean by a time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import msgspec
from rich.text import Text

from cluster.cli.logs.merge import Entry
from cluster.cli.terminal.event_lines import printable
from cluster.errors import ConfigError
from cluster.logs.line import Line

STYLES: Final = {
    "debug": "dim",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
LONG: Final = ("error", "logger", "kind")
"""Fields that a terminal does not show in a line: a traceback is lines of its own, and the others
are for machines."""
INDENT: Final = "    "
UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_span = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|m|h|d)")
_clock = re.compile(r"\d\d?:\d\d(:\d\d)?")


def plain(entry: Entry) -> str:
    """Return a line for a pipe, "2026-03-01 12:05:00.123 worker-0 INFO text name=value". What goes
    on with the line before it, and the lines of an error, are indented by the text alone."""
    line = entry.line
    if not line.head:
        return f"{INDENT}{printable(line.text)}".rstrip()
    time = f"{_local(line.time):%Y-%m-%d %H:%M:%S.%f}"[:-3] if line.time else "-"
    text = printable(f"{line.text} {line.named(without=['error'])}")
    first = f"{time} {entry.source} {line.level.upper() or '-'} {text}".rstrip()
    return "\n".join([first, *(f"{INDENT}{part}" for part in _error(line))])


def coloured(entry: Entry, today: datetime, width: int) -> Text:
    """Return a line for a terminal: the date only of other days, the level only where it is not
    "info", and no field that the text has said. width: of the longest name of a process."""
    line = entry.line
    style = STYLES.get(line.level, "")
    if not line.head:
        return Text(f"{INDENT}{printable(line.text)}", style=style or "dim")
    when = _local(line.time)
    day = "" if when.date() == today.date() else f"{when:%Y-%m-%d} "
    time = f"{day}{when:%H:%M:%S}.{when.microsecond // 1000:03d}" if line.time else "-"
    level = "" if line.level in ("info", "") else f"{line.level}: "
    said = [*LONG, *(name for name, value in line.fields.items() if _says(line.text, str(value)))]
    text = Text.assemble(
        (time, "dim"),
        " ",
        (f"{entry.source:<{width}}", "cyan"),
        " ",
        (f"{level}{printable(line.text)}", style),
    )
    if fields := printable(line.named(without=said)):
        text.append(f"  {fields}", "dim")
    for part in _error(line):
        text.append(f"\n{INDENT}{part}", style)
    return text


def _says(text: str, value: str) -> bool:
    """Whether a text has this value in it, as words or a number of their own."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def _error(line: Line) -> list[str]:
    """Return the lines of a traceback."""
    return [printable(part) for part in str(line.fields.get("error", "")).splitlines()]


def as_json(entry: Entry) -> str:
    """Return a line as a JSON object: time (RFC 3339), process, level, text, fields."""
    line = entry.line
    time = datetime.fromtimestamp(line.time).astimezone() if line.time else None
    row = {
        "time": time,
        "process": entry.source,
        "level": line.level,
        "text": line.text,
        "fields": dict(line.fields),
    }
    return msgspec.json.encode(row).decode()


def since(text: str, now: datetime) -> float:
    """Return Unix seconds of a moment that was given as "10min", "2h", "12:05" or
    "2026-03-01 12:05". now: local time. Raises ConfigError."""
    try:
        if found := _span.fullmatch(text.strip()):
            return (now - timedelta(seconds=float(found[1]) * UNITS[found[2]])).timestamp()
        if _clock.fullmatch(text.strip()):
            clock = datetime.strptime(text.strip(), "%H:%M:%S" if text.count(":") > 1 else "%H:%M")
            moment = now.replace(
                hour=clock.hour, minute=clock.minute, second=clock.second, microsecond=0
            )
            if moment > now:  # it was meant of the day before
                moment -= timedelta(days=1)
            return moment.timestamp()
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            f"--since {text!r} is no time", "give 10min, 2h, 12:05 or 2026-03-01T12:05"
        ) from None


def _local(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds)
