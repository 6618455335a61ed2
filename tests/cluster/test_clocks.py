"""Clocks that nobody sets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cluster.clocks import since_boot_s


@pytest.mark.skipif(not Path("/proc/uptime").exists(), reason="there is no /proc/uptime")
def test_seconds_since_the_boot_are_the_kernel_s() -> None:
    before = float(Path("/proc/uptime").read_text().split()[0])
    running = time.monotonic()  # it stands still while the machine sleeps
    said = since_boot_s()
    after = float(Path("/proc/uptime").read_text().split()[0])
    assert before - 0.1 <= said <= after + 0.1
    assert said >= running - 0.1
