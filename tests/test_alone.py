"""A test that is marked `alone` has no other of the suite beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """
import os, time, pytest
from pathlib import Path

PRESENT = Path(__file__).parent / "present"

def visit(seconds):
    mine = PRESENT / str(os.getpid())
    mine.touch()
    before = list(PRESENT.iterdir())
    time.sleep(seconds)
    after = list(PRESENT.iterdir())
    mine.unlink()
    return len(before) + len(after) - 2

@pytest.mark.parametrize("number", range(12))
def test_beside_others(number):
    visit(0.2)

@pytest.mark.alone
@pytest.mark.parametrize("number", range(3))
def test_alone(number):
    assert visit(0.1) == 0
"""
CONFIG = "[pytest]\nmarkers = alone: no other test runs beside it\n"


def test_no_other_runs_beside_it(tmp_path: Path) -> None:
    (tmp_path / "test_them.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text(CONFIG)
    (tmp_path / "present").mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-n3", "--dist=load", "-p", "tests.conftest"]
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)],
        cwd=Path(__file__).parent.parent, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "15 passed" in done.stdout
