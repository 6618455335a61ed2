"""A sandbox as a child of the coordinator: started first, stopped last."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from cluster.errors import AlreadyRunningError, ClusterError
from cluster.logs.formatter import LogFormat
from cluster.sandbox.options import SandboxInfo, SandboxOptions
from coordinator.children.process import LocalProcess, module_command

log = logging.getLogger(__name__)

START_S: Final = 60.0
STOP_S: Final = 4.0
"""How long it may take to stop before SIGKILL."""
EXIT_S: Final = 2.0


class SandboxProcess:
    """A running sandbox and where it is."""

    def __init__(self, process: LocalProcess, info: SandboxInfo) -> None:
        self.info = info
        self._process = process
        self._stopping = False
        self._watch = asyncio.create_task(self._watched(), name="sandbox")

    @classmethod
    async def start(
        cls,
        options: SandboxOptions,
        logs: Path,
        command: Sequence[str] | None = None,
        *,
        log_format: LogFormat = "logfmt",
    ) -> Self:
        """Start a sandbox and wait until it serves. ClusterError, with its last words, if it does
        not.

        command: another program in its place, for tests.
        """
        log_file = logs / "sandbox.log"
        arguments = [f"--with-parent={os.getpid()}", f"--log-file={log_file}"]
        if log_format == "json":
            arguments.append("--log-json")
        process = await LocalProcess.start(
            command or module_command("cluster.sandbox", *arguments),
            msgspec.json.encode(options),
            log_file,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_S):
                line = await process.stdout.readline()
            return cls(process, msgspec.json.decode(line, type=SandboxInfo))
        except (TimeoutError, ValueError, msgspec.DecodeError) as error:
            code = await _ended(process)
            why = process.last_words() or type(error).__name__
            if code == AlreadyRunningError.exit_code:
                raise AlreadyRunningError(
                    f"the sandbox did not start: {why}",
                    "give another port, or 0 for any free one (sandbox.port in the configuration)",
                ) from error
            raise ClusterError(f"the sandbox did not start: {why}", f"see {log_file}") from error
        except BaseException:
            await process.stop(STOP_S)
            raise

    @property
    def running(self) -> bool:
        return self._process.running

    async def close(self, stop_s: float = STOP_S) -> None:
        """Stop it. stop_s: how long it may take before SIGKILL."""
        self._stopping = True
        await self._process.stop(stop_s)
        await self._watch

    async def _watched(self) -> None:
        """Drain its output, and say so if it ends by itself."""
        assert self._process.stdout is not None
        while await self._process.stdout.read(4096):
            pass
        code = await self._process.wait()
        if not self._stopping:
            log.error("the sandbox ended with %d: %s", code, self._process.last_words())


async def _ended(process: LocalProcess) -> int:
    """Wait for the end of a process that has closed its output, or said what it should not. Return
    its status."""
    try:
        async with asyncio.timeout(EXIT_S):
            return await process.wait()
    except TimeoutError:
        return await process.stop(STOP_S)
