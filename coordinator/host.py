"""What the coordinator must know of the machine it runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from cluster.clocks import boot_id as boot_id
from cluster.clocks import since_boot_s


class HostClocks(NamedTuple):
    """The clocks of the machine, and the boot that one of them counts from."""

    boot_id: str
    since_boot: Callable[[], float]
    """Returns the seconds since the boot, those included in which the machine was suspended; nobody
    can set it."""
    wall: Callable[[], float]
    """Returns Unix seconds, as somebody has set them."""

    @classmethod
    def own(cls) -> HostClocks:
        """Return those of this machine. ClusterError as boot_id."""
        return cls(boot_id(), since_boot_s, time.time)


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
