"""Processes: which one is meant (its pid alone may be another's by now), what a child inherits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

MAX_OWNER_BYTES = 256
_NOT_INHERITED = ("DCGW_TOKEN", "DCGW_STORE")


def child_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return this environment without secrets: others can read a process's environment."""
    return {key: value for key, value in env.items() if key not in _NOT_INHERITED}


def process_start(pid: int) -> str:
    """Return when a process started, in this machine's own words; with the pid it names the
    process. Empty: there is none. Linux: proc(5), field 22 of stat. macOS: ps(1)."""
    if sys.platform == "darwin":
        command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return done.stdout.strip()
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[19]


async def start_apart(*words: str, stderr: int | None = None) -> asyncio.subprocess.Process:
    """Start a child that Ctrl-C does not reach, with pipes to its input and from its output.

    It gets a session of its own. Until it has that, a Ctrl-C of the terminal would end it all the
    same: so it is started with SIGINT blocked, and stays so.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=child_environment(),
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def signal_child(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Send a signal to a child of this process, which may have ended just now.

    Its own `terminate` and `kill` look first whether it has ended, and if so take its exit code
    from under asyncio's hands, which then says on stderr that it does not know the process.
    """
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it has ended, which asyncio will see
            os.kill(child.pid, number)


class Owner(NamedTuple):
    """The process that wrote itself into a lock file."""

    pid: int
    start: str

    @classmethod
    def from_pid(cls, pid: int) -> Self:
        """Return the process of this id that runs now."""
        return cls(pid, process_start(pid))

    @classmethod
    def read(cls, lock: Path) -> Self | None:
        """Return whoever held this lock last; None: it did not say, or there is no such process
        now."""
        try:
            pid, _, start = lock.read_bytes()[:MAX_OWNER_BYTES].decode().strip().partition(" ")
            owner = cls(int(pid), start)
        except (OSError, ValueError):
            return None
        return owner if start and process_start(owner.pid) == start else None

    def line(self) -> bytes:
        """Return what is written into the lock file."""
        return f"{self.pid} {self.start}\n".encode()
