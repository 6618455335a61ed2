"""Two shard counts that bring the same events, while a cluster is resharded. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tests.chaos.evidence import BLANKED, Row

OF_A_SESSION: Final = frozenset({"READY", "RESUMED", "GUILD_CREATE"})
"""What a session begins with, and nobody did: a shard of a new count is begun after it."""


class Twins:
    """What two shard counts brought of each content while one followed the other. A subscriber
    gives out one of two; what neither gave is lost, what both gave is there twice."""

    def __init__(self, of_count: int, to_count: int) -> None:
        self.of_count, self.to_count = of_count, to_count
        self._seen: dict[tuple[str, str], list[tuple[float, int, bool]]] = {}
        """By content: when it was dispatched, in which count, and whether it was given out."""

    def saw(self, count: int, row: Row, *, came: bool) -> None:
        """A dispatch of one of the counts, and whether it was given out."""
        self._seen.setdefault((row.name, row.hash), []).append((row.at, count, came))

    def sums(self) -> tuple[list[tuple[float, str]], int]:
        """What is lost: when it was dispatched last, and in words; how many came twice."""
        lost, twice = [], 0
        for (name, _), seen in self._seen.items():
            counts = Counter(count for _, count, _ in seen)
            if name == BLANKED or (not counts[self.of_count] and name in OF_A_SESSION):
                continue
            missing = max(counts.values()) - sum(came for *_, came in seen)
            if missing > 0:
                told = (f"{at:.3f} of {count}{' came' * came}" for at, count, came in sorted(seen))
                lost.append((max(seen)[0], f"{missing} {name}: {', '.join(told)}"))
            twice += max(0, -missing)
        return lost, twice
