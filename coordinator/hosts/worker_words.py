"""What the workers of other hosts say: leases answered, checkpoints kept, the rest passed on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from cluster.decode_errors import MALFORMED, worth_saying
from cluster.wire import hosts as wire
from cluster.wire import link
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts
from coordinator.sharding.assignments import Assignments

log = logging.getLogger(__name__)

Handler = Callable[[int, link.FromWorker], None]
"""Takes the slot of a worker and what it said."""
OnCheckpoint = Callable[[int, int, int, list[int]], None]
"""Takes the slot and the pid of a worker, the number of its report, and the shards of which no
state is known."""


class WorkerWords:
    """Takes all that agents say, and hears the workers among it."""

    def __init__(
        self,
        hosts: Hosts,
        checkpoints: Checkpoints,
        assignments: Assignments,
        handler: Handler,
        *,
        clock: Callable[[], float],
        may_renew: Callable[[], bool] = lambda: True,
        on_checkpoint: OnCheckpoint = lambda slot, pid, number, unknown: None,
    ) -> None:
        """handler: takes what is not of leases and checkpoints. clock: monotonic seconds.
        on_checkpoint: called for each report whose seqs were taken.
        may_renew: whether this coordinator is surely the only one, so that it may renew leases."""
        self.refused = 0
        """How many messages were no worker's."""
        self._hosts = hosts
        self._checkpoints = checkpoints
        self._assignments = assignments
        self._handler = handler
        self._clock = clock
        self._may_renew = may_renew
        self._on_checkpoint = on_checkpoint

    def take(self, host_id: bytes, message: wire.FromHost) -> None:
        """Take what an agent says."""
        if isinstance(message, wire.HostHello):
            self._hosts.hello(host_id, message)
            return
        host = self._hosts.host_of(host_id)
        if host is None:
            return  # it hears nothing, and says hello
        if isinstance(message, wire.HostReport):
            self._hosts.report(host, message)
        else:
            self._hear(host, message)

    def _hear(self, host: Host, said: wire.WorkerSaid) -> None:
        """Take what a worker says."""
        slot = said.slot
        try:
            message = link.decode_from_worker(said.data)
        except MALFORMED as error:
            self._refuse(host, slot, str(error))
            return
        if slot != getattr(message, "slot", slot):
            self._refuse(host, slot, "it speaks for another slot")
            return
        process = host.followed(slot)
        match message:
            case link.Hello():
                if process is not None and process.pid == message.pid:
                    # The report that told of the process may have come right before, and whoever
                    # waits for that takes note of the process when the loop comes to it.
                    asyncio.get_running_loop().call_soon(self._handler, slot, message)
                else:
                    self._hosts.stranger(host, slot, message)
            case link.Checkpoint():
                self._checkpoints.take(message.states)
            case link.Report():
                self._report(host, slot, message)
                if process is not None:
                    self._handler(slot, message)
            case _ if process is not None:
                self._handler(slot, message)

    def _report(self, host: Host, slot: int, report: link.Report) -> None:
        """Answer a report, so that the worker's lease goes on. One that was not taken over yet is
        answered too: nobody else is given its shards before."""
        if self._hosts.runs_elsewhere(host, slot) or not host.renews(slot):
            return
        unknown = self._checkpoints.report(self._assignments.shard_count(slot), report)
        if report.number and self._may_renew():
            if held := host.held.get(slot):
                self._on_checkpoint(slot, held.pid, report.number, unknown)
            host.lease.answered(self._clock())
            lease = link.encode(link.Lease(number=report.number))
            host.tell(wire.TellWorker(slot=slot, data=lease))

    def _refuse(self, host: Host, slot: int, why: str) -> None:
        self.refused += 1
        if worth_saying(self.refused):
            log.warning("message %d of worker %d on host %s was refused: %s",
                        self.refused, slot, host.name, why)  # fmt: skip
