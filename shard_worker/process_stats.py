"""What this process uses: CPU and resident memory."""

from __future__ import annotations

import resource
import time
from pathlib import Path


def cpu_seconds() -> float:
    """User and system time of all threads of this process."""
    return time.process_time()


def rss_bytes() -> int:
    """Resident memory; where the system tells no present value (macOS), the largest so far."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_bytes().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
