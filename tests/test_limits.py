"""A test that hangs ends, in what tears it down too: no other waits for it for ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import threading, pytest

@pytest.fixture
def first():
    yield
    threading.Event().wait()

@pytest.fixture
def second(first):
    yield
    threading.Event().wait()

def test_fails(second):
    assert False

def test_hangs(first):
    threading.Event().wait()

def test_passes():
    pass
"""


def test_what_tears_a_test_down_has_a_limit(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    config = tmp_path / "pytest.ini"
    # Longer than pytest writes on a failure: a limit that strikes meanwhile ends pytest itself.
    config.write_text("[pytest]\ntimeout = 1.5\n")
    arguments = ["-q", "-p", "tests.conftest", f"--rootdir={tmp_path}", "-c", str(config)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(tmp_path)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "2 failed, 1 passed, 2 errors" in done.stdout
