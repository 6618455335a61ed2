"""The parts that run the workers and speak with them, wired together."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple, Self

from cluster.wire.link import Hello
from coordinator.engines import Site
from coordinator.happenings.record import HappeningRecord
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.workers.adoption import Adoption, SlotHolders
from coordinator.workers.command_router import CommandRouter
from coordinator.workers.fleet import Fleet
from coordinator.workers.link import Send
from coordinator.workers.message_router import MessageRouter
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.specs import WorkerSpecs
from coordinator.workers.supervisor import Supervisor


class Workers(NamedTuple):
    """The parts that others use. No worker runs until the supervisor is told to start it."""

    fleet: Fleet
    site: Site
    reconciler: Reconciler
    commands: CommandRouter
    router: MessageRouter
    supervisor: Supervisor

    @classmethod
    def make(
        cls,
        site: Site,
        stranger: Callable[[int, Hello], None],
        specs: WorkerSpecs,
        fleet: Fleet,
        identifies: GuardedQueue,
        record: HappeningRecord,
    ) -> Self:
        """Make them. site: where workers run. stranger: takes the greeting of a worker that the
        supervisor did not start."""
        assignments, send = fleet.assignments, fleet.send
        reconciler = Reconciler(assignments, send=send, shard_plan=specs.shard)
        commands = CommandRouter(
            assignments, fleet.changes, fleet.slots.is_running, send, secrets.randbits(60)
        )
        router = MessageRouter(
            fleet, identifies, stranger, reconciler, commands, record, specs.context.clock
        )
        supervisor = Supervisor(
            site,
            fleet.slots,
            make_spec=specs.make,
            on_start=router.starting,
            on_adopt=router.adopted,
            on_gone=router.gone,
            record=record,
            clock=specs.context.clock,
        )
        return cls(fleet, site, reconciler, commands, router, supervisor)


def adoption_for(holders: SlotHolders, specs: WorkerSpecs, send: Send) -> Adoption:
    """Return what takes over the workers of a host. holders: who lives in its slots. send: sends a
    message to the worker of one of them."""
    return Adoption(
        holders,
        fits=specs.fits,
        farewell=specs.farewell,
        planned=specs.assignments.is_planned,
        send=send,
    )
