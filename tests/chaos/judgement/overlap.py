"""Two shard counts that bring the same events, while a cluster is resharded. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from tests.chaos.judgement.records import BLANKED, DispatchRow

SESSION_EVENTS: Final = frozenset({"READY", "RESUMED", "GUILD_CREATE"})
"""What a session begins with, and nobody did: a shard of a new count is begun after it."""


class Dispatch(NamedTuple):
    """One of two or more dispatches with the same content."""

    moment: float
    """Unix seconds."""
    shard_count: int
    received: bool
    """Whether the subscriber gave it out."""


class OverlapTally:
    """What two shard counts brought of each content while one followed the other. A subscriber
    gives out one of two; what neither gave is lost, what both gave is there twice."""

    def __init__(self, old_count: int, new_count: int) -> None:
        self.old_count, self.new_count = old_count, new_count
        self._contents: dict[tuple[str, str], list[Dispatch]] = {}
        """(name, hash) -> its dispatches."""

    def record(self, shard_count: int, row: DispatchRow, *, received: bool) -> None:
        """Count a dispatch of one of the counts, and whether it was given out."""
        dispatch = Dispatch(row.moment, shard_count, received)
        self._contents.setdefault((row.name, row.hash), []).append(dispatch)

    def totals(self) -> tuple[list[tuple[float, str]], int]:
        """Return what is lost (when it was dispatched last, and a text), and how many contents
        came twice."""
        lost, twice = [], 0
        for (name, _), dispatches in self._contents.items():
            counts = Counter(dispatch.shard_count for dispatch in dispatches)
            if name == BLANKED or (not counts[self.old_count] and name in SESSION_EVENTS):
                continue
            missing = max(counts.values()) - sum(dispatch.received for dispatch in dispatches)
            if missing > 0:
                dispatches.sort()
                texts = (
                    f"{d.moment:.3f} of {d.shard_count}{' came' * d.received}" for d in dispatches
                )
                lost.append((dispatches[-1].moment, f"{missing} {name}: {', '.join(texts)}"))
            twice += max(0, -missing)
        return lost, twice
