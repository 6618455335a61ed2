"""What workers say, and that they start and end, passed on to whom it concerns."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cluster.config.worker_spec import WorkerSpec
from cluster.wire import link
from cluster.wire.position import ShardKey
from cluster.wire.states import Level
from coordinator.happenings.record import HappeningRecord
from coordinator.happenings.shard_changes import ShardChanges
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.workers.command_router import CommandRouter
from coordinator.workers.fleet import Fleet
from coordinator.workers.reconciler import Reconciler

log = logging.getLogger(__name__)


class MessageRouter:
    """Handles the messages of the worker link, and the supervisor's word on processes."""

    def __init__(
        self,
        fleet: Fleet,
        identifies: GuardedQueue,
        stranger: Callable[[int, link.Hello], None],
        reconciler: Reconciler,
        commands: CommandRouter,
        record: HappeningRecord,
        clock: Callable[[], float],
    ) -> None:
        """stranger: takes the greeting of a worker that the supervisor did not start. clock:
        monotonic seconds."""
        self._fleet = fleet
        self._identifies = identifies
        self._stranger = stranger
        self._reconciler = reconciler
        self._commands = commands
        self._record = record
        self._clock = clock
        self._changes = ShardChanges()
        self._log_level: Level | None = None
        """What workers log from on; None: what they were started with."""

    def handle(self, slot: int, message: link.FromWorker) -> None:
        """Take what the worker of this slot says, or one that claims to be it."""
        if isinstance(message, link.Hello):
            self._greet(slot, message)
        elif self._fleet.slots.heard(slot):
            match message:
                case link.Report():
                    self._report(slot, message)
                case link.Sent():
                    self._commands.answered(slot, message)
                case link.IdentifyRequest() | link.IdentifySent() | link.IdentifyUnused():
                    self._identifies.handle(slot, message)

    def set_log_level(self, level: Level) -> None:
        """Let all workers, and those that come, log from this level on."""
        self._log_level = level
        for slot in self._fleet.slots:
            if self._fleet.slots.has_greeted(slot):
                self._fleet.send(slot, link.LogLevel(level=level))

    def _greet(self, slot: int, hello: link.Hello) -> None:
        fleet = self._fleet
        if not fleet.slots.greeted(slot, hello.pid, hello.package_version):
            self._stranger(slot, hello)
            return
        fleet.send(slot, link.Welcome())
        if self._log_level:
            fleet.send(slot, link.LogLevel(level=self._log_level))
        self._reconciler.report(slot, (report.shard_id for report in hello.shards))
        fleet.changes.tell()

    def _report(self, slot: int, report: link.Report) -> None:
        fleet = self._fleet
        fleet.reports.report(report, self._clock())
        self._tell_changes(slot, report)
        self._reconciler.report(slot, report.has)
        self._identifies.report(slot, report.shards)
        if report.held and not fleet.assignments.held_for(slot):
            fleet.send(slot, link.Publish())
        fleet.changes.tell()

    def _tell_changes(self, slot: int, report: link.Report) -> None:
        """Tell what a report shows to have happened to the worker's shards."""
        plan = self._fleet.assignments.plan_of(slot)
        if plan is None:
            return
        for shard in report.shards:
            key = ShardKey(plan.shard_count, shard.shard_id)
            for kind, epoch, cause in self._changes.report(key, shard):
                self._record.tell(kind, worker=slot, shard=shard.shard_id, epoch=epoch, cause=cause)

    def starting(self, spec: WorkerSpec) -> None:
        """Take note that a process is about to be started with this spec."""
        # All plans that there were over a coordinator's life would be much to remember.
        self._changes.keep({plan.shard_count for plan in self._fleet.assignments.plans})
        for shard in spec.shards:
            key = ShardKey(shard.shard_count, shard.shard_id)
            self._changes.given(key, shard.last_epoch)
        self._reconciler.given(spec.slot, (shard.shard_id for shard in spec.shards))

    def adopted(self, slot: int) -> None:
        """Take note that a process from before goes on in this slot."""
        self._reconciler.adopted(slot)

    def gone(self, slot: int) -> None:
        """Take note that the worker of this slot ended."""
        self._fleet.reports.gone(slot)
        self._identifies.gone(slot)
        self._reconciler.gone(slot)
        self._commands.gone(slot)
        self._fleet.changes.tell()
