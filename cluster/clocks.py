"""Clocks that go on when somebody sets the host's, the boot that one of them counts from, and
moments that a clock can show."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_SINCE_BOOT: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def since_boot_s() -> float:
    """Return the seconds since the host's boot, those included in which it was suspended: the same
    for all its processes (clock_gettime(2), CLOCK_BOOTTIME; macOS: CLOCK_MONOTONIC, which goes on
    in sleep)."""
    return time.clock_gettime(_SINCE_BOOT)


def whole_ms(moment: float) -> float:
    """Return the first whole millisecond that is not before a moment, in seconds.

    uvloop's clock shows whole milliseconds, and it rounds a wait to them: a call at a moment in
    the midst of one comes too early, and is then put off to now, again and again, until that
    millisecond is over.
    """
    ms = math.ceil(moment * 1000)
    return (ms if ms / 1000 >= moment else ms + 1) / 1000


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
