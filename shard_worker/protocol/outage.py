"""A gateway that gives no HELLO: since when, how often it was tried, and which tries are worth a
line in the log. No I/O, no clock of its own."""

from __future__ import annotations

import re
from typing import Final

from cluster.decode_errors import worth_saying

LEAST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 60.0
SHARE: Final = 1 / 400
"""The pause between two tries, as a part of the time for which nothing was reached."""
DENIED_SHARE: Final = 1.0
"""The pause between two tries, as a part of the time for which each try was denied."""
MAX_CAUSES: Final = 16
"""Most causes of one outage that get a line for being new."""
_VARYING: Final = re.compile(r"\d+(?= (?:ms|milliseconds|bytes)\b)")
"""What differs in libcurl's words from try to try."""


class Outage:
    """Tries in a row of which none came to HELLO. Times are seconds of the caller's monotonic
    clock."""

    def __init__(self, now: float) -> None:
        """now: when the first of them failed."""
        self.since = now
        self.tries = 0
        self.cause = ""
        """Why the last one failed."""
        self._denied_since: float | None = None
        self._causes: set[str] = set()

    def failed(self, cause: str, now: float, *, denied: bool = False) -> bool:
        """Count a try. denied: somebody was reached and said no, which lasts until a person mends
        it. Return whether it is worth a line: its cause is new, or it is the 1st, 2nd, 4th, 8th ...
        of the outage."""
        self.tries += 1
        self.cause = cause
        if not denied:
            self._denied_since = None
        elif self._denied_since is None:
            self._denied_since = now
        kind = _VARYING.sub("", cause)
        new = kind not in self._causes and len(self._causes) < MAX_CAUSES
        if new:
            self._causes.add(kind)
        return new or worth_saying(self.tries)

    def pause(self, now: float) -> float:
        """Return the most seconds between a try at this moment and the next."""
        pause = max(LEAST_PAUSE_S, (now - self.since) * SHARE)
        if self._denied_since is not None:
            pause = max(pause, (now - self._denied_since) * DENIED_SHARE)
        return min(LONGEST_PAUSE_S, pause)
