"""A bound on standing still: on a busy machine a test may take long, as long as it gets on."""

from __future__ import annotations

import signal
from typing import Final

STILL_S: Final = 90.0
"""Seconds without a step after which a test hangs: ``timeout`` of pyproject.toml."""


def progress() -> None:
    """Say that a step is done: pytest-timeout, which counts from the start of a test's set-up,
    counts anew. Without a timer of its own (``--timeout 0``, a debugger) it does nothing."""
    left_s, _ = signal.getitimer(signal.ITIMER_REAL)
    if 0 < left_s < STILL_S:
        signal.setitimer(signal.ITIMER_REAL, STILL_S, STILL_S)
