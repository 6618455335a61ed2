"""Logs of several processes as one stream: in order, through rotations, as they grow."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.cli.logs.merge import ClusterLogs, Entry
from cluster.logs.files import BLOCK, MAX_LINE, LineReader, Place, ProcessLog


def stamp(second: float) -> str:
    return f"{datetime.fromtimestamp(1_000_000_000 + second):%Y-%m-%d %H:%M:%S,%f}"[:-3]


def write(file: Path, *lines: str, how: str = "a") -> None:
    with file.open(how) as handle:
        handle.writelines(f"{line}\n" for line in lines)


def log(folder: Path, name: str, seconds: Iterable[float], level: str = "INFO") -> Path:
    file = folder / f"{name}.log"
    write(file, *(f"{stamp(second)} {level} {name} {second:g}" for second in seconds))
    return file


def texts(entries: Iterable[Entry]) -> list[str]:
    return [entry.line.text for entry in entries]


def begun(
    folder: Path, count: int | None = None, since: float = 0.0, level: str = "debug"
) -> ClusterLogs:
    logs = ClusterLogs(folder, level=level)
    logs.begin(count, since)
    return logs


def test_all_processes_in_the_order_of_time(tmp_path: Path) -> None:
    log(tmp_path, "coordinator", [1, 4, 6])
    log(tmp_path, "worker-0", [2, 3, 7])
    log(tmp_path, "worker-1", [5])
    write(tmp_path / "notes.txt", "not a log")
    write(tmp_path / "worker-x.log", "nor this")
    logs = begun(tmp_path)
    assert logs.sources == ["coordinator", "worker-0", "worker-1"]
    assert [entry.source for entry in logs.entries()] == [
        "coordinator", "worker-0", "worker-0", "coordinator", "worker-1", "coordinator", "worker-0",
    ]  # fmt: skip
    assert texts(begun(tmp_path, 3).entries()) == ["worker-1 5", "coordinator 6", "worker-0 7"]
    assert texts(begun(tmp_path, 0).entries()) == []
    assert texts(begun(tmp_path, 99, 1_000_000_005).entries()) == texts(
        begun(tmp_path, 3).entries()
    )
    only = ClusterLogs(tmp_path, workers=[0])
    only.begin(2, 0.0)
    assert texts(only.entries()) == ["worker-0 3", "worker-0 7"]


def test_what_has_no_time_comes_with_the_line_before(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1])
    write(file, f"{stamp(2)} ERROR it failed", "Traceback (most recent call last):", "  File ...")
    log(tmp_path, "worker-0", [3])
    log(tmp_path, "coordinator", [2, 2.5])
    failed = ["it failed", "Traceback (most recent call last):", "  File ..."]
    assert texts(begun(tmp_path, 4).entries()) == [
        "coordinator 2", *failed, "coordinator 2.5", "worker-0 3",
    ]  # fmt: skip
    assert texts(begun(tmp_path, None, level="error").entries()) == failed
    assert texts(begun(tmp_path, 1, level="error").entries()) == failed


def test_a_death_that_nobody_logged_is_an_error(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1, 2])
    write(file, "Fatal Python error: Segmentation fault", "  <no Python frame>")
    log(tmp_path, "worker-0", [3])
    assert texts(begun(tmp_path, 1, level="warning").entries()) == [
        "Fatal Python error: Segmentation fault", "  <no Python frame>",
    ]  # fmt: skip


def test_a_log_without_any_time_is_shown(tmp_path: Path) -> None:
    write(tmp_path / "sandbox.log", "one", "two")
    log(tmp_path, "worker-0", [1])
    assert texts(begun(tmp_path, 9).entries()) == ["one", "two", "worker-0 1"]


def test_rotated_files_are_read(tmp_path: Path) -> None:
    for number in (3, 2, 1):
        file = log(tmp_path, "coordinator", [10 * (3 - number)])
        file.rename(tmp_path / f"coordinator.log.{number}")
    log(tmp_path, "coordinator", [30, 31])
    whole = [f"coordinator {second}" for second in (0, 10, 20, 30, 31)]
    assert texts(begun(tmp_path).entries()) == whole
    assert texts(begun(tmp_path, 3).entries()) == whole[-3:]


def test_it_goes_on_with_what_is_written(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1])
    logs = begun(tmp_path, 1)
    assert texts(logs.entries()) == ["worker-0 1"]
    assert texts(logs.entries()) == []
    with file.open("a") as handle:
        handle.write(f"{stamp(2)} INFO half a ")
    assert texts(logs.entries()) == [], "a line comes whole"
    write(file, "line")
    log(tmp_path, "coordinator", [1.5])
    assert texts(logs.entries()) == ["half a line"]
    logs.look_for_new()
    assert texts(logs.entries()) == ["coordinator 1.5"], "of a new process, from its beginning"


def test_it_goes_on_through_a_rotation(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1])
    logs = begun(tmp_path, 0)
    log(tmp_path, "worker-0", [2])
    with file.open("a") as handle:
        handle.write("    and no end of it")
    file.rename(tmp_path / "worker-0.log.1")
    assert texts(logs.entries()) == [], "the file is not there for a moment"
    log(tmp_path, "worker-0", [3])
    assert texts(logs.entries()) == ["worker-0 2", "    and no end of it", "worker-0 3"]
    (tmp_path / "worker-0.log.1").rename(tmp_path / "worker-0.log.2")
    file.rename(tmp_path / "worker-0.log.1")
    log(tmp_path, "worker-0", [4])
    log(tmp_path, "worker-0", [5])
    assert texts(logs.entries()) == ["worker-0 4", "worker-0 5"]


def test_it_begins_again_with_a_file_that_was_cut_off_or_replaced(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1, 2, 3])
    logs = begun(tmp_path, 0)
    os.truncate(file, 0)
    log(tmp_path, "worker-0", [4])
    assert texts(logs.entries()) == ["worker-0 4"]
    file.rename(tmp_path / "elsewhere")
    log(tmp_path, "worker-0", [5])
    assert texts(logs.entries()) == ["worker-0 5"]


def test_the_last_line_may_have_no_end(tmp_path: Path) -> None:
    file = log(tmp_path, "worker-0", [1])
    with file.open("a") as handle:
        handle.write(f"{stamp(2)} INFO died here")
    logs = begun(tmp_path)
    assert [*texts(logs.entries()), *texts(logs.rest())] == ["worker-0 1", "died here"]


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret\n")
    (tmp_path / "worker-0.log").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "worker-1.log")
    assert texts(begun(tmp_path).entries()) == []


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 3 * BLOCK), max_size=6),
    st.integers(0, 6),
)
def test_back_and_forth_read_the_same(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], rotated: int
) -> None:
    """Lines of any length, in one file or two: backwards and onwards they are the same, but that
    those beyond the bound are cut."""
    folder = tmp_path_factory.mktemp("logs")
    file = folder / "worker-0.log"
    lines = [f"{number:03d}".ljust(size, "x") for number, size in enumerate(sizes)]
    file.touch()
    for number, line in enumerate(lines):
        if number == rotated:
            file.rename(folder / "worker-0.log.1")
        write(file, line)
    found = ProcessLog(file)
    back = [raw.data for raw in found.lines_back()][::-1]
    start = found.files()[-1][0] if found.files() else 0
    reader = LineReader(found, Place(start, 0))
    onwards = []
    while raw := reader.next():
        onwards.append(raw.data)
    whole = "".join(lines).encode()
    assert b"".join(back) == b"".join(onwards) == whole
    assert max(map(len, back + onwards), default=0) <= MAX_LINE + BLOCK
    short = [line.encode() for line in lines if len(line) < MAX_LINE]
    assert [line for line in onwards if len(line) < MAX_LINE and line[:3].isdigit()] == short


def test_every_process_of_a_cluster_has_its_log_among_them(tmp_path: Path) -> None:
    names = ["cache", "coordinator", "gate", "host-gate", "http", "hub-1", "proxy-0", "worker-12"]
    for name in [*names, "notes", "worker-x"]:
        (tmp_path / f"{name}.log").write_text("")
    (tmp_path / "cache.log.1").write_text("")
    assert ClusterLogs(tmp_path).sources == names
