"""What happened lately in the cluster, as the coordinator tells it: each is asked for once."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from cluster.wire.happenings import Happenings, Severity

KEPT: Final = 100


class HappeningPicture(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the page's list."""

    number: int
    at: float
    """Unix seconds."""
    severity: Severity
    text: str


class History:
    """The last happenings, oldest first."""

    def __init__(self, ask: Callable[[int], Awaitable[Happenings]]) -> None:
        """ask: returns what came after the happening of a number; ClusterError where nobody
        answers."""
        self._ask = ask
        self._last = 0
        self._rows: deque[HappeningPicture] = deque(maxlen=KEPT)

    async def newest(self) -> list[HappeningPicture]:
        """Ask for what is new, and return all that is kept. Raises ClusterError."""
        answer = await self._ask(self._last)
        if answer.last < self._last:  # another cluster, whose numbers are its own
            self._rows.clear()
            answer = await self._ask(0)
        self._last = answer.last
        self._rows.extend(
            HappeningPicture(number=one.number, at=one.at, severity=one.severity, text=one.text)
            for one in answer.happenings
        )
        return list(self._rows)
