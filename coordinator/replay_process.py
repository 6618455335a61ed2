"""The replay server as a child of the coordinator, started again when it ends.

It reads files that damaged storage can turn into a SIGBUS, which is why it is a process apart.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from cluster.wire.places import Places
from coordinator.engines.local import LocalProcess, module_command

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
STABLE_S: Final = 60.0


class ReplayProcess:
    """Keeps one replay server running while `run` does."""

    def __init__(
        self,
        command: Sequence[str],
        spec: bytes,
        logs: Path,
        *,
        clock: Callable[[], float],
        stop_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """spec: for its standard input. stop_s: how long it may take to stop before SIGKILL."""
        self._command = command
        self._spec = spec
        self._log = logs / "replay.log"
        self._clock = clock
        self._stop_s = stop_s
        self._sleep = sleep
        self.restarts = 0

    @classmethod
    def of(cls, places: Places, store_id: str, clock: Callable[[], float], stop_s: float) -> Self:
        """That of a cluster. Its module is not imported: what maps journals stays out of this
        process."""
        spec = {
            "endpoint": places.replay,
            "journals": str(places.journals),
            "cluster": store_id,
            "parent": os.getpid(),
        }
        command = module_command("coordinator.replay_server")
        return cls(command, msgspec.json.encode(spec), places.logs, clock=clock, stop_s=stop_s)

    async def run(self) -> None:
        """Until cancelled; the process is stopped then."""
        wait = FIRST_WAIT_S
        while True:
            began = self._clock()
            why = await self._run_once()
            if self._clock() - began >= STABLE_S:
                wait = FIRST_WAIT_S
            log.error("the replay server ended (%s): again in %.1f s", why, wait)
            await self._sleep(wait)
            self.restarts += 1
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _run_once(self) -> str:
        try:
            process = await LocalProcess.start(self._command, self._spec, self._log)
        except OSError as error:
            return f"can't be started: {error}"
        log.info("replay server started, pid %d", process.pid)
        try:
            code = await process.wait()
        finally:
            if process.running:
                await process.stop(self._stop_s)
        return f"{code}: {process.last_words()}"
