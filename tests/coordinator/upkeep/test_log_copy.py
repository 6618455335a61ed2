"""All logs on one descriptor: whole lines, none twice, and nobody waits for who does not read."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.logs.log_file import LogFile
from coordinator.upkeep import log_copy
from coordinator.upkeep.log_copy import LogCopy
from tests.progress import progress

LINE = 'time=2026-11-29T20:33:29.123Z level=info process=worker-{} msg="line {}"'
WITHIN_S = 60.0


class Pipe:
    """A pipe whose reader takes what is there."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.data = b""

    def lines(self) -> list[str]:
        while True:
            try:
                more = os.read(self.read_end, 1 << 16)
            except BlockingIOError:
                break
            if not more:
                break
            self.data += more
        return self.data.decode().splitlines()

    def close(self) -> None:
        for end in (self.read_end, self.write_end):
            os.close(end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def append(folder: Path, name: str, *lines: str) -> None:
    with (folder / name).open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    progress()


def test_new_lines_of_all_logs_are_copied_as_they_are(tmp_path: Path, pipe: Pipe) -> None:
    append(tmp_path, "worker-0.log", LINE.format(0, "of before"))
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    append(tmp_path, "worker-0.log", LINE.format(0, 1))
    append(tmp_path, "other.txt", "not a log")
    copy.copy()
    assert pipe.lines() == [LINE.format(0, 1)]
    copy.copy()
    with (tmp_path / "worker-0.log").open("a") as file:
        file.write("time=2026-11")  # the rest is yet to come
    copy.copy()
    assert len(pipe.lines()) == 1
    append(tmp_path, "worker-0.log", LINE.format(0, 2)[12:])
    copy.copy()
    assert pipe.lines() == [LINE.format(0, 1), LINE.format(0, 2)]


def test_a_log_that_is_rotated_is_read_to_its_end(tmp_path: Path, pipe: Pipe) -> None:
    append(tmp_path, "coordinator.log", LINE.format(0, 0))
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    append(tmp_path, "coordinator.log", LINE.format(0, 1))
    (tmp_path / "coordinator.log").rename(tmp_path / "coordinator.log.1")
    append(tmp_path, "coordinator.log", LINE.format(0, 2))
    copy.copy()
    assert pipe.lines() == [LINE.format(0, 1), LINE.format(0, 2)]


def test_a_process_that_rotates_its_log_is_copied_whole(tmp_path: Path, pipe: Pipe) -> None:
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    handler = LogFile(tmp_path / "worker-0.log", 500)
    copy.start()
    lines = [LINE.format(0, number) for number in range(40)]
    for written, line in enumerate(lines, 1):  # 7 a file
        handler.handle(logging.LogRecord("t", logging.INFO, "", 1, line, (), None))
        if written % 5 == 0:
            until(lambda: pipe.lines()[-1:] == [line])  # noqa: B023 it is called here
    copy.close()
    handler.close()
    assert pipe.lines() == lines
    assert (tmp_path / "worker-0.log.1").exists()


def test_what_no_logger_wrote_is_a_line_all_the_same(tmp_path: Path, pipe: Pipe) -> None:
    append(tmp_path, "worker-3.log")
    copy = LogCopy(tmp_path, pipe.write_end, "json")
    append(
        tmp_path, "worker-3.log", "Fatal Python error: Bus error", '{"not": "a line"}', "", "é\x1b"
    )
    copy.copy()
    lines = [json.loads(line) for line in pipe.lines()]
    assert [line["msg"] for line in lines] == [
        "Fatal Python error: Bus error", '{"not": "a line"}', "é\x1b",
    ]  # fmt: skip
    assert {(line["process"], line["level"]) for line in lines} == {("worker-3", "error")}


def test_who_does_not_read_holds_up_nobody_and_is_told_what_is_left_out(
    tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_copy, "MOST_BEHIND", 100_000)
    append(tmp_path, "worker-0.log")
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    copy.start()
    for part in range(10):  # the pipe takes 64 KiB
        append(tmp_path, "worker-0.log", *(LINE.format(0, f"{part} {n}") for n in range(500)))
    until(lambda: "are left out here" in "\n".join(pipe.lines()))
    append(tmp_path, "worker-0.log", LINE.format(0, "the last"))
    until(lambda: pipe.lines()[-1] == LINE.format(0, "the last"))
    lines = pipe.lines()
    left_out = [line for line in lines if "are left out here" in line]
    assert all("level=warning process=coordinator" in line for line in left_out)
    numbers = [line for line in lines if line not in left_out]
    assert len(set(numbers)) == len(numbers) < 5001
    copy.close()


def test_the_end_copies_what_is_left_and_waits_not_long(
    tmp_path: Path, pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    copy.start()
    append(tmp_path, "http.log", LINE.format(0, 1))
    copy.close()
    assert pipe.lines() == [LINE.format(0, 1)]
    monkeypatch.setattr(log_copy, "LAST_S", 0.1)
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    copy.start()
    append(tmp_path, "http.log", *(LINE.format(0, n) for n in range(5000)))
    copy.close()  # it hangs: nobody reads
    assert any(thread.name == "log copy" for thread in threading.enumerate())
    until(lambda: pipe.lines()[-1:] == [LINE.format(0, 4999)])
    until(lambda: all(thread.name != "log copy" for thread in threading.enumerate()))


def test_a_descriptor_that_does_not_block_is_waited_for(tmp_path: Path, pipe: Pipe) -> None:
    os.set_blocking(pipe.write_end, False)
    copy = LogCopy(tmp_path, pipe.write_end, "logfmt")
    copy.start()
    said = [LINE.format(0, n) for n in range(3000)]  # more than a pipe holds
    append(tmp_path, "http.log", *said)
    until(lambda: pipe.lines() == said)
    copy.close()


def test_who_is_gone_ends_the_copy_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    copy = LogCopy(tmp_path, write_end, "logfmt")
    copy.start()
    append(tmp_path, "worker-0.log", LINE.format(0, 1))
    until(lambda: "are not copied to standard output any more" in caplog.text)
    copy.close()
    os.close(write_end)
