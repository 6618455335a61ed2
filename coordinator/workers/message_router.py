"""What workers say, and that they ended, passed on to whom it concerns."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from cluster.wire import link
from cluster.wire.states import SessionState
from coordinator.changes import Changes
from coordinator.identifies.fatal_hold import FatalHold
from coordinator.identifies.queue import GrantQueue
from coordinator.sharding.assignments import Assignments
from coordinator.workers.adoption import Adoption
from coordinator.workers.command_router import CommandRouter
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.reports import WorkerReports
from coordinator.workers.supervisor import Supervisor

log = logging.getLogger(__name__)


class MessageRouter:
    """The link's handler."""

    def __init__(
        self,
        assignments: Assignments,
        reports: WorkerReports,
        identifies: GrantQueue,
        holds: Mapping[int, FatalHold],
        supervisor: Supervisor,
        adoption: Adoption,
        reconciler: Reconciler,
        commands: CommandRouter,
        changes: Changes,
        send: Callable[[int, link.ToWorker], bool],
    ) -> None:
        """holds: by shard count."""
        self._assignments = assignments
        self._reports = reports
        self._identifies = identifies
        self._holds = holds
        self._supervisor = supervisor
        self._adoption = adoption
        self._reconciler = reconciler
        self._commands = commands
        self._changes = changes
        self._send = send

    def message(self, slot: int, message: link.FromWorker) -> None:
        """What the worker of this slot says, or one that claims to be it."""
        if isinstance(message, link.Hello):
            if self._supervisor.greeted(slot, message.pid, message.package_version):
                self._send(slot, link.Welcome())
                self._reconciler.report(slot, (s.shard_id for s in message.shards))
                self._changes.tell()
            else:
                self._adoption.hello(slot, message)
        elif self._supervisor.heard(slot):
            match message:
                case link.Report():
                    self._report(slot, message)
                case link.Sent():
                    self._commands.answered(slot, message)
                case link.IdentifyRequest() if self._hold(slot).reason:
                    pass  # it asks again when it is welcomed again
                case link.IdentifyRequest() | link.IdentifySent() | link.IdentifyUnused():
                    self._identifies.handle(slot, message)

    def _report(self, slot: int, report: link.Report) -> None:
        self._reports.report(report, time.monotonic())
        self._reconciler.report(slot, (s.shard_id for s in report.shards))
        self._identifies.ready(
            slot, (s.shard_id for s in report.shards if s.state is SessionState.READY)
        )
        if self._hold(slot).report(report.shards):
            self._hold_changed(slot)
        if report.held and not self._assignments.held_for(slot):
            self._send(slot, link.Publish())
        self._changes.tell()

    def gone(self, slot: int) -> None:
        """The worker of this slot ended."""
        self._reports.gone(slot)
        self._identifies.gone(slot)
        self._reconciler.gone(slot)
        self._commands.gone(slot)
        if self._hold(slot).gone(self._assignments.shards(slot)):
            self._hold_changed(slot)
        self._changes.tell()

    def _hold(self, slot: int) -> FatalHold:
        """Of the shard count of this worker's shards: another one may be what helps."""
        return self._holds[self._assignments.shard_count(slot)]

    def _hold_changed(self, slot: int) -> None:
        """Nobody of this shard count waits for a grant any more, or all who do ask again."""
        hold, plan = self._hold(slot), self._assignments.of(slot)
        if hold.reason:
            log.error("%s", hold.reason)
        for other in plan.slots if plan else ():
            if hold.reason:
                self._identifies.gone(other)
            else:
                self._send(other, link.Welcome())
