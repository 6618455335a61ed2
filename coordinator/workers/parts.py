"""The parts that run the workers and speak with them, wired together."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from coordinator import host
from coordinator.context import RunContext
from coordinator.engines import Engine
from coordinator.happenings.record import HappeningRecord
from coordinator.hub.last_out import LastOut
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.workers.adoption import Adoption
from coordinator.workers.command_router import CommandRouter
from coordinator.workers.fleet import Fleet
from coordinator.workers.message_router import MessageRouter
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.specs import WorkerSpecs
from coordinator.workers.supervisor import Supervisor


class Workers(NamedTuple):
    """The parts that others use. No worker runs until the supervisor is told to start it."""

    fleet: Fleet
    adoption: Adoption
    reconciler: Reconciler
    commands: CommandRouter
    router: MessageRouter
    supervisor: Supervisor

    @classmethod
    def make(
        cls,
        engine: Engine,
        context: RunContext,
        fleet: Fleet,
        identifies: GuardedQueue,
        last_out: LastOut,
        record: HappeningRecord,
    ) -> Workers:
        """Make them. ClusterError: this machine does not say its boot id."""
        assignments, send = fleet.assignments, fleet.send
        specs = WorkerSpecs(context, assignments, last_out, host.boot_id())
        adoption = Adoption(
            context.paths,
            fits=specs.fits,
            farewell=specs.farewell,
            planned=assignments.is_planned,
            send=send,
        )
        reconciler = Reconciler(assignments, send=send, shard_plan=specs.shard)
        commands = CommandRouter(
            assignments, fleet.changes, fleet.slots.is_running, send, secrets.randbits(60)
        )
        router = MessageRouter(fleet, identifies, adoption, reconciler, commands, record)
        supervisor = Supervisor(
            engine,
            fleet.slots,
            make_spec=specs.make,
            on_start=router.starting,
            on_gone=router.gone,
            find=adoption.find,
            record=record,
            clock=context.clock,
        )
        return cls(fleet, adoption, reconciler, commands, router, supervisor)
