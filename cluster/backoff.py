"""How long to wait before what failed is tried again."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

_MOST_DOUBLINGS: Final = 64
"""More of them would make a number that no float holds; every wait is at its longest by then."""


class Backoff:
    """Waits that double from try to try, spread by chance, so that what fell together does not
    return together. Pure."""

    def __init__(
        self,
        first_s: float,
        longest_s: float,
        random: Callable[[], float] = lambda: 1.0,
        *,
        least: float = 0.0,
    ) -> None:
        """random: from 0 up to 1. least: the share of a wait that is not left to chance; 0 spreads
        it over the whole ("full jitter")."""
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = random
        self._least = least
        self._wait_s = first_s

    def after(self, failures: int) -> float:
        """Return the seconds to wait after this many failures in a row, 1 or more."""
        doubled = 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return self.spread(min(self._longest_s, self._first_s * doubled))

    def next(self, longest_s: float = math.inf) -> float:
        """Return the seconds to wait now; the wait after this one is twice as long, up to the
        usual longest. longest_s: the most that this wait may be, where that is less."""
        wait = min(self._wait_s, self._longest_s, longest_s)
        self._wait_s = 2 * wait
        return self.spread(wait)

    def reset(self) -> None:
        """Begin with the first wait again: all was well for a while."""
        self._wait_s = self._first_s

    def spread(self, seconds: float) -> float:
        """Return a wait of at most so long, as chance has it."""
        return seconds * (self._least + (1 - self._least) * self._random())
