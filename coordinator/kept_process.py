"""A child of the coordinator that is started again when it ends, each time after a longer wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cluster.errors import ClusterError
from coordinator.engines.local import LocalProcess

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
STABLE_S: Final = 60.0


class KeptProcess:
    """Keeps one process running while `run` does."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[LocalProcess]],
        *,
        clock: Callable[[], float],
        stop_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """name: for the log. start: OSError or ClusterError if it can't. stop_s: how long it may
        take to stop before SIGKILL."""
        self._name = name
        self._start = start
        self._clock = clock
        self._stop_s = stop_s
        self._sleep = sleep
        self.restarts = 0

    async def run(self, first: LocalProcess | None = None) -> None:
        """Until cancelled; the process is stopped then. first: one that runs already."""
        wait = FIRST_WAIT_S
        while True:
            began = self._clock()
            why = await self._run_once(first)
            first = None
            if self._clock() - began >= STABLE_S:
                wait = FIRST_WAIT_S
            log.error("the %s ended (%s): again in %.1f s", self._name, why, wait)
            await self._sleep(wait)
            self.restarts += 1
            wait = min(LONGEST_WAIT_S, wait * 2)

    async def _run_once(self, process: LocalProcess | None) -> str:
        try:
            process = process or await self._start()
        except (OSError, ClusterError) as error:
            return f"can't be started: {error}"
        log.info("%s started, pid %d", self._name, process.pid)
        try:
            code = await process.wait()
        finally:
            if process.running:
                await process.stop(self._stop_s)
        return f"{code}: {process.last_words()}"
