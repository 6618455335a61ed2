"""Two shard counts that bring the same events, while a cluster is resharded. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

from evidence import Row

OF_A_SESSION: Final = frozenset({"READY", "RESUMED", "GUILD_CREATE"})
"""What a session begins with, and nobody did: a shard of a new count is begun after it."""


class Twins:
    """What two shard counts brought of each content while one followed the other. A subscriber
    gives out one of two; what neither gave is lost, what both gave is there twice."""

    def __init__(self, of_count: int, to_count: int) -> None:
        self.of_count, self.to_count = of_count, to_count
        self._came: Counter[tuple[str, str]] = Counter()
        self._dispatched: Counter[tuple[int, str, str]] = Counter()
        self._at: dict[tuple[str, str], float] = {}

    def saw(self, count: int, row: Row, *, came: bool) -> None:
        """A dispatch of one of the counts, and whether it was given out."""
        content = (row.name, row.hash)
        self._dispatched[count, row.name, row.hash] += 1
        self._came[content] += came
        self._at[content] = row.at

    def sums(self) -> tuple[list[tuple[float, str]], int]:
        """What is lost: when it was dispatched last, and in words; how many came twice."""
        lost, twice = [], 0
        for content, at in self._at.items():
            before = self._dispatched[self.of_count, *content]
            happened = max(before, self._dispatched[self.to_count, *content])
            missing = happened - self._came[content]
            if not before and content[0] in OF_A_SESSION:
                continue
            if missing > 0:
                after = self._dispatched[self.to_count, *content]
                lost.append(
                    (
                        at,
                        f"{missing} {content[0]}: {before} by the old count, {after} by "
                        f"the new one, {self._came[content]} came",
                    )
                )
            twice += max(0, -missing)
        return lost, twice
