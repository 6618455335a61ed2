"""How fast a counter grows (pure)."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_S: Final = 5.0
"""Seconds of readings over which a rate is taken."""


class Rate:
    """The growth of a counter, over a sliding window of its readings."""

    def __init__(self) -> None:
        self._readings: deque[tuple[float, float]] = deque()

    def add(self, now: float, value: float) -> None:
        readings = self._readings
        if readings and value < readings[-1][1]:  # a new process counts from zero
            readings.clear()
        readings.append((now, value))
        while readings[0][0] < now - WINDOW_S and len(readings) > 2:
            readings.popleft()

    def per_second(self, now: float) -> float:
        readings = self._readings
        if len(readings) < 2 or readings[-1][0] < now - WINDOW_S:
            return 0.0
        (begun, first), (ended, last) = readings[0], readings[-1]
        # Two readings may be milliseconds apart, since a change of state is reported at once
        return (last - first) / max(1.0, ended - begun)
