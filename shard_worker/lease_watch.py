"""The lease of a worker on another host, on its event loop: it is asked right before whatever needs
it, since a process that was stopped for longer than its lease may go on with anything."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from cluster.clocks import since_boot_s
from cluster.hosts.leases import WorkerLease
from shard_worker.timer import MovableTimer


class LeaseWatch:
    """Watches over a lease. One that is over stays so, whatever is answered later. Lives on the
    running event loop."""

    def __init__(
        self,
        seconds: float,
        *,
        on_begin: Callable[[], None],
        on_over: Callable[[], None],
        clock: Callable[[], float] = since_boot_s,
    ) -> None:
        """seconds: of the lease; 0: none is needed. on_begin: called once, when it holds. on_over:
        called when it is noticed to be over, as often as that is. clock: seconds, those included in
        which the machine is suspended."""
        self.seconds = seconds
        self._lease = WorkerLease(seconds, clock(), first=1 + secrets.randbits(48))
        self._on_begin = on_begin
        self._on_over = on_over
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._timer = MovableTimer(self.look)
        self._begun = False

    def holds(self) -> bool:
        """Return whether sessions may be held at this moment."""
        if self._lease.holds(self._clock()):
            return True
        self.look()
        return False

    def look(self) -> None:
        """See whether it is over. Called once a second, and when it would run out by the loop's
        time, which stands still while the machine is suspended."""
        now = self._clock()
        if self._lease.is_over(now):
            self.close()
            self._on_over()
        elif left_s := self._lease.left_s(now):
            self._timer.set(self._loop.time() + left_s)

    def report(self) -> int:
        """Take note that a report is made now, which tells of no later moment. Return its number;
        0: it needs none."""
        return self._lease.report(self._clock())

    def answered(self, number: int) -> None:
        """Take note that the coordinator has answered the report of this number."""
        self.look()
        if self._lease.is_over(self._clock()):
            return
        self._lease.answered(number)
        self.look()
        if not self._begun and self.holds():
            self._begun = True
            self._on_begin()

    def close(self) -> None:
        """Let no timer be set."""
        self._timer.set(None)
