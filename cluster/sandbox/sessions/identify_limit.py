"""Who may identify, as Discord decides it (pure; clock and randomness passed in).

"Gateway", "Rate Limiting" and "Sharding": one identify per bucket (shard_id % max_concurrency)
in 5 s, over it op 9 with d false; and a number of session starts a day, over which Discord ends
every session of the bot and resets its token.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum


class Verdict(Enum):
    ADMITTED = "admitted"
    EARLY = "early"
    """The bucket's window is not over: op 9, d false. Costs no session start."""
    EXHAUSTED = "exhausted"
    """No session start is left: all sessions end and the token is reset."""


class IdentifyLimit:
    """Buckets and the daily budget.

    window_s, jitter_s, reset_s: seconds. now: monotonic seconds. A window runs from the arrival
    of the identify that was admitted; one that came early does not move it.
    """

    def __init__(
        self,
        *,
        max_concurrency: int,
        window_s: float,
        jitter_s: float,
        total: int,
        remaining: int,
        reset_s: float,
        now: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.max_concurrency = max_concurrency
        self.window_s = window_s
        self.jitter_s = jitter_s
        self.total = total
        self.reset_s = reset_s
        self._remaining = remaining
        self._now = now
        self._rng = rng
        self._resets_at = now() + reset_s
        self._last: dict[int, float] = {}
        self.admitted = 0
        self.early = 0
        self.earliest_s = 0.0
        """Seconds by which the earliest of the early identifies was too early."""

    def arrival_delay(self) -> float:
        """Seconds that the next identify is on its way: two sent 5.0 s apart can arrive closer."""
        return self._rng.uniform(0.0, self.jitter_s)

    def admit(self, shard_id: int) -> Verdict:
        """Judge an identify that arrives now, and count it."""
        now = self._now()
        bucket = shard_id % self.max_concurrency
        last = self._last.get(bucket)
        if last is not None and now - last < self.window_s:
            self.early += 1
            self.earliest_s = max(self.earliest_s, self.window_s - (now - last))
            return Verdict.EARLY
        self._renew(now)
        if self._remaining <= 0:
            return Verdict.EXHAUSTED
        self._remaining -= 1
        self._last[bucket] = now
        self.admitted += 1
        return Verdict.ADMITTED

    @property
    def remaining(self) -> int:
        self._renew(self._now())
        return self._remaining

    def session_start_limit(self) -> dict[str, int]:
        """The object of that name in GET /gateway/bot; reset_after in milliseconds."""
        now = self._now()
        self._renew(now)
        return {
            "total": self.total,
            "remaining": self._remaining,
            "reset_after": max(0, round((self._resets_at - now) * 1000)),
            "max_concurrency": self.max_concurrency,
        }

    def _renew(self, now: float) -> None:
        if now >= self._resets_at:
            periods = int((now - self._resets_at) // self.reset_s) + 1
            self._resets_at += periods * self.reset_s
            self._remaining = self.total
