"""What the coordinator must know of the machine it runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from cluster.clocks import since_boot_s
from cluster.errors import ClusterError

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Return the id of the time since the kernel started: a journal of an earlier one may not be
    whole.

    Linux: proc(5), random/boot_id. macOS: sysctl kern.bootsessionuuid. ClusterError: neither is
    there.
    """
    try:
        if sys.platform == "darwin":
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            return subprocess.run(
                command, check=True, capture_output=True, text=True
            ).stdout.strip()
        return _BOOT_ID.read_text().strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise ClusterError(f"this machine does not tell its boot id ({error})") from error


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
