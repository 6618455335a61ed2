"""A child of the coordinator that is started again when it ends. Others wait for it, so it is never
away for long, whatever it died of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from cluster.backoff import Backoff
from cluster.decode_errors import worth_saying
from cluster.errors import ClusterError
from coordinator.children.process import LocalProcess

log = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 1.0
"""The longest wait after one that ran: what somebody can make it die of keeps nobody else away."""
NOT_STARTED_WAIT_S: Final = 5.0
"""The longest wait after a try to start that failed."""
STABLE_S: Final = 60.0
"""The wait after a process that ran for so long is the first one again."""


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
        """name: for people. start: OSError or ClusterError if it can't. clock: monotonic seconds.
        stop_s: how long it may take to stop before SIGKILL."""
        self.name = name
        self.restarts = 0
        self.on_ended: Callable[[str], None] = self._log_end
        """Called with why it ended: the 1st, 2nd, 4th, 8th ... time in a row."""
        self._start = start
        self._clock = clock
        self._stop_s = stop_s
        self._sleep = sleep
        self._backoff = Backoff(FIRST_WAIT_S, NOT_STARTED_WAIT_S)
        self._log_level = ""
        """What each process is told to log from now on; empty: what its spec says."""
        self._ends = 0
        """How often it ended, or could not be started, since it last was stable."""
        self.process: LocalProcess | None = None
        """The one that runs; None: none does."""
        self._first: LocalProcess | None = None
        """The process with which `run` begins."""

    def set_log_level(self, level: str) -> None:
        """Let it log from this level on, and those that come after it."""
        self._log_level = level
        if process := self.process or self._first:
            process.tell(level)

    async def start(self) -> None:
        """Start the first process, which `run` then keeps. OSError or ClusterError if it can't."""
        self._first = await self._start()

    async def close(self) -> None:
        """Stop the first process, if it still runs. What `run` has started, it stops itself."""
        if self._first is not None:
            await self._first.stop(self._stop_s)

    async def run(self) -> None:
        """Until cancelled; the process is stopped then."""
        process = self._first
        while True:
            began = self._clock()
            status, why = await self._run_once(process)
            process = None
            if self._clock() - began >= STABLE_S:
                self._backoff.reset()
                self._ends = 0
            if status is not None:
                self._ended(status)
            wait = self._backoff.next(NOT_STARTED_WAIT_S if status is None else LONGEST_WAIT_S)
            self._ends += 1
            if worth_saying(self._ends):
                times = f"{self._ends} times in a row, " if self._ends > 1 else ""
                self.on_ended(f"{times}{why}")
            await self._sleep(wait)
            self.restarts += 1

    def _log_end(self, why: str) -> None:
        log.error("the %s ended (%s) and is started again", self.name, why)

    def _before_start(self) -> None:
        """Do what has to be done before it is started."""

    def _ended(self, status: int) -> None:
        """Do what has to be done when it has ended. status: below 0 the signal that killed it."""

    async def _run_once(self, process: LocalProcess | None) -> tuple[int | None, str]:
        """Run one process to its end. Return its status, and why it ended, in words."""
        try:
            if process is None:
                self._before_start()
                process = await self._start()
        except (OSError, ClusterError) as error:
            return None, f"can't be started: {error}"
        log.debug("%s started, pid %d", self.name, process.pid)
        self.process = process
        if self._log_level:
            process.tell(self._log_level)
        try:
            code = await process.wait()
        finally:
            self.process = None
            if process.running:
                await process.stop(self._stop_s)
        return code, f"{code}: {process.last_words()}"
