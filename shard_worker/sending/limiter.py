"""The limit of 120 payloads in 60 seconds on one connection ("Gateway", "Rate Limiting"); pure.

Heartbeats count but are never held back, so room for a window's worth of them is kept from all
others. What goes over the limit is closed with 4008, what is too large with 4002: both are refused
or delayed here, before they are sent.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from cluster.discord.limits import MAX_SENT_BYTES, SEND_LIMIT, SEND_WINDOW_S
from cluster.errors import ClusterError

MARGIN_S: Final = 1.0
"""The server counts by arrival: what left a window apart may arrive less than a window apart."""


class PayloadTooLargeError(ClusterError):
    """A payload that the gateway would answer with 4002."""


def check_size(payload: bytes) -> None:
    """Raises PayloadTooLargeError over 4096 bytes."""
    if len(payload) > MAX_SENT_BYTES:
        raise PayloadTooLargeError(
            f"a payload of {len(payload)} bytes is over Discord's limit of {MAX_SENT_BYTES}",
            "send it in parts, or ask for less at once",
        )


class SendLimiter:
    """One connection's budget of sends. Times are seconds of the caller's monotonic clock."""

    def __init__(self, heartbeat_interval_s: float) -> None:
        self._window = SEND_WINDOW_S + MARGIN_S
        self._heartbeats: deque[float] = deque()
        self._others: deque[float] = deque()
        self.reserve(heartbeat_interval_s)

    def reserve(self, heartbeat_interval_s: float) -> None:
        """Keep room for heartbeats at this interval (seconds), which HELLO has said."""
        # Two more: op 1 may ask for them.
        self._reserved = math.ceil(self._window / heartbeat_interval_s) + 2

    def heartbeat(self, now: float) -> None:
        """Count a heartbeat; it goes out in any case."""
        self._forget(now)
        self._heartbeats.append(now)

    def wait(self, now: float) -> float:
        """Return the seconds until something else than a heartbeat may be sent; 0.0: now. The first
        payload of a connection always may."""
        return max(0.0, self.free_at(now) - now)

    def free_at(self, now: float) -> float:
        """Return the moment from which something else than a heartbeat may be sent; it may have
        passed."""
        self._forget(now)
        room = SEND_LIMIT - max(self._reserved, len(self._heartbeats))
        over = len(self._others) - max(1, room)
        return self._others[over] + self._window if over >= 0 else now

    def send(self, now: float) -> None:
        """Count a send that ``wait`` allowed."""
        assert self.wait(now) == 0.0, "sent without room"
        self._others.append(now)

    def _forget(self, now: float) -> None:
        for sent in (self._heartbeats, self._others):
            while sent and sent[0] + self._window <= now:
                sent.popleft()
