"""Makes Ctrl-C, SIGTERM and a terminal that goes away something to wait for."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Final, Self

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequests:
    """Counts how often somebody asked this command to stop."""

    def __init__(self) -> None:
        self.count = 0
        self.hung_up = False
        """The terminal is gone: nothing more can be written to it."""
        self._changed = asyncio.Event()

    @classmethod
    @contextmanager
    def watch(cls) -> Iterator[Self]:
        """Turn the signals into requests while this context lasts. An event loop must run."""
        requests = cls()
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, requests.ask, number == signal.SIGHUP)
        try:
            yield requests
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def ask(self, hung_up: bool = False) -> None:
        """Count one more request. hung_up: it came because the terminal is gone."""
        self.count += 1
        self.hung_up |= hung_up
        self._changed.set()

    async def wait(self, more_than: int = 0) -> None:
        """Return once there were more requests than more_than."""
        while self.count <= more_than:
            self._changed.clear()
            await self._changed.wait()


async def first(*awaitables: Awaitable[object], within_s: float | None = None) -> set[int]:
    """Wait until one of these is done, or the time is over, and cancel the others.

    Return the numbers of those that are done. What one of them raised is raised here.
    """
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        done = {number for number, task in enumerate(tasks) if task.done()}
        for number in done:
            tasks[number].result()
        return done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
