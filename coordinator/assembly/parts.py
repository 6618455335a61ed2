"""All parts of a coordinator, wired together; none of them runs yet."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol, Self

import zmq
import zmq.asyncio

from cluster.descriptors import Descriptors
from cluster.wire import link
from coordinator import host
from coordinator.assembly.ground import Ground, Note
from coordinator.changes import Changes
from coordinator.children.family import Children
from coordinator.children.http_server import HttpProcess
from coordinator.control.cache import CacheVerbs
from coordinator.control.status import StatusVerbs
from coordinator.control.verbs import ControlVerbs
from coordinator.engines import Engine
from coordinator.happenings.record import HappeningRecord
from coordinator.health import Health
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.link import HostLink
from coordinator.hosts.parts import RemoteHosts, no_hosts
from coordinator.hosts.status import host_rows
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.identifies.make_queue import make_identifies
from coordinator.identifies.told_grants import ToldGrants
from coordinator.lifetime import Lifetime
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.operations.verbs import OperationVerbs
from coordinator.sockets import Sockets
from coordinator.upkeep.maintenance import Maintenance
from coordinator.verb import Verb
from coordinator.workers.adoption import LocalSlots
from coordinator.workers.fleet import Fleet
from coordinator.workers.link import WorkerLink
from coordinator.workers.local_site import LocalSite
from coordinator.workers.parts import Workers, adoption_for
from coordinator.workers.slots import Slot
from coordinator.workers.specs import Remote, WorkerSpecs

log = logging.getLogger(__name__)


class RequestStop(Protocol):
    """Begins to stop the cluster."""

    def __call__(self, logout: bool = False, keep_workers: bool = False) -> None: ...


class Parts(NamedTuple):
    """The parts of one coordinator."""

    ground: Ground
    sockets: Sockets
    hosts: RemoteHosts | None
    """The hosts that workers run on; None: they run on this one."""
    identifies: GuardedQueue
    workers: Workers
    children: Children
    operations: OperationRunner
    scaling: Scaling
    maintenance: Maintenance
    cache: CacheVerbs
    status: StatusVerbs

    @classmethod
    async def make(
        cls,
        ground: Ground,
        http: HttpProcess | None,
        engine: Engine,
        lifetime: Lifetime,
        record: HappeningRecord,
        note: Note,
    ) -> Self:
        """Make them. engine: starts the workers of this host. ClusterError: the hub's endpoints, or
        the broker of identifies, can't be had. lifetime: closes them."""
        context, _, assignments, plan_keeper = ground
        spec, clock = context.spec, context.clock
        most_workers = len(assignments.plan.slots)
        zmq_context, descriptors = _zmq(lifetime), Descriptors()
        sockets = _sockets(ground, lifetime, zmq_context, descriptors)
        changes = Changes()
        specs = WorkerSpecs(context, assignments, sockets.last_out, host.boot_id())
        hosts, send = None, sockets.link.send
        if spec.engine != "local":
            host_link = HostLink(zmq.asyncio.Context(zmq_context), spec.paths.hosts, descriptors)
            lifetime.parts.callback(host_link.close)
            checkpoints = Checkpoints()
            specs = specs._replace(remote=Remote(spec.hosts.lease_seconds, checkpoints.state))
            hosts = RemoteHosts.make(
                host_link, context, specs, checkpoints, plan_keeper, record, changes
            )
            send = hosts.hosts.send
        told = ToldGrants(send, record, assignments.owns)
        identifies = await make_identifies(context, assignments, told, lifetime.parts, note)
        fleet = Fleet.start_with(assignments, send, clock, changes)
        if hosts:
            fleet = fleet._replace(hosts=partial(host_rows, hosts.hosts))
        workers = _workers(specs, fleet, identifies, hosts, engine, record)
        for number in assignments.plan.slots:  # for whoever asks before any of them is started
            fleet.slots[number] = Slot(number)
        children = Children.make(
            spec, context.store_id, ground.sandbox, http, record, clock, most_workers,
            context.account.token,
        )  # fmt: skip
        operations = OperationRunner(clock, record)
        goal = hosts.goals.goal if hosts else None
        scaling = Scaling(
            fleet, workers.supervisor, identifies, workers.reconciler, plan_keeper, goal
        )
        maintenance = Maintenance(
            context, fleet, sockets.hub, sockets.last_out, lambda: lifetime.ending
        )
        health = Health(
            spec.paths.logs, context.store, sockets.link, sockets.control, sockets.hubs, *children
        )
        cache = CacheVerbs(context, there_is_one=children.cache is not None)
        lifetime.parts.callback(cache.close)
        status = StatusVerbs(
            context, fleet, identifies, operations, lambda: sockets.hubs.connections,
            sockets.hubs.processes, workers.commands.counts.rows, health.troubles,
            cache.status, lambda: children.url, lambda: children.proxy_url, lifetime, record,
        )  # fmt: skip
        return cls(
            ground, sockets, hosts, identifies, workers, children, operations, scaling,
            maintenance, cache, status,
        )  # fmt: skip

    @property
    def fleet(self) -> Fleet:
        """The workers."""
        return self.workers.fleet

    def verbs(self, request_stop: RequestStop) -> dict[str, Verb]:
        """Return what can be asked over the control endpoint, by name."""
        context, _, _, plan_keeper = self.ground
        operation_verbs = OperationVerbs.make(
            self.operations, context, self.workers, self.identifies, plan_keeper,
            self.sockets.announcer.publish, self.scaling,
        )  # fmt: skip
        return {
            **ControlVerbs(context.spec, self.operations, request_stop).verbs(),
            **self.status.verbs(),
            **self.cache.verbs(),
            **self.sockets.hubs.verbs(),
            **self.identifies.verbs(),
            **self.workers.commands.verbs(),
            **operation_verbs.verbs(),
            "drain": no_hosts,
        }

    def start_workers(self, lifetime: Lifetime, started: Callable[[], None]) -> dict[str, Verb]:
        """Start the workers, or wait for the hosts on which they are to run. Return further verbs.
        started: called when workers are being started."""
        operations = self.operations
        if self.hosts is None:
            self.workers.supervisor.start(self.ground.assignments.plan.slots)
            operations.waits_for = ""
            started()
            return {}
        operations.waits_for = "it waits for its hosts"
        return dict(self.hosts.begin(lifetime, self.workers, self.scaling, operations, started))


def _zmq(lifetime: Lifetime) -> zmq.Context[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    lifetime.parts.callback(context.term)
    return context


def _sockets(
    ground: Ground,
    lifetime: Lifetime,
    zmq_context: zmq.Context[zmq.Socket[bytes]],
    descriptors: Descriptors,
) -> Sockets:
    """Make the sockets of the workers, the hubs and the control endpoint."""
    spec = ground.context.spec
    worker_link = WorkerLink(zmq.asyncio.Context(zmq_context), spec.paths.link, descriptors)
    lifetime.parts.callback(worker_link.close)
    return Sockets.make(
        zmq_context, spec.paths, worker_link, descriptors, lifetime.parts,
        len(ground.assignments.plan.slots), spec.hubs,
    )  # fmt: skip


def _workers(
    specs: WorkerSpecs,
    fleet: Fleet,
    identifies: GuardedQueue,
    hosts: RemoteHosts | None,
    engine: Engine,
    record: HappeningRecord,
) -> Workers:
    """Make what runs the workers, on this host or on those that join."""
    if hosts:
        return Workers.make(hosts.hosts, _no_stranger, specs, fleet, identifies, record)
    adoption = adoption_for(LocalSlots(specs.context.paths), specs, fleet.send)
    site = LocalSite(engine, adoption)
    return Workers.make(site, adoption.hello, specs, fleet, identifies, record)


def _no_stranger(slot: int, hello: link.Hello) -> None:
    """Heed no worker that comes by this host's own link, where workers run on others."""
    log.warning("worker %d, pid %d, is of another engine's: not heeded", slot, hello.pid)
