"""Whether a turn over the sockets is followed by a rest, as network cards moderate interrupts.

To wake a process for one event costs several times what the event does, most of it for caches that
have gone cold. So where much comes the sockets are left alone for some milliseconds after they were
asked, and the next turn finds several that are ready. Where little comes nothing rests, and a lone
event is never waited with.

Measured (40 sessions of 50 events/s each, the median of four rounds on 2 cores that had other work
too): with rests of 5 ms an event costs the worker 0.73 of what it costs without, the hub 0.38 and a
Subscriber 0.65, and a third of the context switches are left.
"""

from __future__ import annotations

from math import floor
from typing import Final

BUSY_PER_S: Final = 500.0
"""Ready sockets a second above which turns begin to be followed by rests."""
QUIET_PER_S: Final = 200.0
"""Ready sockets a second below which they end to be: lower, so that a rate between the two changes
nothing."""
WINDOW_S: Final = 0.1
"""Least seconds over which the rate is taken."""


class Moderation:
    """The rate of one process, and what follows from it. Times are seconds of the caller's
    monotonic clock."""

    def __init__(self, latency_ms: int, now: float) -> None:
        """latency_ms: most milliseconds that an event may wait in its socket; 0: nothing rests."""
        self._latency_ms = latency_ms
        self._since = now
        self._ready = 0
        """Sockets that were ready since then."""
        self.busy = False
        """Whether so much comes that rests pay."""

    def rest_ms(self, ready: int, asked_at: float, now: float) -> int:
        """Return for how many milliseconds the sockets may be left alone after a turn that found so
        many of them ready; 0: no rest.

        What came right after they were asked waits longest: from ``asked_at`` to the end of the
        rest, which is latency_ms at most. uvloop's clock shows whole milliseconds, and a timer
        rings when it shows so many more than it does now.
        """
        self._ready += ready
        passed = now - self._since
        if passed >= WINDOW_S:
            self.busy = self._ready / passed > (QUIET_PER_S if self.busy else BUSY_PER_S)
            self._since, self._ready = now, 0
        if not self.busy or not ready:  # a rest that brought nothing is not followed by another
            return 0
        return max(0, floor(asked_at * 1000 + self._latency_ms) - floor(now * 1000))
