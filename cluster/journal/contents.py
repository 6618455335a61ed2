"""What a journal tells of its contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class JournalStats(NamedTuple):
    """What a journal holds."""

    bytes: int
    seconds: float | None
    """Age of the oldest drain; None: it holds none."""
    last_record: int


class Recent(NamedTuple):
    """Records that follow each other, in memory: what a turn appended, or one append of it that was
    read from the file."""

    first_record: int
    last_record: int
    messages: Sequence[bytes]
    bytes: int
