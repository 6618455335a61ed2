"""An event loop whose time is played: where everybody waits, it is at once as late as the next
timer asks for. For tests whose subject waits for seconds by the loop's time, and for no socket
and no thread.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

DURATION_S = 24 * 3600.0
"""Played seconds that a scenario may take; what hangs ends then, at once."""


class _PlayedSelector(selectors.DefaultSelector):
    """Passes the time of a wait instead of waiting; a wait without an end is for a file."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        ready = super().select(None if timeout is None else 0)
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class PlayedLoop(asyncio.SelectorEventLoop):
    """Begins at second 0 of its own time."""

    def __init__(self) -> None:
        self._played = _PlayedSelector()
        super().__init__(self._played)

    def time(self) -> float:
        return self._played.now


def play(scenario: Callable[[], Awaitable[None]]) -> None:
    """Run a scenario on a loop of its own. TimeoutError: it took more than a played day."""

    async def main() -> None:
        async with asyncio.timeout(DURATION_S):
            await scenario()

    with asyncio.Runner(loop_factory=PlayedLoop) as runner:
        runner.run(main())
