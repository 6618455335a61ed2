"""Suspension: from when a disk refuses a write until it has taken all of them for a second, and has
room for more.

A full disk still takes what fits into pages that are free in the file: the shards' states, and a
drain or two after them. So that one write succeeded says little, and where hardly anything is
received many may. Pure; nanoseconds of a monotonic clock are passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RETRY_NS: Final = 1_000_000_000
"""After a failed write the disk is tried again once in this time."""
TRUSTED_NS: Final = 1_000_000_000
"""For so long every write must have succeeded before the suspension is over."""


class Suspension:
    """Told of failed writes always, of others while it is ``on``."""

    def __init__(self) -> None:
        self.on = False
        self._retry_ns = 0
        self._taken_ns: int | None = None
        """Since when all writes have succeeded; None: the last one failed."""

    def is_due(self, now_ns: int) -> bool:
        """Return whether the disk is to be tried again."""
        return self.on and now_ns >= self._retry_ns

    def refused(self, now_ns: int) -> bool:
        """A write failed. Return whether the suspension begins with it."""
        begins, self.on = not self.on, True
        self._taken_ns, self._retry_ns = None, now_ns + RETRY_NS
        return begins

    def taken(self, now_ns: int, has_room: Callable[[], bool]) -> bool:
        """A write succeeded. Return whether the suspension is over. has_room: whether there is room
        for more; asked once in TRUSTED_NS."""
        if self._taken_ns is None:
            self._taken_ns = now_ns
        elif now_ns - self._taken_ns >= TRUSTED_NS:
            self.on = not has_room()
            self._taken_ns = now_ns
        return not self.on
