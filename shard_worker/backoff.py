"""How long to wait before the next try: exponential, with full jitter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BASE_S: Final = 0.5
CAP_S: Final = 60.0
FREE_IDENTIFIES: Final = 2
"""Failed identifies in a row that cost no pause of their own: an op 9 for one that came early."""
IDENTIFY_BASE_S: Final = 15.0
IDENTIFY_CAP_S: Final = 900.0


class Backoff:
    """Waits of 0 to 0.5, 1, 2, 4 ... 60 s, evenly spread in between ("full jitter"), so that what
    fell together does not return together."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait now."""
        ceiling = min(CAP_S, BASE_S * 2.0**self._tries)
        self._tries = min(self._tries + 1, 16)
        return self._random() * ceiling

    def reset(self) -> None:
        """All was well for a while."""
        self._tries = 0


def identify_pause(failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after this many identifies in a row that led to no READY. Each cost a grant
    of the daily budget, so they slow down to one in a quarter of an hour."""
    over = failures - FREE_IDENTIFIES
    if over <= 0:
        return 0.0
    ceiling = min(IDENTIFY_CAP_S, IDENTIFY_BASE_S * 2.0 ** min(over - 1, 16))
    return ceiling * (0.5 + random() / 2)
