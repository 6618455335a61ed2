"""``start`` as the first process of a container: SIGTERM lets it stop, and it leaves nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from cluster.interrupts import EXIT_TERMINATED
from tests.e2e.home import COMMAND_S, Home, run_sandbox
from tests.progress import progress

APART: Final = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""A pid namespace of its own, as a container engine makes it."""


def can_be_apart() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*APART, "true"], capture_output=True, check=False)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(
    not can_be_apart(), reason="a pid namespace can't be made here: it needs root, and Linux"
)


def first_of(parent: int) -> int:
    """Return the pid, as it is seen here, of the process that has pid 1 in the namespace."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (first,) = [int(pid) for pid in children]
    return first


def test_sigterm_to_pid_1_stops_everything_in_order(home: Home) -> None:
    with run_sandbox(guilds=4, shards=2, max_concurrency=2) as info:
        home.use(info)
        process = subprocess.Popen(
            [*APART, sys.executable, "-P", "-m", "cluster", "start", "--workers", "1"],
            env=home.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            assert any(line.startswith("ready: 2/2") for line in process.stdout)
            progress()
            first = first_of(process.pid)
            assert "NSpid" in (status := Path(f"/proc/{first}/status").read_text())
            assert [line.split()[-1] for line in status.splitlines() if "NSpid" in line] == ["1"]
            subprocess.run(["kill", f"-{signal.SIGTERM.name}", str(first)], check=True)
            said, _ = process.communicate(timeout=COMMAND_S)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, said
        assert "2 sessions closed resumable" in said
    assert home.leftovers() == []


HAND = """\
import os, signal, sys
from importlib.abc import MetaPathFinder

class Hand(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGTERM)

sys.meta_path.insert(0, Hand())
from cluster.__main__ import main
main()
"""
"""The entry of the command, with a hand that sends SIGTERM when a module is imported."""


def test_sigterm_to_pid_1_ends_it_before_it_has_begun_anything(home: Home) -> None:
    done = subprocess.run(
        [*APART, sys.executable, "-P", "-c", HAND, "--version"],
        env=home.env, capture_output=True, text=True, timeout=COMMAND_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_TERMINATED, "", "")
