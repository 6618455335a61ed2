"""When the events of a load are due, and how their moments are kept to some tens of microseconds.

A timer of the event loop has whole milliseconds, which would send several events at once: at 5,000
a second five of them. So one thread sleeps until shortly before each moment, and looks at the clock
for the rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

SPIN_NS: Final = 60_000
"""Nanoseconds before a moment for which the clock is looked at: a sleep ends some tens of
microseconds late."""


class Load(NamedTuple):
    """Events for many sessions, each event alone."""

    sessions: int
    rate: float
    """Events a second of each session."""
    poisson: bool = False
    """Whether they come at random moments, instead of in equal distances."""

    @property
    def label(self) -> str:
        """Name of the load in the table."""
        return f"{self.sessions:,} x {self.rate:,g}/s" + (" Poisson" if self.poisson else "")

    def events(self, seconds: float) -> int:
        """Return how many events all sessions together get in this time: one each at least."""
        return max(self.sessions, round(self.sessions * self.rate * seconds))


class Due(NamedTuple):
    """An event of a schedule."""

    ns: int
    """Nanoseconds from the beginning."""
    session: int
    """Index of the session that gets it."""


def schedule(load: Load, events: int, draw: random.Random) -> Iterator[Due]:
    """Yield when each of so many events is due, in order."""
    each_s = 1 / (load.sessions * load.rate)
    if load.poisson:
        # The sum of independent Poisson processes is one, whose events fall to each alike.
        at = 0.0
        for _ in range(events):
            at += draw.expovariate(1 / each_s)
            yield Due(int(at * 1e9), draw.randrange(load.sessions))
        return
    for number in range(events):
        yield Due(int(number * each_s * 1e9), number % load.sessions)


def wait_until(due_ns: int, clock_ns: Callable[[], int], sleep: Callable[[float], None]) -> int:
    """Block until a moment of the clock, and return what it shows then. A moment that is over is
    not waited for. sleep: takes seconds."""
    now = clock_ns()
    while (left := due_ns - now) > SPIN_NS:
        sleep((left - SPIN_NS) / 1e9)
        now = clock_ns()
    while now < due_ns:
        now = clock_ns()
    return now
