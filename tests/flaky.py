"""``make flaky N=10``: the whole suite again and again, the second half of the runs beside two busy
loops; then which tests failed, and how often. The exit code is 1 if any did."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

BUSY_LOOPS: Final = 2
SUITE: Final = (sys.executable, "-m", "pytest", "-q", "-n", "4", "--dist", "worksteal")
"""As in the Makefile."""
# Ctrl-C is for whoever started it, with whom it ends, also when that one is killed.
BUSY: Final = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
while os.getppid() == int(sys.argv[1]): pass
"""


class Run(NamedTuple):
    """One run of the suite."""

    passed: int
    failed: list[str]
    """Tests that failed or whose set-up did, as pytest takes them, and what else went wrong."""


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Processes that do nothing but work, until the block ends."""
    command = [sys.executable, "-c", BUSY, str(os.getpid())]
    running = [subprocess.Popen(command) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def read(report: Path, code: int) -> Run:
    """What a JUnit report of pytest's tells. code: with which pytest ended."""
    try:
        cases = list(ElementTree.parse(report).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        return Run(0, [f"no report: pytest ended with {code} ({error})"])
    bad = {_name(case) for case in cases if {"failure", "error"} & {part.tag for part in case}}
    skipped = {_name(case) for case in cases if case.find("skipped") is not None}
    passed = len({_name(case) for case in cases} - bad - skipped)
    if code and not bad:
        return Run(passed, [f"pytest ended with {code}, and no test failed"])
    return Run(passed, sorted(bad))


def _name(case: ElementTree.Element) -> str:
    """`tests.e2e.test_tcp` and `test_x[1]` as `tests/e2e/test_tcp.py::test_x[1]`."""
    module, name = case.get("classname", ""), case.get("name", "")
    return f"{module.replace('.', '/')}.py::{name}" if module else name


def suite(report: Path, output: Path, arguments: list[str]) -> Run:
    """Run it once. output: file for what pytest says."""
    command = [*SUITE, f"--junitxml={report}", *arguments]
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # Ctrl-C reached it too: it stops what its tests have started
            raise
    return read(report, code)


def table(runs: list[Run]) -> str:
    """What failed, the most frequent first."""
    failures = Counter(name for run in runs for name in run.failed)
    rows = [f"{count:3} of {len(runs)}  {name}" for name, count in failures.most_common()]
    return "\n".join(rows) or f"0 failures in {len(runs)} runs"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=10, metavar="N", help="runs")
    parser.add_argument("pytest", nargs="*", help="more arguments for pytest")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flaky-"))
    print(f"what pytest says is in {folder}", flush=True)
    runs: list[Run] = []
    try:
        for number in range(1, options.n + 1):
            loops = BUSY_LOOPS if number > options.n - options.n // 2 else 0
            began = time.monotonic()
            with busy(loops):
                run = suite(folder / f"{number}.xml", folder / f"{number}.log", options.pytest)
            runs.append(run)
            beside = f", beside {loops} busy loops" if loops else ""
            took = f"{time.monotonic() - began:.0f} s{beside}"
            print(
                f"run {number}: {run.passed} passed, {len(run.failed)} failed, {took}", flush=True
            )
            for name in run.failed:
                print(f"       {name}", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print(table(runs), flush=True)
    return int(len(runs) < options.n or any(run.failed for run in runs))


if __name__ == "__main__":
    os.chdir(Path(__file__).parent.parent)
    sys.exit(main())
