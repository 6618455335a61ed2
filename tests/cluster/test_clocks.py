"""Clocks that nobody sets, and moments that a clock can show."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.clocks import since_boot_s, whole_ms


@pytest.mark.skipif(not Path("/proc/uptime").exists(), reason="there is no /proc/uptime")
def test_seconds_since_the_boot_are_the_kernel_s() -> None:
    before = float(Path("/proc/uptime").read_text().split()[0])
    running = time.monotonic()  # it stands still while the machine sleeps
    said = since_boot_s()
    after = float(Path("/proc/uptime").read_text().split()[0])
    assert before - 0.1 <= said <= after + 0.1
    assert said >= running - 0.1


@given(moment=st.floats(0, 1e7))
@example(moment=0.043000000000000003)  # 43 ms when it is multiplied, and after 0.043 all the same
def test_a_whole_millisecond_is_not_before_the_moment(moment: float) -> None:
    whole = whole_ms(moment)
    assert moment <= whole < moment + 0.001 + 1e-8
    assert whole == round(whole * 1000) / 1000, "as a clock of whole milliseconds shows it"
    assert whole_ms(whole) <= whole + 0.001
