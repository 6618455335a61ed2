"""What still comes on a connection that has ended: how much of it is looked at, and when that is
too much (pure)."""

from __future__ import annotations

from typing import Final

MOST_SEARCHED: Final = 8 << 10
MOST_FRAMES: Final = 64
"""Bytes and frames that are searched for the client's close frame. Each frame takes 10 us, however
small."""
MOST_IGNORED: Final = 16 << 20
"""Bytes that may come in all."""


class Aftermath:
    """Counts what comes after the end."""

    def __init__(self) -> None:
        self._bytes = 0
        self.frames = 0
        """Frames that were read since the end."""

    def take(self, size: int) -> None:
        """So many bytes have come."""
        self._bytes += size

    @property
    def is_searched(self) -> bool:
        """Whether what comes next is looked at."""
        return self._bytes < MOST_SEARCHED and self.frames <= MOST_FRAMES

    @property
    def is_too_much(self) -> bool:
        """Whether the connection is to be cut."""
        return self._bytes > MOST_IGNORED
