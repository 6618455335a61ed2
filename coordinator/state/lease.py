"""Which of several coordinators has a store that they share (pure).

The store has one lease, with the holder's id and a beat that it raises once a second. The holder's
lease runs from when it *asked* for the last beat that was written; who waits takes the lease when
it has *read* the same beat for longer than that. So it has run out for the holder before anybody
else takes it, whatever the way to the database delays, and no clock but each one's own is looked
at: neither the database's nor a host's, which somebody may set, or a failover exchange. Only that
all run at about one pace is assumed (cluster.hosts.leases.DRIFT).

That rules what a coordinator may tell workers. What it writes is guarded more strictly: each
transaction locks the lease's row and finds its own id in it, or fails (postgres/database.py).

Source: Gray and Cheriton, "Leases" (1989).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cluster.hosts.leases import DRIFT

LEASE_S: Final = 5.0
"""How long a lease lasts. A standby that takes it then has half of ten seconds for its start."""
RENEW_S: Final = 1.0
"""Seconds between two beats."""
LOOK_S: Final = 0.5
"""Seconds between two looks of who waits."""
BLIND_S: Final = 2.5
"""Two looks that lie further apart saw nothing of what was between them: the database was away,
for the holder as well, which then gets a whole lease to beat again."""


class LeaseRow(NamedTuple):
    """The lease as the store has it."""

    holder: str | None
    """Random id of the coordinator process that has it; None: it was given up."""
    beat: int
    """How often it was taken or renewed; it only grows."""
    host: str
    pid: int
    seat: str
    """The state folder that it runs in, on a host since its boot."""
    place: str
    """Host and state folder by name, as they are after a boot, too."""

    @property
    def whose(self) -> str:
        """The holder, as people find it."""
        return f"the coordinator on {self.host} (pid {self.pid})"


class HeldLease:
    """The holder's end. Times are seconds of a clock that counts on while the machine is suspended
    (cluster.clocks.since_boot_s)."""

    def __init__(self, asked_at: float) -> None:
        """asked_at: when it was asked for, and got."""
        self._until = asked_at + LEASE_S
        self.lost = False
        """Another coordinator has taken it: that never ends."""

    def renewed(self, asked_at: float) -> None:
        """Take note that a beat was written that was asked for then."""
        self._until = max(self._until, asked_at + LEASE_S)

    def lose(self) -> None:
        """Take note that the store has another holder."""
        self.lost = True

    def holds(self, now: float) -> bool:
        """Whether nobody else can have the store now. False: it is lost, or the database was away
        for so long that another may have taken it, or it was given up."""
        return not self.lost and now < self._until


class LeaseWatch:
    """Its end who waits. Times are monotonic seconds."""

    def __init__(self, seat: str) -> None:
        """seat: the state folder that is locked by us: its lease is that of a process which is
        gone."""
        self._seat = seat
        self._beat = -1
        self._since = 0.0
        self._looked_at = 0.0
        self.beats = 0
        """How many new beats were seen since the first look: the holder lives."""

    def is_free(self, row: LeaseRow, now: float) -> bool:
        """Take note of the row as it was read just now. Return whether it may be taken, if its beat
        is still the same."""
        if row.holder is None or row.seat == self._seat:
            return True
        if row.beat != self._beat:
            self.beats += self._beat >= 0
            self._beat, self._since = row.beat, now
        elif now - self._looked_at > BLIND_S:
            self._since = now
        self._looked_at = now
        return now - self._since > LEASE_S * (1 + DRIFT)
