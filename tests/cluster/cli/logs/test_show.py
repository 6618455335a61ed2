"""How a line is shown, and which times people may give."""

from __future__ import annotations

from datetime import datetime

import pytest

from cluster.cli.logs.merge import Entry
from cluster.cli.logs.show import as_json, coloured, plain, since
from cluster.errors import ConfigError
from cluster.logs.line import Line

NOW = datetime(2026, 3, 1, 12, 5, 0, 123_000)


def entry(text: str = "shard 3: ready", level: str = "info", *, head: bool = True) -> Entry:
    return Entry("worker-0", Line(NOW.timestamp(), level, text, head))


def test_a_line_for_a_pipe() -> None:
    assert plain(entry()) == "2026-03-01 12:05:00.123 worker-0 INFO shard 3: ready"
    assert plain(entry("  File", head=False)) == "      File"
    assert plain(Entry("gate", Line(0.0, "", "?"))) == "- gate - ?"
    assert plain(entry("\x1b[2Jgone\x07")) == "2026-03-01 12:05:00.123 worker-0 INFO  [2Jgone"


def test_a_line_for_a_terminal() -> None:
    assert coloured(entry(), NOW, 11).plain == "12:05:00.123 worker-0    shard 3: ready"
    other_day = NOW.replace(day=2)
    assert coloured(entry(), other_day, 8).plain.startswith("2026-03-01 12:05:00.123 worker-0 ")
    warning = coloured(entry("late", "warning"), NOW, 8)
    assert warning.plain == "12:05:00.123 worker-0 warning: late"
    assert warning.spans[-1].style == "yellow"
    assert "\x1b" not in coloured(entry("\x1b[2J"), NOW, 8).plain
    assert coloured(entry("at", "error", head=False), NOW, 8).style == "red"


def test_fields_and_a_traceback() -> None:
    fields = {"shard": 3, "cause": "op 7", "kind": "x", "error": "Traceback:\n  File\x1b"}
    one = Entry("worker-0", Line(NOW.timestamp(), "error", "shard 3 is lost", fields=fields))
    assert plain(one).splitlines() == [
        '2026-03-01 12:05:00.123 worker-0 ERROR shard 3 is lost shard=3 cause="op 7" kind=x',
        "    Traceback:",
        "      File ",
    ]
    assert coloured(one, NOW, 8).plain.splitlines() == [
        '12:05:00.123 worker-0 error: shard 3 is lost  cause="op 7"',
        "    Traceback:",
        "      File ",
    ]
    ten = Entry("worker-0", Line(NOW.timestamp(), "info", "shard 10 is lost", fields={"worker": 1}))
    assert coloured(ten, NOW, 8).plain.endswith("shard 10 is lost  worker=1")
    assert '"fields":{"shard":3,"cause":"op 7","kind":"x","error":"Tr' in as_json(one)


def test_a_line_as_json() -> None:
    row = as_json(entry("a\nb"))
    assert '"process":"worker-0","level":"info","text":"a\\nb","fields":{}}' in row
    assert as_json(Entry("gate", Line(0.0, "", "?"))).startswith('{"time":null,')


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30s", datetime(2026, 3, 1, 12, 4, 30, 123_000)),
        ("10min", datetime(2026, 3, 1, 11, 55, 0, 123_000)),
        ("1.5 h", datetime(2026, 3, 1, 10, 35, 0, 123_000)),
        ("2d", datetime(2026, 2, 27, 12, 5, 0, 123_000)),
        ("12:04", datetime(2026, 3, 1, 12, 4)),
        ("12:06:10", datetime(2026, 2, 28, 12, 6, 10)),
        ("2026-02-03T04:05", datetime(2026, 2, 3, 4, 5)),
        ("2026-02-03 04:05:06", datetime(2026, 2, 3, 4, 5, 6)),
        ("2026-02-03", datetime(2026, 2, 3)),
    ],
)
def test_since(text: str, moment: datetime) -> None:
    assert since(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["", "soon", "10 years", "25:00", "99999999999d", "-5s"])
def test_since_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match="is no time"):
        since(text, NOW)
