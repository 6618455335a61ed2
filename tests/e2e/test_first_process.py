"""``start`` as the first process of a container: SIGTERM lets it stop, and it leaves nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

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
