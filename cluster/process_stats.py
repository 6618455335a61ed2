"""What this process uses: CPU and memory."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path


def cpu_seconds() -> float:
    """Return the user and system time of all threads of this process."""
    return time.process_time()


def own_memory_bytes() -> int:
    """Return the resident memory that is this process's own.

    Pages of files are left out: libraries, which all workers have together, and the journal, which
    is mapped and comes into memory page by page until it is there as a whole, yet goes back to the
    file whenever somebody else needs the room. (Linux: resident less shared of proc(5), statm.
    macOS has no such number for a process: the largest resident memory so far, journal included.)
    """
    statm = Path("/proc/self/statm")
    if statm.exists():
        _, resident, shared = statm.read_bytes().split()[:3]
        return (int(resident) - int(shared)) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_memory_bytes() -> int:
    """Return the resident memory of this process at its highest; 0: no descriptor is left to ask
    with.

    Linux: VmHWM of proc(5), status. What getrusage(2) says is carried over from the process that
    started this one there.
    """
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")
    )
