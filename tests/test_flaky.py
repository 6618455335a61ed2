"""`make flaky`: what fails now and then is named, however it fails, and no load stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import flaky
from tests.flaky import Run

TESTS = """
import os, pytest

@pytest.fixture
def broken():
    raise OSError

@pytest.fixture
def unclean():
    yield
    raise OSError

def test_good(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_bad(n): assert n == 1
def test_set_up(broken): pass
def test_torn_down(unclean): pass
def test_skipped(): pytest.skip("for a reason")
"""


def test_what_failed_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    arguments = ["-n0", "-c", os.devnull, f"--rootdir={tmp_path}", str(tmp_path)]
    run = flaky.suite(tmp_path / "report.xml", tmp_path / "output", arguments)
    failed = ["test_bad[2]", "test_set_up", "test_torn_down"]
    assert run == Run(2, [f"test_them.py::{name}" for name in failed])
    assert b"2 errors" in (tmp_path / "output").read_bytes()


@pytest.mark.parametrize(
    ("report", "problem"),
    [
        ("", "no report: pytest ended with 3"),
        ("<testsuite><testcase name='a' classname='b'/></testsuite>", "pytest ended with 3, and"),
    ],
)
def test_a_suite_that_ends_badly_did_not_pass(tmp_path: Path, report: str, problem: str) -> None:
    (tmp_path / "report.xml").write_text(report)
    (said,) = flaky.read(tmp_path / "report.xml", 3).failed
    assert said.startswith(problem)


def test_the_most_frequent_comes_first() -> None:
    runs = [Run(9, ["b"]), Run(8, ["a", "b"]), Run(10, [])]
    assert flaky.table(runs).splitlines() == ["  2 of 3  b", "  1 of 3  a"]
    assert flaky.table([Run(10, [])] * 3) == "0 failures in 3 runs"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_load_stays_behind(how: signal.Signals) -> None:
    program = "from tests import flaky\nwith flaky.busy(2): print('busy', flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        process.send_signal(how)
        assert process.stdout.read() == b"", "the loops hold it open as long as they run"
