"""How long heartbeats took, all sessions of a process together, in classes."""

from __future__ import annotations

from bisect import bisect_left

from cluster.wire.traffic import LATENCY_BOUNDS_S, LATENCY_CLASSES


class Latencies:
    """Counts round trips of heartbeats."""

    def __init__(self) -> None:
        self.counts = [0] * LATENCY_CLASSES
        """How many took as long as each of LATENCY_BOUNDS_S at most, and longer than the bound
        before it; the last number has those that took longer than all."""
        self.seconds = 0.0
        """The sum of all, in seconds."""

    def add(self, seconds: float) -> None:
        """Count a round trip of so many seconds."""
        self.counts[bisect_left(LATENCY_BOUNDS_S, seconds)] += 1
        self.seconds += seconds
