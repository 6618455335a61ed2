"""Processes that are measured: they take and give lines of JSON; their CPU time and memory is
read."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

ANSWER_S: Final = 120.0
"""Seconds that a process may take for an answer."""
STOP_S: Final = 10.0
"""Seconds that a process may take to end once its input has."""


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of all threads of a process."""
    # The process's own clock counts nanoseconds; /proc and ps round to hundredths.
    clock = ctypes.c_int()
    get = getattr(ctypes.CDLL(None), "clock_getcpuclockid", None)
    if get is not None and get(pid, ctypes.byref(clock)) == 0:
        return time.clock_gettime(clock.value)
    seconds = 0.0
    for part in _ps(pid, "cputime").replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def rss_bytes(pid: int) -> int:
    """Return the resident memory of a process."""
    statm = Path(f"/proc/{pid}/statm")
    if statm.exists():
        return int(statm.read_bytes().split()[1]) * resource.getpagesize()
    return int(_ps(pid, "rss")) * 1024


def _ps(pid: int, field: str) -> str:
    command = ["ps", "-o", f"{field}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def say(answer: Mapping[str, Any]) -> None:
    """Write an answer to standard output, as a child does."""
    print(msgspec.json.encode(answer).decode(), flush=True)


class ChildError(Exception):
    """A process that is measured ended, or does not answer."""


class Child:
    """A process that takes and gives JSON, one object a line."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(message) + b"\n")

    async def line(self) -> dict[str, Any]:
        """Return the next line that it writes. Raises ChildError."""
        assert self._process.stdout is not None
        try:
            text = await asyncio.wait_for(self._process.stdout.readline(), ANSWER_S)
        except TimeoutError:
            raise ChildError(f"{self._name} gave no answer in {ANSWER_S:.0f} s") from None
        if not text:
            raise ChildError(f"{self._name} ended (its error output is above)")
        return msgspec.json.decode(text, type=dict[str, Any])

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send an order and return its answer. Raises ChildError."""
        self.send({"do": do, **arguments})
        return await self.line()

    def end_input(self) -> None:
        """Let it come to its end; what it says last is still to be read."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def stop(self) -> None:
        """End its input, and kill the process if that does not end it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def child(
    name: str,
    command: Sequence[str],
    first: Mapping[str, Any],
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Child]:
    """Start a process and send it its first line. It has ended when the context is left."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **(env or {})},
        limit=1 << 26,
    )
    made = Child(name, process)
    made.send(first)
    try:
        yield made
    finally:
        await made.stop()
