"""System calls of a process, counted by perf or strace where one of them may.

perf counts in the kernel and disturbs little. strace stops the process at every call, so that
more has come whenever it looks: what it counts is the less the busier the process is.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

PERF_EVENT: Final = "raw_syscalls:sys_enter"
ATTACH_S: Final = 0.3
"""Seconds until a tracer has attached to all threads."""
END_S: Final = 10.0
_COUNT: Final = re.compile(r"^(\d+),", re.MULTILINE)
_TOTAL: Final = re.compile(r"^\s*(\d+)\s+total$", re.MULTILINE)


def perf_count(text: str) -> int | None:
    """Return the count in what perf wrote; None: it counted nothing."""
    found = _COUNT.search(text)
    return int(found[1]) if found else None


def strace_count(text: str) -> int | None:
    """Return the total in strace's summary of calls and names; None: there is none."""
    found = _TOTAL.search(text)
    return int(found[1]) if found else None


class Tracer(NamedTuple):
    """A program that counts the system calls of a process until SIGINT."""

    name: str
    command: Callable[[int, Path], Sequence[str]]
    """Takes a process's id and the file for the result."""
    parse: Callable[[str], int | None]


TRACERS: Final = (
    Tracer("perf", lambda pid, out: _words(f"perf stat -x, -e {PERF_EVENT} -p {pid} -o", out),
           perf_count),
    Tracer("strace", lambda pid, out: _words(f"strace -qfcU calls,name -p {pid} -o", out),
           strace_count),
)  # fmt: skip


def _words(command: str, out: Path) -> Sequence[str]:
    return [*command.split(), str(out)]


class Counting:
    """One process's system calls, from ``begin`` to ``end``."""

    def __init__(self, tracer: Tracer, pid: int, out: Path) -> None:
        self._tracer = tracer
        self._pid = pid
        self._out = out
        self._process: asyncio.subprocess.Process | None = None

    async def begin(self) -> None:
        """Start the tracer, and return when it has attached."""
        self._process = await asyncio.create_subprocess_exec(
            *self._tracer.command(self._pid, self._out),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await asyncio.sleep(ATTACH_S)

    async def end(self) -> int | None:
        """Stop the tracer and return its count; None: it could not count."""
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            process.kill()
            await process.wait()
        return self._tracer.parse(self._out.read_text()) if self._out.exists() else None


async def find_tracer(tracers: Sequence[Tracer] = TRACERS) -> Tracer | None:
    """Return the first tracer that counts something here; None: none does."""
    for tracer in tracers:
        if shutil.which(tracer.name) is None:
            continue
        busy = await asyncio.create_subprocess_exec("sh", "-c", "while :; do kill -0 $$; done")
        try:
            with tempfile.TemporaryDirectory() as folder:
                counting = Counting(tracer, busy.pid, Path(folder) / "count")
                await counting.begin()
                if await counting.end():
                    return tracer
        finally:
            busy.kill()
            await busy.wait()
    return None
