"""A child process of this host whose standard error goes to a log file.

The spec goes through the child's standard input, and after it what some are told later. A child has
a session of its own, so that Ctrl-C in a terminal reaches the coordinator only, which stops the
others in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from cluster.logs.files import Place, ProcessLog
from cluster.logs.log_file import LOG_BYTES, open_log, set_aside
from cluster.processes import child_environment


def module_command(module: str, *args: str) -> list[str]:
    """Return the command line of one of our modules. With -P a folder named `cluster` where the
    user happens to stand is not taken for ours."""
    return [sys.executable, "-P", "-m", module, *args]


class LocalProcess:
    """A child process whose standard error goes to a log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, log_from: Place) -> None:
        self._process = process
        self._log = ProcessLog(log)
        self._log_from = log_from

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        data: bytes,
        log: Path,
        *,
        stdout: int | None = None,
        keep_input: bool = False,
        descriptors: Sequence[int] = (),
    ) -> Self:
        """Start a process and write data to its standard input, then EOF. OSError if it can't be
        started.

        stdout: asyncio.subprocess.PIPE, or None for the log. keep_input: the data is a line, and
        others follow (`tell`). descriptors: those of ours that it has, too, by the same numbers.
        """
        log_fd, log_from = _open_log(log)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log_fd if stdout is None else stdout,
                stderr=log_fd,
                start_new_session=True,
                env=child_environment(),
                pass_fds=descriptors,
            )
        finally:
            os.close(log_fd)
        assert process.stdin is not None
        process.stdin.write(data + b"\n" if keep_input else data)
        # A child that died already: its exit status and last words tell why, better than EPIPE
        with contextlib.suppress(ConnectionError):
            await process.stdin.drain()
        if not keep_input:
            process.stdin.close()
        return cls(process, log, log_from)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def heard_since(self) -> float | None:
        """Since when it can be heard: always."""
        return float("-inf")

    @property
    def stopped_for(self) -> str:
        """Nobody but the coordinator ends it."""
        return ""

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        return self._process.stdout

    def tell(self, line: str) -> None:
        """Write a line to the standard input that was kept. A process that has ended reads it no
        more."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def wait(self) -> int:
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended: the next one knows
            self._process.send_signal(number)

    def terminate(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: as was wanted
            self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself: as was wanted
            self._process.kill()

    async def stop(self, seconds: float) -> int:
        """Send SIGTERM, and SIGKILL if that has not ended it within so long. Return its status."""
        self.terminate()
        try:
            async with asyncio.timeout(seconds):
                return await self.wait()
        except TimeoutError:
            self.kill()
            return await self.wait()

    def last_words(self) -> str:
        """Return what the last line says that this process wrote to its log."""
        try:
            return self._log.last_words(self._log_from)
        except OSError as error:
            return f"(its log can't be read: {error})"


def _open_log(path: Path) -> tuple[int, Place]:
    """Open a log to append to it. Return its descriptor, and where it ends now. One that is full is
    set aside: a process that dies before it logs would make it longer each time."""
    with contextlib.suppress(FileNotFoundError):  # the first process of this name
        if path.stat().st_size > LOG_BYTES:
            set_aside(path)
    fd = open_log(path)
    info = os.fstat(fd)
    return fd, Place(info.st_ino, info.st_size)
