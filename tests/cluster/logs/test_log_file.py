"""The file of a process's log: bounded, and whoever follows it misses no line."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.logs.files import LineReader, Place, ProcessLog
from cluster.logs.log_file import LogFile

MOST: Final = 1000


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("t", logging.INFO, __file__, 1, text, (), None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker-0.log"


@pytest.fixture
def handler(file: Path) -> Iterator[LogFile]:
    made = LogFile(file, MOST)
    yield made
    made.close()


def aside(file: Path) -> Path:
    return file.with_name(f"{file.name}.1")


def followed(reader: LineReader) -> list[str]:
    lines = []
    while raw := reader.next():
        lines.append(raw.data.decode())
    return lines


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(1, MOST // 3), max_size=3), max_size=40))
def test_a_follower_misses_no_line_of_a_bounded_log(
    tmp_path_factory: pytest.TempPathFactory, turns: list[list[int]]
) -> None:
    """Lines come in turns, each less than a file, and a follower looks after each."""
    file = tmp_path_factory.mktemp("logs") / "worker-0.log"
    handler = LogFile(file, MOST)
    reader = LineReader(ProcessLog(file), Place(0, 0))
    written, seen = list[str](), list[str]()
    for sizes in turns:
        for size in sizes:
            written.append(f"{len(written):04d}".ljust(size, "x"))
            handler.handle(record(written[-1]))
            assert file.stat().st_size <= MOST
        seen += followed(reader)
        assert {path.name for path in file.parent.iterdir()} <= {file.name, aside(file).name}
    handler.close()
    assert seen == written


def test_a_line_longer_than_a_file_is_whole(file: Path, handler: LogFile) -> None:
    handler.handle(record("a" * (2 * MOST)))
    assert not aside(file).exists(), "an empty file is not set aside"
    for text in ("b" * (2 * MOST), "c"):
        handler.handle(record(text))
    assert aside(file).read_text() == "b" * (2 * MOST) + "\n"
    assert file.read_text() == "c\n"


def test_threads_do_not_mix_and_lose_nothing_at_a_rotation(file: Path, handler: LogFile) -> None:
    reader, seen = LineReader(ProcessLog(file), Place(0, 0)), list[str]()
    in_turn = threading.Barrier(5)

    def write(number: int) -> None:
        for line in range(40):
            handler.handle(record(f"{number} {line} {'x' * 50}"))
            in_turn.wait()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        in_turn.wait()
        seen += followed(reader)
    for thread in threads:
        thread.join()
    seen += followed(reader)
    assert sorted(seen) == sorted(f"{n} {line} {'x' * 50}" for n in range(4) for line in range(40))


CRASHES = """
import faulthandler, logging, os, sys
from pathlib import Path
from cluster.logs.log_file import LogFile
handler = LogFile(Path(sys.argv[1]), 400)
descriptors = len(os.listdir("/dev/fd"))
for number in range(100):
    handler.handle(logging.LogRecord("t", 20, "", 1, f"line {number} of many", (), None))
assert len(os.listdir("/dev/fd")) == descriptors
print("printed", flush=True)
faulthandler.enable()
os.abort()
"""


def test_what_python_writes_when_it_dies_is_in_the_new_file(file: Path) -> None:
    with file.open("ab") as log:
        command = [sys.executable, "-c", CRASHES, str(file)]
        done = subprocess.run(command, check=False, stdout=log, stderr=log)
    assert done.returncode < 0
    text = file.read_text()
    assert "line 99 of many\nprinted\n" in text
    assert "Fatal Python error: Aborted" in text
    assert "line 0 of" not in text + aside(file).read_text()


def test_output_that_is_not_the_log_stays_where_it_is(file: Path, handler: LogFile) -> None:
    before = [os.fstat(number) for number in (1, 2)]
    for _ in range(30):
        handler.handle(record("x" * 100))
    assert aside(file).exists()
    assert [os.fstat(number).st_ino for number in (1, 2)] == [info.st_ino for info in before]


@pytest.mark.parametrize("how", ["renamed", "removed"])
def test_a_file_that_others_took_is_left_for_the_one_of_its_name(
    file: Path, handler: LogFile, how: str
) -> None:
    handler.handle(record("first"))
    if how == "renamed":
        file.rename(aside(file))
        file.write_text("of the process that set it aside\n")
    else:
        file.unlink()
    handler.handle(record("second"))
    assert file.read_text().endswith("second\n")
    assert file.read_text().startswith("of the") == (how == "renamed")


def test_what_can_not_be_set_aside_is_written_on(file: Path, handler: LogFile) -> None:
    aside(file).mkdir()
    for number in range(15):
        handler.handle(record(f"{number:02d}".ljust(99)))
    assert len(file.read_text().splitlines()) == 15
    aside(file).rmdir()
    handler.handle(record("last"))
    assert file.read_text() == "last\n"
    assert len(aside(file).read_text().splitlines()) == 15


def test_a_full_disk_ends_nobody_and_joins_no_lines(
    file: Path,
    handler: LogFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    real, room = os.write, [3]

    def write(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        written = real(descriptor, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", write)
    handler.handle(record("first"))
    handler.handle(record("second"))
    assert "No space left on device" in capsys.readouterr().err
    room[0] = 10_000
    handler.handle(record("third"))
    handler.handle(record("fourth"))
    assert file.read_text() == "fir\nthird\nfourth\n"


def test_nothing_is_written_after_its_end(
    file: Path, handler: LogFile, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.close()
    with file.with_name("other").open("wb") as other:  # it gets the number of the log's descriptor
        handler.handle(record("late"))
        assert os.fstat(other.fileno()).st_size == 0
    assert "Bad file descriptor" in capsys.readouterr().err


def test_last_words_are_those_of_the_new_file(file: Path, handler: LogFile) -> None:
    log = ProcessLog(file)
    handler.handle(record("of the one before"))
    begun = log.end()
    assert log.last_words(begun) == ""
    handler.handle(record("own"))
    assert log.last_words(begun) == "own"
    for number in range(60):  # the inode of the first file is given again, or is not
        handler.handle(record(f"{number} {'x' * 40}"))
        assert log.last_words(begun) == f"{number} {'x' * 40}"
        assert log.last_words(Place(file.stat().st_ino, MOST)) == f"{number} {'x' * 40}"
    handler.handle(record(" "))
    assert log.last_words(begun) == f"59 {'x' * 40}"
    file.unlink()
    aside(file).unlink()
    assert log.last_words(begun) == ""
