"""How busy this machine is, and what room it has left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

_STAT: Final = Path("/proc/stat")
_MEMORY: Final = Path("/proc/meminfo")
_COUNTED: Final = 8
"""Numbers of the line "cpu" that make up its time: those after them, of guests, are in the first
two."""


class CpuTimes(NamedTuple):
    """What all cores together have done since the boot, in clock ticks."""

    total: int = 0
    idle: int = 0


class Machine:
    """Reads what a report tells of the machine. Where the system does not tell it, as macOS, it is
    0.

    Source: proc(5), stat and meminfo; statvfs(3).
    """

    def __init__(self, folder: Path) -> None:
        """folder: on the disk whose room counts."""
        self._folder = folder
        self._before = _cpu_times()

    def cpu_percent(self) -> float:
        """Return how busy all cores together were since this was asked last."""
        now, before = _cpu_times(), self._before
        self._before = now
        return busy_percent(before, now)

    def memory_percent(self) -> float:
        """Return how much of the memory is in use."""
        return used_percent(_MEMORY.read_text()) if _MEMORY.exists() else 0.0

    def disk_free_bytes(self) -> int:
        """Return the room that this user has left on the disk; 0 if that can't be told."""
        try:
            info = os.statvfs(self._folder)
        except OSError:
            return 0  # whoever writes there meets it, and says so
        return info.f_bavail * info.f_frsize


def _cpu_times() -> CpuTimes:
    return cpu_times(_STAT.read_text()) if _STAT.exists() else CpuTimes()


def cpu_times(stat: str) -> CpuTimes:
    """Return the times in the first line of /proc/stat."""
    user, nice, system, idle, iowait, *others = map(int, stat.split("\n", 1)[0].split()[1:])
    counted = others[: _COUNTED - 5]
    return CpuTimes(user + nice + system + idle + iowait + sum(counted), idle + iowait)


def busy_percent(before: CpuTimes, now: CpuTimes) -> float:
    """Return the share of the time between two readings in which the cores were busy."""
    total = now.total - before.total
    if total <= 0:
        return 0.0
    return min(100.0, max(0.0, 100.0 * (1 - (now.idle - before.idle) / total)))


def used_percent(meminfo: str) -> float:
    """Return the share of the memory that is not available, by /proc/meminfo."""
    rows = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    total, available = (int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return 100.0 * (1 - available / total) if total else 0.0
