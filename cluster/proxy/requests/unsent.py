"""What clients asked for and was not sent, as the log tells it: together, with counts."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

log = logging.getLogger(__name__)

EVERY_S: Final = 10.0
"""Seconds between two lines, whatever fails."""


class Unsent:
    """Counts what was not sent, and logs it now and then. Times are seconds of the caller's
    monotonic clock."""

    def __init__(self) -> None:
        self.count = 0
        """All that was given up, presences of a shard apart, which are tried for ever."""
        self._new: Counter[str] = Counter()
        self._last = ""
        self._said = -EVERY_S

    def note(self, op: int, client: str, error: object) -> None:
        """A request is given up. client: the client's name, "" for the bot's token."""
        self.count += 1
        self._tell(f"op {op} of {client or 'the bot'} given up", error)

    def delayed(self, op: int, error: object) -> None:
        """A request, or a presence, was not sent this time, and is tried again."""
        self._tell(f"op {op} put off", error)

    def say(self, now: float) -> None:
        """Log what is new, unless a line came just before."""
        if not self._new or now < self._said + EVERY_S:
            return
        counts = ", ".join(f"{what}: {count}" for what, count in self._new.most_common(8))
        log.warning("requests of clients were not sent (%s); the last: %s", counts, self._last)
        self._new.clear()
        self._said = now

    def _tell(self, what: str, error: object) -> None:
        self._new[what] += 1
        self._last = str(error)
