"""What a report tells of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_agent.machine import CpuTimes, Machine, busy_percent, cpu_times, used_percent

STAT = "cpu  100 20 30 800 50 1 2 3 7 8\ncpu0 1 2 3 4\nintr 5\n"
MEMINFO = "MemTotal:       8000 kB\nMemFree:  100 kB\nMemAvailable:    2000 kB\nHugePages: 0\n"


def test_readings() -> None:
    assert cpu_times(STAT) == CpuTimes(total=1006, idle=850)
    assert used_percent(MEMINFO) == 75.0


@pytest.mark.parametrize(
    ("before", "now", "percent"),
    [
        (CpuTimes(100, 50), CpuTimes(200, 75), 75.0),
        (CpuTimes(100, 50), CpuTimes(100, 50), 0.0),
        (CpuTimes(), CpuTimes(), 0.0),
        (CpuTimes(100, 50), CpuTimes(110, 49), 100.0),
    ],
)
def test_how_busy(before: CpuTimes, now: CpuTimes, percent: float) -> None:
    assert busy_percent(before, now) == pytest.approx(percent)


def test_this_machine(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert 0 <= machine.cpu_percent() <= 100
    assert 0 <= machine.memory_percent() <= 100
    assert machine.disk_free_bytes() > 0
    assert Machine(tmp_path / "not there").disk_free_bytes() == 0
