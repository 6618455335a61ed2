"""Clocks that go on when somebody sets the host's."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_ns(
    wall_ns: Callable[[], int] = time.time_ns,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Callable[[], int]:
    """Return a clock of Unix nanoseconds that reads the host's once and counts on from there. Two
    of its readings are as far apart as they were taken, whatever the host's clock was set to."""
    ahead = wall_ns() - monotonic_ns()
    return lambda: ahead + monotonic_ns()
