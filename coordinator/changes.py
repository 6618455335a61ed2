"""Waiting for what workers report."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Changes:
    """Wakes whoever waits for a condition each time that something was reported."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        """Wake everybody who waits: something is new."""
        self._event.set()
        self._event = asyncio.Event()

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds. False: it did not within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._event.wait()
        except TimeoutError:
            return condition()
        return True
