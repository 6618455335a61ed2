"""What comes in and can't be used: how a decoder says so, and how often it is worth a line."""

from __future__ import annotations

from typing import Final

import msgspec

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec's decoders raise for bytes that are no message: no such form (ValidationError among
them), text that is not UTF-8, nested too deep."""


class Unfit:
    """Counts the events that were asked for typed and whose payload fits no class."""

    count = 0


UNFIT: Final = Unfit()
"""The count of this process; its subscribers report it for `status`."""


def worth_saying(count: int) -> bool:
    """Return whether the refusal of this number gets a line in the log, so that no flood of them
    fills a disk: the 1st, 2nd, 4th, 8th ..."""
    return count & (count - 1) == 0
