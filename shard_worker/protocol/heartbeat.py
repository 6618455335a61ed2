"""Heartbeats of one connection ("Gateway", "Sending Heartbeats"), without a clock.

The jitter of the first one is drawn in session.py, when HELLO comes, and applied here.
"""

from __future__ import annotations

from typing import Final

LATE_S: Final = 5.0
"""Seconds beyond an interval after which a heartbeat that is due comes too late."""


class Heartbeat:
    """The heartbeats of a connection, from HELLO on. Times are seconds of the caller's monotonic
    clock."""

    def __init__(self, interval: float, now: float, jitter: float) -> None:
        """interval: seconds. jitter: in [0, 1), the part of an interval until the first heartbeat,
        so that many sessions do not send theirs at once."""
        self.due = now + interval * jitter
        """When the next heartbeat is to be sent."""
        self.interval = interval
        self._sent_at = now
        self._unanswered = False

    @property
    def zombie(self) -> bool:
        """Whether, at ``due``, the heartbeat before was not acknowledged."""
        return self._unanswered

    def late(self, now: float) -> bool:
        """Whether a heartbeat is overdue by so long that the server has given the connection up:
        the process, or the machine, was stopped."""
        return now - self.due > self.interval + LATE_S

    def sent(self, now: float) -> None:
        """A heartbeat goes out now."""
        # The next one is a whole interval away whatever asked for this one (op 1 may at any time),
        # so an answer always has that long before its absence makes a zombie.
        self.due = now + self.interval
        self._sent_at = now
        self._unanswered = True

    def excuse(self) -> None:
        """Expect no acknowledgement: what the server sent was not read."""
        self._unanswered = False

    def acknowledged(self, now: float) -> float | None:
        """Op 11 came. Return the seconds since the heartbeat; None: none was unacknowledged."""
        if not self._unanswered:
            return None
        self._unanswered = False
        return now - self._sent_at
