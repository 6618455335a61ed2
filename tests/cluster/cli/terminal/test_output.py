"""Where the output can't be written, or nobody reads it: no traceback, and no cluster ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.config.loading import load
from cluster.config.schema import Given
from cluster.endpoints.paths import is_held

FAKE = Path(__file__).parents[1] / "fake_coordinator.py"
RUN = """\
import sys
from cluster.cli.launch import CoordinatorProcess
from dcgw.__main__ import main
CoordinatorProcess.command = [sys.executable, *sys.argv[1].split()]
sys.argv[1:2] = []
main()
"""
FULL = Path("/dev/full")
WAYS = {
    "closed": ">&-",
    "all closed": "<&- >&- 2>&-",
    "errors closed": "2>&-",
    "without input": "<&-",
    "gone": "| true",
    "gone with its errors": "2>&1 | true",
    "read in part": "| head -n 1",
}
"""Ways in which a shell can start a command whose output goes nowhere. PIPESTATUS tells its exit
code."""


def run(words: str, stdout: int, fake: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, f"{FAKE} {fake}", *words.split()]
    return subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )


def started_in_shell(words: str, way: str, fake: str = "") -> subprocess.Popen[str]:
    """Start the command line in a shell that ends with its exit code."""
    line = f'"$0" -c "$1" "$2" {words} {WAYS[way]}; exit "${{PIPESTATUS[0]}}"'
    return subprocess.Popen(
        ["bash", "-c", line, sys.executable, RUN, f"{FAKE} {fake}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code of the command line, and what came to the shell's stderr."""
    try:
        _, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the shell, and the command that it waits for
        process.communicate()
        raise
    return process.returncode, errors


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", ["--help", "tail --help", "config show"])
def test_a_full_disk(words: str) -> None:
    with FULL.open("w") as full:
        done = run(words, full.fileno())
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the output can't be written (")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_a_full_disk_ends_no_cluster(home: Path) -> None:
    """It runs until it is asked to end, which the played one's last status does."""
    seen = home / "seen"
    with FULL.open("w") as full:
        done = run("start --sandbox", full.fileno(), f"signal_after=3 seen={seen}")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: the output can't be written (")
    assert seen.read_text().count('"status"') >= 3
    assert not is_held(load(on_sandbox=True).paths.lock)


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_what_is_written_when_there_is_room_again_is_there(home: Path) -> None:
    file = home / "output"
    code = """\
import os, sys
from cluster.cli.terminal.streams import take_over
take_over()
print("lost", flush=True)
os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 1)
print("there", flush=True)
"""
    with FULL.open("w") as full:
        subprocess.run([sys.executable, "-c", code, file], stdout=full, timeout=60, check=True)
    assert file.read_text() == "there\n"


def test_output_that_nobody_reads_ends_no_cluster(home: Path) -> None:
    """Each runs until it is asked to end, which the played one does after its third status."""
    ways = ("all closed", "gone with its errors", "read in part")
    started = {
        way: started_in_shell(
            f"start --sandbox --name c{number}", way, f"signal_after=3 seen={home}/{number}"
        )
        for number, way in enumerate(ways)
    }
    assert {way: end(process) for way, process in started.items()} == dict.fromkeys(ways, (0, ""))
    for number, way in enumerate(ways):
        asked = (home / str(number)).read_text()
        assert asked.count('"status"') >= 3, way
        assert '"stop"' in asked, way
        paths = load(on_sandbox=True, flags={"name": Given(f"c{number}", "--name")}).paths
        assert not is_held(paths.lock), way


def test_verbs_whose_output_nobody_reads() -> None:
    rows = {
        ("--help", "gone"): 0,
        ("config show", "all closed"): 0,
        ("config show", "read in part"): 0,
        ("status", "all closed"): 3,
        ("no-such-verb", "errors closed"): 2,
    }
    started = {row: started_in_shell(*row) for row in rows}
    ended = {row: end(process) for row, process in started.items()}
    assert ended == {row: (code, "") for row, code in rows.items()}


def test_a_cluster_that_nobody_is_told_of_is_detached_all_the_same() -> None:
    lock = load(on_sandbox=True).paths.lock
    assert end(started_in_shell("start --sandbox --detach", "all closed")) == (0, "")
    try:
        assert is_held(lock)
        verbs = started_in_shell("status", "closed"), started_in_shell("status --json", "gone")
        assert [end(verb) for verb in verbs] == [(0, ""), (0, "")]
    finally:
        stopped = end(started_in_shell("stop", "without input"))
    assert stopped == (0, "")
    assert not is_held(lock)
