"""A timer that is moved about: one call at one moment, whichever it is now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cluster.clocks import whole_ms


class MovableTimer:
    """Calls back at the moment that was set last. Lives on the running event loop."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._callback = callback
        # Kept apart from the handle: what uvloop makes for a moment that is now has no when().
        self.due: float | None = None
        """When it calls back next (the loop's time); None: not at all."""
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """Call back at this time of the loop, at most a millisecond late and never early, and at
        no other; None: not at all."""
        if due == self.due:
            return
        self.due = due
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if due is not None:
            self._handle = self._loop.call_at(whole_ms(due), self._on_time)

    def _on_time(self) -> None:
        self.due = self._handle = None
        self._callback()
