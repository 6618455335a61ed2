"""Clocks that go on when somebody sets the host's."""

from __future__ import annotations

import time
from typing import Final

_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot_s() -> float:
    """Return the seconds since the host's boot, those included in which it was suspended: the same
    for all its processes (clock_gettime(2), CLOCK_BOOTTIME; macOS: CLOCK_MONOTONIC, which goes on
    in sleep)."""
    return time.clock_gettime(_SINCE_BOOT)
