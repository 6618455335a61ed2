"""What was appended last, in memory, so that the publisher need not read it back."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from cluster.journal.contents import Recent

RECENT_BYTES: Final = 8 * 1024 * 1024
"""What is kept in memory beyond the publisher's cursor."""


class RecentTurns:
    """The turns that the publisher may still need, the oldest first; past RECENT_BYTES the oldest
    go, and are read from the file."""

    def __init__(self) -> None:
        self._turns: deque[Recent] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[Recent]:
        return iter(self._turns)

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, first: int, messages: Sequence[bytes], size: int) -> None:
        """Keep what a turn appended, the first record of which has this number. size: bytes of all
        messages."""
        self._turns.append(Recent(first, first + len(messages) - 1, messages, size))
        self._bytes += size
        while self._bytes > RECENT_BYTES and len(self._turns) > 1:
            self._bytes -= self._turns.popleft().bytes

    def release(self, record: int) -> None:
        """Drop what the publisher is past: all up to this record."""
        turns = self._turns
        while turns and turns[0].last_record <= record:
            self._bytes -= turns.popleft().bytes

    def after(self, record: int) -> Recent | None:
        """Return the first turn with a record beyond this one; None: there is none. It may begin
        later than ``record + 1``."""
        for recent in self._turns:
            if recent.last_record > record:
                return recent
        return None
