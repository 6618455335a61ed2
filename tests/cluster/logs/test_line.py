"""Lines of logs in each form, and rubbish."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.logs.line import FIRST, LEVELS, Line, is_at_least, read

NOON = datetime(2026, 3, 1, 12, 5, 0, 123_000, tzinfo=UTC)
LOCAL = f"{NOON.astimezone():%Y-%m-%d %H:%M:%S},123"


@pytest.mark.parametrize(
    "text",
    [
        f"{LOCAL} WARNING shard 3: it waits",
        'time=2026-03-01T12:05:00.123Z level=warning msg="shard 3: it waits"',
        'ts=2026-03-01T12:05:00.123+00:00 level=warn message="shard 3: it waits"',
        '{"time":"2026-03-01T12:05:00.123Z","level":"warning","msg":"shard 3: it waits"}',
        f'{{"ts":{NOON.timestamp()},"level":"WARNING","process":"x","event":"shard 3: it waits"}}',
    ],
)
def test_each_form(text: str) -> None:
    assert read(text) == Line(NOON.timestamp(), "warning", "shard 3: it waits")


def test_fields_follow_what_is_said() -> None:
    start = "time=2026-03-01T12:05:00.123Z level=info"
    logfmt = read(f'{start} msg="it is \\"ready\\"" shard=3 cause="op 7" empty="" end')
    assert logfmt.text == 'it is "ready" end'
    assert logfmt.named() == 'shard=3 cause="op 7" empty=""'
    assert logfmt.named(without=["shard", "empty"]) == 'cause="op 7"'
    made = {"time": "2026-03-01T12:05:00Z", "level": "info", "msg": "a", "n": 3, "o": {"x": None}}
    line = read(msgspec.json.encode(made).decode())
    assert (line.text, line.named()) == ("a", 'n=3 o={"x":null}')


@pytest.mark.parametrize(
    "text",
    [
        "  File x.py, line 3",
        "",
        "{",
        "{}",
        '{"level":"info","msg":"no time"}',
        '{"time":"yesterday","msg":"a"}',
        "time=never level=info msg=a",
        "2026-13-40 99:00:00,000 INFO no such day",
        f"{LOCAL} SOMETHING else",
        "[" * 5000,
        "{" * 5000,
    ],
)
def test_what_has_no_form_belongs_to_the_line_before(text: str) -> None:
    before = Line(NOON.timestamp(), "debug", "before")
    assert read(text, before) == Line(NOON.timestamp(), "debug", text, head=False)
    assert read(text) == Line(0.0, "", text), "the first of a file belongs to none"


@pytest.mark.parametrize(
    "text", ["Traceback (most recent call last):", "Fatal Python error: Segmentation fault"]
)
def test_a_death_is_an_error_of_its_own(text: str) -> None:
    assert read(text, Line(5.0, "info", "ready")) == Line(5.0, "error", text)
    assert read(text, Line(5.0, "error", "it failed")) == Line(5.0, "error", text, head=False)


@given(st.text(), st.sampled_from(["", "time=", '{"time":', '{"time":"', "2026-03-01 12:05:00,1"]))
def test_any_text_is_read(text: str, start: str) -> None:
    line = read(start + text)
    assert line.level in {"", *LEVELS}


@given(
    st.text(),
    st.dictionaries(st.sampled_from("abc"), st.integers() | st.text() | st.none()),
    st.floats(0, 4e9),
)
def test_any_json_with_a_time_is_a_line_of_its_own(
    text: str, fields: dict[str, object], time: float
) -> None:
    row = msgspec.json.encode({"time": time, "level": "error", "msg": text, **fields}).decode()
    line = read(row, FIRST)
    assert (line.time, line.level, line.head) == (time, "error", True)
    assert (line.text, dict(line.fields)) == (text, fields)


def test_levels() -> None:
    for n, least in enumerate(LEVELS):
        assert [is_at_least(level, least) for level in LEVELS] == [m >= n for m in range(5)]
    assert is_at_least("", "info")
    assert not is_at_least("", "warning")
