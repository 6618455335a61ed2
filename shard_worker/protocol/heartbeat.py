"""Heartbeats of one connection ("Gateway", "Sending Heartbeats"), without a clock.

The documentation calls a connection a zombie whose heartbeat is not acknowledged before the next.
But an acknowledgement stands in line behind the events that a busy server sends first, and what
comes after a heartbeat proves as well as it does that somebody is there; so a zombie is a
connection on which nothing at all has come for an interval after a heartbeat. Frames do not prove
that heartbeats arrive. A server that gets none ends the connection by itself; where four in a row
are not acknowledged, it is ended from here, which costs a RESUME.

The jitter of the first heartbeat is drawn in session.py, when HELLO comes, and applied here. The
sessions of one process send theirs together at moments of the clock that they share, since what is
dear of a heartbeat is that the process wakes for it. Measured (1,000 idle sessions,
alternating): 7 to 12 ms of CPU a second in place of 17 to 30.
"""

from __future__ import annotations

from collections import deque
from typing import Final

MAX_UNANSWERED: Final = 4
"""Heartbeats in a row without an acknowledgement after which a connection is given up."""
MOMENTS: Final = 128
"""How many moments of an interval the sessions of a process share: a heartbeat comes early by such
a part of one at most."""
LATE_S: Final = 5.0
"""Seconds beyond an interval after which a heartbeat that is due comes too late."""


class Heartbeat:
    """The heartbeats of a connection, from HELLO on. Times are seconds of the caller's monotonic
    clock."""

    def __init__(
        self, interval: float, now: float, jitter: float, *, together: bool = False
    ) -> None:
        """interval: seconds. jitter: in [0, 1), the part of an interval until the first heartbeat,
        so that many sessions do not send theirs at once. together: at a moment that it shares with
        others of the process."""
        self._step = interval / MOMENTS if together else 0.0
        self.due = max(now, self._moment(now + interval * jitter))
        """When the next heartbeat is to be sent."""
        self.interval = interval
        self._sent: deque[float | None] = deque(maxlen=MAX_UNANSWERED)
        """When each heartbeat was sent that is not acknowledged; None: its answer came, or may have
        come, unread."""
        self._unanswered = 0
        """Heartbeats since the last acknowledgement."""
        self._silent = False
        """Nothing has come since the last heartbeat."""

    @property
    def zombie(self) -> bool:
        """Whether, at ``due``, nothing has come since the heartbeat before, or so many are not
        acknowledged that none may arrive."""
        return self._silent or self._unanswered >= MAX_UNANSWERED

    def late(self, now: float) -> bool:
        """Whether a heartbeat is overdue by so long that the server has given the connection up:
        the process, or the machine, was stopped."""
        return now - self.due > self.interval + LATE_S

    def sent(self, now: float) -> None:
        """A heartbeat goes out now."""
        # The next one is a whole interval away whatever asked for this one (op 1 may at any time),
        # so an answer always has that long before its absence makes a zombie.
        self.due = self._moment(now + self.interval)
        self._sent.append(now)
        self._unanswered += 1
        self._silent = True

    def _moment(self, at: float) -> float:
        """Return the last shared moment that is not after this one."""
        return at - at % self._step if self._step else at

    def heard(self) -> None:
        """Something came: somebody is there."""
        self._silent = False

    def excuse(self) -> None:
        """Expect no acknowledgement: what the server sent was not read."""
        self._silent = False
        self._unanswered = 0
        for i in range(len(self._sent)):
            self._sent[i] = None

    def acknowledged(self, now: float, waited_s: float = 0.0) -> float | None:
        """Op 11 came. Return the seconds from the heartbeat that it answers, the oldest one that is
        not acknowledged, to its coming; None: none is, or the answer was left unread for a while.

        waited_s: most seconds that it may have waited until it was read. It came at any moment of
        them, so half of them are taken off, which is right on average.
        """
        self._unanswered = 0
        self._silent = False
        sent_at = self._sent.popleft() if self._sent else None
        if sent_at is None:
            return None
        took = now - sent_at
        return took - min(waited_s, took) / 2
