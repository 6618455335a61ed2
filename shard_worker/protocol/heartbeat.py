"""Heartbeats of one connection ("Gateway", "Sending Heartbeats"), without a clock."""

from __future__ import annotations

from typing import Final

LATE_S: Final = 5.0


class Heartbeat:
    """Begins at HELLO. Times are seconds of the caller's monotonic clock."""

    def __init__(self, interval: float, now: float, jitter: float) -> None:
        """interval: seconds. jitter: in [0, 1), so that many sessions do not beat as one."""
        self.due = now + interval * jitter
        """When the next heartbeat is to be sent."""
        self.interval = interval
        self._sent = now
        self._unanswered = False

    @property
    def zombie(self) -> bool:
        """At ``due``: a heartbeat was not acknowledged before the next one."""
        return self._unanswered

    def late(self, now: float) -> bool:
        """Whether a heartbeat is overdue by so long that the server has given the session's
        connection up: the process, or the machine, was stopped."""
        return now - self.due > self.interval + LATE_S

    def beat(self, now: float) -> None:
        """A heartbeat goes out."""
        # The next one is a whole interval away whatever asked for this one (op 1 may at any time),
        # so an answer always has that long before its absence makes a zombie.
        self.due = now + self.interval
        self._sent = now
        self._unanswered = True

    def excuse(self) -> None:
        """An answer that was not read can't be missed."""
        self._unanswered = False

    def acknowledged(self, now: float) -> float | None:
        """Op 11. Seconds since the heartbeat; None: nobody waited for it."""
        if not self._unanswered:
            return None
        self._unanswered = False
        return now - self._sent
