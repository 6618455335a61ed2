"""What somebody types to see only some rows. Pure.

Words are parted by blanks, and a row has to fit each of them:

    17        the row of this number        w3       what is of worker 3
    10-20     rows of these numbers         ready    rows that have this text
    !ready    rows that do not fit the word behind the "!"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

_number = re.compile(r"\d{1,9}")
_range = re.compile(r"(\d{1,9})-(\d{1,9})")
_worker = re.compile(r"w(\d{1,9})")
MOST_CHARACTERS: Final = 80


class About(NamedTuple):
    """What a row is looked for by."""

    text: str
    number: int | None = None
    worker: int | None = None


def fits(typed: str) -> Callable[[About], bool]:
    """Return what tells whether a row fits what was typed."""
    words = [_word(word) for word in typed[:MOST_CHARACTERS].lower().split()]
    return lambda row: all(word(row) for word in words)


def _word(word: str) -> Callable[[About], bool]:
    if word.startswith("!"):
        if not word[1:]:
            return lambda row: True  # more is to be typed
        inner = _word(word[1:])
        return lambda row: not inner(row)
    if _number.fullmatch(word):
        number = int(word)
        return lambda row: number == row.number if row.number is not None else word in row.text
    if found := _range.fullmatch(word):
        first, last = int(found[1]), int(found[2])
        return lambda row: row.number is not None and first <= row.number <= last
    if found := _worker.fullmatch(word):
        worker = int(found[1])
        return lambda row: row.worker == worker
    return lambda row: word in row.text.lower()
