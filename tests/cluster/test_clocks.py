"""Clocks that nobody sets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cluster.clocks import since_boot_s, steady_ns


def test_a_steady_clock_counts_on_from_what_the_wall_clock_said_once() -> None:
    wall, passed = 1_000, 7
    clock = steady_ns(lambda: wall, lambda: passed)
    assert clock() == 1_000
    wall, passed = -50, 10
    assert clock() == 1_003


@pytest.mark.skipif(not Path("/proc/uptime").exists(), reason="there is no /proc/uptime")
def test_seconds_since_the_boot_are_the_kernel_s() -> None:
    before = float(Path("/proc/uptime").read_text().split()[0])
    said = since_boot_s()
    after = float(Path("/proc/uptime").read_text().split()[0])
    assert before - 0.1 <= said <= after + 0.1
    assert said >= time.monotonic() - 0.1
