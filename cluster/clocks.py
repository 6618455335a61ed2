"""Clocks that go on when somebody sets the host's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_ns(
    wall_ns: Callable[[], int] = time.time_ns,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Callable[[], int]:
    """Return a clock of Unix nanoseconds that reads the host's once and counts on from there. Two
    of its readings are as far apart as they were taken, whatever the host's clock was set to."""
    ahead = wall_ns() - monotonic_ns()
    return lambda: ahead + monotonic_ns()


def since_boot_s() -> float:
    """Return the seconds since the host's boot, those included in which it was suspended: the same
    for all its processes (clock_gettime(2), CLOCK_BOOTTIME; macOS: CLOCK_MONOTONIC, which goes on
    in sleep)."""
    return time.clock_gettime(_SINCE_BOOT)
