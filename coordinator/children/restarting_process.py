"""A child of the coordinator that is started again when it ends, each time after a longer wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cluster.errors import ClusterError
from coordinator.children.process import LocalProcess

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 30.0
KILLED_WAIT_S: Final = 1.0
"""At most, after one that did not end by itself: its clients wait for it."""
STABLE_S: Final = 60.0


class RestartingProcess:
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
            status, why = await self._run_once(first)
            first = None
            if self._clock() - began >= STABLE_S:
                wait = FIRST_WAIT_S
            if status is not None:
                self._ended(status)
            log.error("the %s ended (%s): again in %.1f s", self._name, why, wait)
            await self._sleep(wait)
            self.restarts += 1
            wait = next_wait(wait, killed=status is not None and status < 0)

    def _before(self) -> None:
        """It is about to be started."""

    def _ended(self, status: int) -> None:
        """It has ended. status: below 0 the signal that killed it."""

    async def _run_once(self, process: LocalProcess | None) -> tuple[int | None, str]:
        """Its status, and in words."""
        try:
            if process is None:
                self._before()
                process = await self._start()
        except (OSError, ClusterError) as error:
            return None, f"can't be started: {error}"
        log.info("%s started, pid %d", self._name, process.pid)
        try:
            code = await process.wait()
        finally:
            if process.running:
                await process.stop(self._stop_s)
        return code, f"{code}: {process.last_words()}"


def next_wait(wait: float, *, killed: bool) -> float:
    """How long the next wait is, after this one. One that was killed did nothing wrong, and is
    wanted; one that ends by itself each time has a cause that lasts."""
    return min(KILLED_WAIT_S if killed else LONGEST_WAIT_S, wait * 2)
