"""Two shard counts that bring the same events, while a cluster is resharded. Pure."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final, NamedTuple

from tests.chaos.judgement.records import BLANKED, DispatchRow

SESSION_EVENTS: Final = frozenset({"READY", "RESUMED", "GUILD_CREATE"})
"""What a session begins with, and nobody did: a shard of a new count is begun after it."""
SAME_S: Final = 0.5
"""What happened once is dispatched to both counts within these seconds."""


class Dispatch(NamedTuple):
    """One of two or more dispatches with the same content."""

    moment: float
    """Unix seconds."""
    shard_count: int
    received: bool
    """Whether the subscriber gave it out."""


class OverlapTally:
    """What two shard counts brought of each content while one followed the other. A subscriber
    gives out one of two that were dispatched at the same moment; what neither gave is lost, what
    both gave is there twice."""

    def __init__(self, old_count: int, new_count: int) -> None:
        self.old_count, self.new_count = old_count, new_count
        self._contents: dict[tuple[str, str], list[Dispatch]] = {}
        """(name, hash) -> its dispatches."""

    def record(self, shard_count: int, row: DispatchRow, *, received: bool) -> None:
        """Count a dispatch of one of the counts, and whether it was given out."""
        dispatch = Dispatch(row.moment, shard_count, received)
        self._contents.setdefault((row.name, row.hash), []).append(dispatch)

    def breaches(self) -> list[tuple[str, float, str]]:
        """Return what is lost or came twice: the kind of breach, when it was dispatched last in
        Unix seconds, and a text."""
        found = []
        for (name, _), dispatches in self._contents.items():
            counts = Counter(dispatch.shard_count for dispatch in dispatches)
            if name == BLANKED or (not counts[self.old_count] and name in SESSION_EVENTS):
                continue
            dispatches.sort()
            missing = _happened(dispatches) - sum(dispatch.received for dispatch in dispatches)
            if missing:
                texts = (
                    f"{d.moment:.3f} of {d.shard_count}{' came' * d.received}" for d in dispatches
                )
                kind = "lost" if missing > 0 else "duplicate"
                text = f"{abs(missing)} {name}: {', '.join(texts)}"
                found.append((kind, dispatches[-1].moment, text))
        return found


def _happened(dispatches: list[Dispatch]) -> int:
    """Return how often a content happened: a dispatch of each count at the same moment is one
    time. dispatches: in order."""
    waiting: deque[Dispatch] = deque()
    """What one of the counts has dispatched, and the other one has not yet."""
    pairs = 0
    for dispatch in dispatches:
        while waiting and dispatch.moment - waiting[0].moment > SAME_S:
            waiting.popleft()
        if waiting and waiting[0].shard_count != dispatch.shard_count:
            waiting.popleft()
            pairs += 1
        else:
            waiting.append(dispatch)
    return len(dispatches) - pairs
