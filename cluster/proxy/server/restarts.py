"""Programs that are started anew whenever they fail, without a pause (pure; clock passed in).

An IDENTIFY here costs none of the bot's, but READY and every guild: who identifies, goes and
identifies again must not take the others' time. Discord lets one IDENTIFY through in 5 s and bucket
("Gateway", "Rate Limiting"); here it is those that go soon that count.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from cluster.discord.limits import IDENTIFY_WINDOW_S
from cluster.proxy.server.http_answers import MOST_AT_ONCE

MOST_RESTARTS: Final = 10
"""So many may come in IDENTIFY_WINDOW_S seconds, of one bucket of one client: a person who starts a
program again and again stays below."""


class Restarts:
    """Counts what the clients of a server do."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], deque[float]] = {}
        """By client and bucket: when those ended that went soon. A client is one that has shown who
        it is, so that there are not many."""

    def ended(self, client: str, shard_id: int, identified_at: float, now: float) -> None:
        """A connection has ended on which a client had identified."""
        if now - identified_at < IDENTIFY_WINDOW_S:
            bucket = client, shard_id % MOST_AT_ONCE
            self._ends.setdefault(bucket, deque(maxlen=MOST_RESTARTS)).append(now)

    def allow(self, client: str, shard_id: int, now: float) -> bool:
        """Return whether an IDENTIFY is answered; False: the client is to wait (op 9)."""
        ends = self._ends.get((client, shard_id % MOST_AT_ONCE))
        if ends is None or len(ends) < MOST_RESTARTS:
            return True
        return now - ends[0] >= IDENTIFY_WINDOW_S
