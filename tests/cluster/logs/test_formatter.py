"""One line a record, in both forms, whatever the record holds; read again as it was."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.logs.formatter import LONGEST_LINE, LineFormatter, LogFormat
from cluster.logs.line import read, words

FORMATS: list[LogFormat] = ["logfmt", "json"]


def record(message: str, *args: object, fields: Any = None, error: Any = None) -> logging.LogRecord:
    made = logging.LogRecord("a.room", logging.WARNING, "file", 1, message, args, error)
    made.created = 1_700_000_000.5
    if fields is not None:
        made.fields = fields
    return made


def failed() -> Any:
    try:
        raise ValueError("a\nb")
    except ValueError:
        return sys.exc_info()


def test_logfmt() -> None:
    line = LineFormatter("worker-3").format(record("shard %d: x", 7, fields={"shard": 7}))
    assert line == (
        'time=2023-11-14T22:13:20.500Z level=warning process=worker-3 msg="shard 7: x" shard=7 '
        "logger=a.room"
    )


def test_json() -> None:
    fields = {"kind": "gap", "shard": 7, "share": 0.5, "none": None, "nan": float("nan")}
    line = LineFormatter("worker-3", "json").format(record("x", fields=fields))
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.500Z",
        "level": "warning",
        "process": "worker-3",
        "msg": "x",
        **fields | {"nan": "nan"},
    }


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_traceback_is_in_the_same_line(log_format: LogFormat) -> None:
    line = LineFormatter("coordinator", log_format).format(record("it failed", error=failed()))
    assert len(line.splitlines()) == 1
    assert 'raise ValueError(\\"a\\\\nb\\")' in line
    assert words(line) == "it failed: b"


@pytest.mark.parametrize("log_format", FORMATS)
@given(text=st.text(max_size=60))
def test_any_text_is_read_as_it_was(log_format: LogFormat, text: str) -> None:
    line = LineFormatter("coordinator", log_format).format(record("%s", text, fields={"kind": "k"}))
    line.encode()
    assert len(line.splitlines()) == 1
    assert (read(line).time, read(line).level) == (1_700_000_000.5, "warning")
    assert words(line) == text


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("text", ["x" * 1_000_000, "\n" * 1_000_000, "\U0001f600" * 100_000])
def test_a_long_record_is_a_line_that_is_read_whole(log_format: LogFormat, text: str) -> None:
    made = record("%s", f"begin {text} end", error=failed())
    made.exc_text = text
    line = LineFormatter("coordinator", log_format).format(made)
    assert len(line.encode()) <= LONGEST_LINE
    assert "characters left out" in line
    assert words(line).startswith("begin ")


@pytest.mark.parametrize("log_format", FORMATS)
def test_the_token_is_in_no_line(log_format: LogFormat) -> None:
    secret = "AbC.d-e_f+/=="
    writer = LineFormatter("coordinator", log_format, secret)
    made = record("a %s b", secret, fields={"cause": f'"{secret}"'}, error=failed())
    made.exc_text = f"Traceback {secret}"
    line = writer.format(made)
    assert secret not in line
    assert line.count("<token>") == 3


@pytest.mark.parametrize("log_format", FORMATS)
def test_what_nobody_caught_is_a_line_too(log_format: LogFormat) -> None:
    code = f"""
import threading, warnings
from cluster.logs.setup import log_lines
log_lines("child")
log_lines("child", "{log_format}")
warnings.warn("old")
thread = threading.Thread(target=lambda: 1 / 0, name="t")
thread.start(); thread.join()
raise KeyError("gone")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    said = [words(line) for line in done.stderr.splitlines()]
    assert len(said) == 3
    assert "UserWarning: old" in said[0]
    assert (
        said[1] == "a fault of this program, in the thread t: ZeroDivisionError: division by zero"
    )
    assert said[2] == "a fault of this program: KeyError: 'gone'"
    assert {read(line).level for line in done.stderr.splitlines()} == {"warning", "critical"}
