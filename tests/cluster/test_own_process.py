"""What each process does first: seen from outside, on the programs themselves."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cluster.own_process import FEWER_DESCRIPTORS, MOST_DESCRIPTORS, raise_descriptor_limit
from tests.prepared import prepared

LINUX: Final = sys.platform == "linux"
WITHIN_S: Final = 60
COMMAND: Final = """\
import cluster.cli, sys
from dcgw.__main__ import main
cluster.cli.main = sys.stdin.read  # in place of a verb: it waits, and holds what it was given
main()
"""
PROGRAMS: Final = {
    "coordinator": ["-m", "coordinator"],
    "worker": ["-m", "shard_worker"],
    "replay server": ["-m", "coordinator.replay.server"],
    "replay door": ["-m", "coordinator.replay_door.server"],
    "TCP gate": ["-m", "coordinator.tcp_gate.gate"],
    "hub": ["-m", "coordinator.hub.process"],
    "sandbox": ["-m", "cluster.sandbox"],
    "check of the API": ["-m", "coordinator.check"],
    "check of the gateway": ["-m", "shard_worker.gateway_check"],
    "command": ["-c", COMMAND],
}
"""Each of our programs, as it waits for its standard input to end."""


def run(code: str, prepare: str = "") -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, where other code has prepared it."""
    return subprocess.run(
        prepared(prepare, sys.executable, "-c", code),
        capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip


def core_limit(pid: int) -> str:
    """The soft limit of a process's core file, in the kernel's words."""
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line.split()[4] for line in limits if line.startswith("Max core file size"))


@contextlib.contextmanager
def cores_allowed() -> Iterator[None]:
    """Let those that are started in the block leave a core file, if any may."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.skipif(not LINUX, reason="how far a process is can't be seen here")
def test_a_crash_leaves_no_image_of_the_memory(tmp_path: Path) -> None:
    """The kernel says of each whether it wrote one, wherever it would be. One of nobody's shows
    that it would write one here."""
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        pytest.skip("no process may leave one here")
    waits = ["-c", "import sys; sys.stdin.read()"]
    with cores_allowed():
        processes = {
            name: subprocess.Popen(
                [sys.executable, "-P", *words], cwd=tmp_path, stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
            for name, words in {**PROGRAMS, "nobody's": waits}.items()
        }  # fmt: skip
    dumped = {}
    try:
        for name, process in processes.items():
            deadline = time.monotonic() + WITHIN_S
            while name in PROGRAMS and core_limit(process.pid) != "0":
                assert process.poll() is None, name
                assert time.monotonic() < deadline, name
                time.sleep(0.01)
            process.send_signal(signal.SIGSEGV)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -os.WTERMSIG(status)
            assert process.returncode == -signal.SIGSEGV, name
            dumped[name] = os.WCOREDUMP(status)
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    if not dumped.pop("nobody's"):
        pytest.skip("no crash leaves one here")
    assert dumped == dict.fromkeys(PROGRAMS, False)


@pytest.mark.skipif(not LINUX, reason="prctl is Linux's")
def test_no_program_that_takes_cores_is_given_the_memory() -> None:
    """A core_pattern that is a pipe passes RLIMIT_CORE by."""
    code = (
        "import ctypes, cluster.own_process as own\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
        "own.prepare()\n"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    assert run(code).stdout.split() == ["1", "0"]


def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one() -> None:
    hard = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], MOST_DESCRIPTORS, 10_000)
    code = (
        "import resource, cluster.own_process as own\n"
        "own.prepare()\n"
        "print(*resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    low = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard}))"
    done = run(code, low)
    assert done.stdout.split() == [str(hard)] * 2, done.stderr


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_what_is_opened_later_is_not_taken_for_standard_output(closed: tuple[int, ...]) -> None:
    code = (
        "import os, sys, cluster.own_process as own\n"
        "own.prepare()\n"
        "opened = os.open(os.devnull, os.O_RDWR)\n"
        "os.write(int(sys.argv[1]), f'{opened > 2}'.encode())\n"
    )
    reader, writer = os.pipe()
    close = f"import os\nfor number in {closed}: os.close(number)"
    subprocess.run(
        prepared(close, sys.executable, "-c", code, str(writer)),
        pass_fds=[writer], timeout=WITHIN_S, check=True,
    )  # fmt: skip
    os.close(writer)
    with open(reader, "rb") as told:
        assert told.read() == b"True"


def test_a_limit_that_the_kernel_has_no_room_for_is_asked_for_lower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def refused_at_first(_resource: int, limits: tuple[int, int]) -> None:
        asked.append(limits[0])
        if len(asked) == 1:
            raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refused_at_first)
    raise_descriptor_limit()
    assert asked == [MOST_DESCRIPTORS, FEWER_DESCRIPTORS]
