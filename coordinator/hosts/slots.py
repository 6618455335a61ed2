"""The slots of another host as its agent reports them, for whoever takes its workers over."""

from __future__ import annotations

import signal

from cluster.wire.hosts import SignalWorker
from coordinator.engines import WorkerProcess
from coordinator.hosts.host import Host


class ReportedSlots:
    """Who lives in the slots of a host (coordinator.workers.adoption.SlotHolders)."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def slots(self) -> list[int]:
        """Return the slots that have a journal on the host, or a process."""
        report = self._host.report
        return [] if report is None else sorted({*report.journals, *self._host.held})

    def is_held(self, slot: int) -> bool:
        """Whether a process lives in a slot."""
        return slot in self._host.held

    def owner(self, slot: int) -> int | None:
        """Return the pid of the process in a slot; None: there is none."""
        held = self._host.held.get(slot)
        return None if held is None else held.pid

    def signal(self, slot: int, pid: int, number: signal.Signals) -> None:
        """Signal the process of a slot, if it still is the one of this pid."""
        self._host.tell(SignalWorker(slot=slot, pid=pid, kill=number is signal.SIGKILL))

    def process(self, slot: int, pid: int) -> WorkerProcess:
        """Return the process in a slot, to be followed."""
        return self._host.process(slot, pid)
