"""How long a worker on another host may hold sessions, and when nobody there can any more (pure).

The two ends of one lease. A worker numbers its reports, and the coordinator answers each with its
number. For the worker the lease runs from when it *sent* the report that was answered last; for the
coordinator from when it *answered* last, which is later. So whatever the way between them delays,
loses, or lets through in one direction only, the worker's lease has run out before the
coordinator's. Neither looks at the other's clock: only that both run at about one pace is assumed
(DRIFT).

Source: Gray and Cheriton, "Leases" (1989).
"""

from __future__ import annotations

from typing import Final

DRIFT: Final = 0.01
"""Share by which the pace of a worker's clock may differ from the coordinator's. Quartz differs by
a ten thousandth; NTP slews by a two thousandth."""
MARGIN_S: Final = 1.0
"""Seconds that a worker may take to close its sessions once its lease has run out."""


class WorkerLease:
    """The worker's end. Times are seconds of a clock that counts on while the machine is suspended
    (cluster.clocks.since_boot_s)."""

    def __init__(self, seconds: float, now: float, first: int = 1) -> None:
        """seconds: of a lease; 0: none is needed, and it never runs out. now: the process begins.
        It holds no lease before its first report is answered: the order to start it may have been
        under way for long. first: number of the first report; one that no process of the slot
        before this has come near, whose answers may still be under way."""
        self._seconds = seconds
        self._until = now
        self._ends_at = now + seconds
        self._sent: dict[int, float] = {}
        """Number of a report that was not answered yet -> when it was sent."""
        self._number = first - 1

    def report(self, now: float) -> int:
        """Take note that a report is sent now. Return its number; 0: no lease is needed."""
        if not self._seconds:
            return 0
        self._number += 1
        self._sent[self._number] = now
        return self._number

    def answered(self, number: int) -> bool:
        """Take note that the coordinator has answered a report, and with it those before. False: it
        is not known here, or an older one."""
        sent_at = self._sent.get(number)
        if sent_at is None:
            return False
        self._sent = {other: at for other, at in self._sent.items() if other > number}
        self._until = self._ends_at = max(self._until, sent_at + self._seconds)
        return True

    def holds(self, now: float) -> bool:
        """Whether sessions may be held now, connected and identified."""
        return not self._seconds or now < self._until

    def is_over(self, now: float) -> bool:
        """Whether the process is to end: the lease has run out, or no report was answered for as
        long as one lasts."""
        return self._seconds > 0 and now >= self._ends_at

    def left_s(self, now: float) -> float | None:
        """Return the seconds for which it still runs; None: it never runs out."""
        return max(0.0, self._until - now) if self._seconds else None


class HostLease:
    """The coordinator's end, of all workers of a host together. Times are monotonic seconds."""

    def __init__(self, seconds: float, now: float) -> None:
        """seconds: of a lease. now: what was answered before is not known, so all that may have
        been counts as answered now."""
        self._seconds = seconds
        self._answered_at = now

    def answered(self, now: float) -> None:
        """Take note that a report of one of its workers is answered now: before the word goes
        out."""
        self._answered_at = max(self._answered_at, now)

    @property
    def ends_at(self) -> float:
        """When no worker of the host can hold a session any more."""
        return self._answered_at + self._seconds * (1 + DRIFT) + MARGIN_S

    def has_ended(self, now: float) -> bool:
        """Whether no worker of the host can hold a session any more."""
        return now >= self.ends_at
