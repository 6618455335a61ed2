"""DispatchOrder: which dispatches of a slice take a position, by their s. Pure.

The seqs of a session count up by one ("Gateway", Resuming). One that comes again is a replay that
began too early; a jump is a hole, which is told. A jump that is too far would make all that follows
a repetition: such a dispatch is left out, until many in a row say that the session goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from shard_worker.protocol.frame import FrameEvent

MAX_JUMP: Final = 65_536
"""An s that is farther beyond the last one is none: no replay leaves out so much."""
MAX_FAR: Final = 16
"""Dispatches in a row that are farther, after which the session goes on there."""

_seq_of: Final = itemgetter(1)


class DispatchOrder:
    """Looks at the dispatches of one shard, slice by slice."""

    def __init__(self) -> None:
        self.far = 0
        """Dispatches that were left out since their s was far beyond the last."""
        self.duplicates = 0
        """Dispatches at or below the last: a replay that began too early."""
        self._far_in_a_row = 0

    def taken(self, events: Sequence[FrameEvent], last: int) -> Sequence[FrameEvent]:
        """Return the events that take a position, in order. last: s of the last one taken."""
        if len(events) == 1 and events[0][1] == last + 1:  # as almost always where little comes
            self._far_in_a_row = 0
            return events
        seqs = list(map(_seq_of, events))
        if seqs == list(range(last + 1, last + 1 + len(seqs))):  # as almost always
            self._far_in_a_row = 0
            return events
        taken: list[FrameEvent] = []
        for event in events:
            seq = event[1]
            if seq <= last:
                self.duplicates += 1
            elif seq > last + MAX_JUMP and self._far_in_a_row < MAX_FAR:
                self.far += 1
                self._far_in_a_row += 1
            else:
                taken.append(event)
                last = seq
                self._far_in_a_row = 0
        return taken
