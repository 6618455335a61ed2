"""How much a client may send on one connection (pure; clock passed in)."""

from __future__ import annotations

from collections import deque

from cluster.discord.limits import SEND_LIMIT, SEND_WINDOW_S


class SendLimit:
    """120 payloads in any 60 s, heartbeats included ("Gateway", "Rate Limiting")."""

    def __init__(self, limit: int = SEND_LIMIT, window_s: float = SEND_WINDOW_S) -> None:
        self._limit = limit
        self._window_s = window_s
        self._sent: deque[float] = deque()

    def allows(self, now: float) -> bool:
        """Count a payload that arrives at ``now``; False: it is one too many (close 4008)."""
        sent = self._sent
        while sent and now - sent[0] >= self._window_s:
            sent.popleft()
        if len(sent) >= self._limit:
            return False
        sent.append(now)
        return True
