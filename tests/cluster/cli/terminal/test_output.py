"""Where the output can't be written: one line, no traceback, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.config.loading import load
from cluster.endpoints.paths import is_held

FAKE = Path(__file__).parents[1] / "fake_coordinator.py"
RUN = """\
import sys
from cluster.cli import main
from cluster.cli.launch import CoordinatorProcess
CoordinatorProcess.command = [sys.executable, *sys.argv[1].split()]
sys.argv[1:2] = []
main()
"""
FULL = Path("/dev/full")


def run(words: str, stdout: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, str(FAKE), *words.split()]
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", ["--help", "tail --help", "config show", "start --sandbox"])
def test_a_full_disk(words: str) -> None:
    with FULL.open("w") as full:
        done = run(words, full.fileno())
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the output can't be written (")
    assert len(done.stderr.splitlines()) == 1
    assert not is_held(load(on_sandbox=True).paths.lock)


@pytest.mark.parametrize("words", ["--help", "config show", "start --sandbox"])
def test_a_reader_that_is_gone(words: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(words, writer)
    os.close(writer)
    assert done.stderr == ""
    assert not is_held(load(on_sandbox=True).paths.lock)
