"""Wires the parts of a coordinator together and owns their lifetimes; decides nothing itself.

They are started in the order of `_start` and closed in the opposite one, also when a later one
does not start: an error leaves nothing running.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import zmq
import zmq.asyncio

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints import registry
from cluster.endpoints.paths import Running
from cluster.errors import ClusterError
from cluster.service_manager import ServiceManager
from cluster.wire import link
from cluster.wire.happenings import HappeningKind
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.changes import Changes
from coordinator.children.family import Children, start_http
from coordinator.children.sandbox import SandboxProcess
from coordinator.context import RunContext
from coordinator.control.status import StatusVerbs
from coordinator.control.verbs import ControlVerbs
from coordinator.descriptors import Descriptors
from coordinator.engines import Engine
from coordinator.engines.local import LocalEngine
from coordinator.gateway_api import GatewayApi
from coordinator.happenings.record import HappeningRecord
from coordinator.health import Health
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.link import HostLink
from coordinator.hosts.parts import RemoteHosts, no_hosts
from coordinator.hosts.status import host_rows
from coordinator.identifies.guarded_queue import GuardedQueue
from coordinator.identifies.make_queue import make_identifies
from coordinator.identifies.told_grants import ToldGrants
from coordinator.lifetime import Lifetime, both
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.operations.verbs import OperationVerbs
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import held_changes, plan_for, plan_for_hosts
from coordinator.sockets import Sockets
from coordinator.state import folders
from coordinator.state.database import LeaseLostError, StoreError
from coordinator.state.opening import open_store
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.state.sandbox_journals import begin_world
from coordinator.state.store import Store
from coordinator.upkeep.lookout import Lookout
from coordinator.upkeep.maintenance import Maintenance
from coordinator.upkeep.reloading import Reloading
from coordinator.upkeep.service import Service
from coordinator.verb import Verb
from coordinator.workers.adoption import LocalSlots
from coordinator.workers.fleet import Fleet
from coordinator.workers.link import WorkerLink
from coordinator.workers.local_site import LocalSite
from coordinator.workers.parts import Workers, adoption_for
from coordinator.workers.specs import Remote, WorkerSpecs

log = logging.getLogger(__name__)

WORKERS_SHARE, SANDBOX_SHARE = 0.6, 0.2
"""Shares of the time that a stop may take; each is stopped after the one before, the sandbox after
the other children (coordinator/children/family.py)."""


class Coordinator:
    """An async context manager: entered, the cluster is up (its workers are starting); left, all of
    it is gone. Entering raises ClusterError."""

    def __init__(
        self,
        spec: CoordinatorSpec,
        *,
        engine: Engine | None = None,
        on_locked: Callable[[Path], None] | None = None,
        keep_lock: bool = False,
        on_standby: Callable[[str], None] = log.info,
    ) -> None:
        """engine: where workers run; this host by default. on_locked: called with the folder of the
        logs once the state folder is ours. keep_lock: hold the state folder until the process is
        gone, so that who sees it free finds nothing of it left. on_standby: called with why, when
        a standby begins to wait."""
        self._spec = spec
        self._paths = spec.paths
        self._engine = engine or LocalEngine(self._paths.logs)
        self._on_locked = on_locked
        self._keep_lock = keep_lock
        self._on_standby = on_standby
        self._lifetime = Lifetime()
        self._record = HappeningRecord(time.monotonic, time.time)
        self._logout = False
        self.notes: list[str] = []
        """What whoever started it should read, a line each."""
        self.keeps_workers = False
        """They go on without this coordinator, for the next one to take over."""
        self.lease_lost: ClusterError | None = None
        """Why this one ends: another coordinator has the store; None: none has."""
        self._started_at = time.time()
        self._service: Service | None = None
        self._reloading: Reloading | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._lifetime.begin(self._start())
        except ClusterError:
            if self.lease_lost is not None:
                raise self.lease_lost from None
            raise
        except (StoreError, OSError) as error:
            raise ClusterError(
                f"the state folder {self._paths.state_dir} can't be used ({error})",
                "check its disk and its rights",
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._lifetime.close()
        self._record.flush()
        log.info("stopped")

    def request_stop(self, logout: bool = False, keep_workers: bool = False) -> None:
        """Begin to stop; `until_stopped` returns. logout: end the sessions instead of leaving them
        resumable. keep_workers: they go on without this coordinator."""
        if not self._lifetime.ending:
            how = ", logging out" if logout else ", the workers go on" if keep_workers else ""
            self._record.flush()
            self._record.tell(HappeningKind.STOPPING, how)
            if self._service is not None:
                self._service.stopping()
            self._logout, self.keeps_workers = logout, keep_workers
            self._lifetime.end()

    def reload(self) -> None:
        """Read again what may change of the configuration."""
        if self._reloading is None:
            log.warning("the configuration is not read again: the start is not done yet")
        else:
            self._reloading.reload()

    async def until_stopped(self) -> None:
        """Wait for `request_stop`. Raises what made a part of the coordinator fail."""
        await self._lifetime.until_ending()
        if (failure := self._lifetime.failure) is not None:
            raise ClusterError(
                f"the coordinator failed ({type(failure).__name__}: {failure})",
                f"see {self._paths.logs / 'coordinator.log'}",
            ) from failure

    # -- starting -------------------------------------------------------------------------------

    async def _start(self) -> None:
        parts = self._lifetime.parts
        await self._take_folders()
        store = await self._open_store()
        # Each takes some tenths of a second, and most of them are spent waiting.
        (context, sandbox), http = await both(
            self._make_context(store), start_http(self._spec, parts, time.monotonic)
        )
        assignments = self._assign(context)
        plan_keeper = PlanKeeper(context.store, self._spec, assignments)
        zmq_context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        parts.callback(zmq_context.term)
        descriptors = Descriptors()
        worker_link = WorkerLink(zmq.asyncio.Context(zmq_context), self._paths.link, descriptors)
        parts.callback(worker_link.close)
        most_workers = len(assignments.plan.slots)
        sockets = Sockets.make(
            zmq_context, self._paths, worker_link, descriptors, parts, most_workers,
            self._spec.hubs,
        )  # fmt: skip
        changes = Changes()
        specs = WorkerSpecs(context, assignments, sockets.last_out, host.boot_id())
        hosts = None
        if self._spec.engine != "local":
            host_link = HostLink(zmq.asyncio.Context(zmq_context), self._paths.hosts, descriptors)
            parts.callback(host_link.close)
            checkpoints = Checkpoints()
            specs = specs._replace(remote=Remote(self._spec.hosts.lease_seconds, checkpoints.state))
            hosts = RemoteHosts.make(
                host_link, context, specs, checkpoints, plan_keeper, self._record, changes
            )
        send = hosts.hosts.send if hosts else worker_link.send
        identifies = await make_identifies(
            context,
            assignments,
            ToldGrants(send, self._record, assignments.owns),
            parts,
            self._note,
        )
        fleet = Fleet.start_with(assignments, send, context.clock, changes)
        if hosts:
            fleet = fleet._replace(hosts=partial(host_rows, hosts.hosts))
        workers = self._make_workers(specs, fleet, identifies, hosts)
        children = Children.make(
            self._spec, context.store_id, sandbox, http, self._record, context.clock,
            most_workers,
        )  # fmt: skip
        operations = OperationRunner(context.clock, self._record)
        status = self._status_verbs(context, workers, identifies, operations, sockets, children)
        scaling = Scaling(
            fleet, workers.supervisor, identifies, workers.reconciler, plan_keeper,
            hosts.goals.goal if hosts else None,
        )  # fmt: skip
        verbs: dict[str, Verb] = {
            **ControlVerbs(self._spec, operations, self.request_stop).verbs(),
            **status.verbs(),
            **sockets.hubs.verbs(),
            **identifies.verbs(),
            **workers.commands.verbs(),
            **OperationVerbs.make(
                operations, context, workers, identifies, plan_keeper, sockets.announcer.publish,
                scaling,
            ).verbs(),
            "drain": no_hosts,
        }  # fmt: skip
        sockets.bind()
        maintenance = Maintenance(
            context, fleet, sockets.hub, sockets.last_out, lambda: self._lifetime.ending
        )
        self._lifetime.background(worker_link.run(workers.router.handle), "worker link")
        if hosts:
            verbs |= hosts.listen(self._lifetime, workers.router.handle)
        self._lifetime.background(sockets.control.run(verbs), "control server")
        self._lifetime.background(identifies.run(), "identify queue")
        self._lifetime.background(maintenance.run(), "maintenance")
        lookout = Lookout(
            self._record, fleet, identifies.status, status.subscribers, context.clock,
            self._spec.identify.reserve,
        )  # fmt: skip
        self._lifetime.background(lookout.run(), "lookout")
        self._service = Service(
            ServiceManager.of(), fleet, identifies.status, ready_shards=self._spec.http.ready_shards
        )
        self._service.begin()
        self._lifetime.background(self._service.run(), "service manager")
        self._reloading = Reloading(
            self._spec, self._record, self._service, workers.router, children
        )
        await children.begin(self._lifetime, partial(fleet.changes.until, fleet.slots.all_greeted))
        if children.url:
            self._note([f"Watch it in a browser: {children.url}"])
        if not hosts:
            plan_keeper.save()
        parts.callback(registry.leave, registry.enter(self._paths))
        folders.write_running(self._paths, self._running())
        parts.push_async_callback(self._stop_workers, workers, maintenance, children)
        parts.push_async_callback(operations.close)
        tell_started = partial(self._tell_started, context, assignments)
        if hosts:
            verbs |= hosts.begin(self._lifetime, workers, scaling, operations, tell_started)
        else:
            workers.supervisor.start(assignments.plan.slots)
            tell_started()

    def _tell_started(self, context: RunContext, assignments: Assignments) -> None:
        plan = assignments.plan
        self._record.tell(
            HappeningKind.STARTED,
            f"{self._spec.name} runs {len(plan.shards):,} shards on {len(plan.slots)} workers, "
            f"{context.gateway_url}",
        )

    def _make_workers(
        self,
        specs: WorkerSpecs,
        fleet: Fleet,
        identifies: GuardedQueue,
        hosts: RemoteHosts | None,
    ) -> Workers:
        """Make what runs the workers, on this host or on those that join."""
        if hosts:
            return Workers.make(hosts.hosts, _no_stranger, specs, fleet, identifies, self._record)
        adoption = adoption_for(LocalSlots(self._paths), specs, fleet.send)
        site = LocalSite(self._engine, adoption)
        return Workers.make(site, adoption.hello, specs, fleet, identifies, self._record)

    async def _take_folders(self) -> None:
        """Make the folders and lock them: nobody else's sockets and files are taken over."""
        self._spec.check()
        folders.make(self._paths)
        lock = await folders.lock(self._paths)
        if not self._keep_lock:
            self._lifetime.parts.callback(os.close, lock)
        self._lifetime.parts.callback(folders.clear, self._paths)
        if self._on_locked is not None:
            self._on_locked(self._paths.logs)

    async def _open_store(self) -> Store:
        """Open the store, and keep its lease if it has one."""
        store, keeper = await open_store(self._spec, self._stand_by)
        self._lifetime.parts.callback(store.close)
        if keeper is not None:
            self._lifetime.background(self._keep_lease(keeper.run()), "store lease")
        return store

    def _stand_by(self, why: str) -> None:
        """Tell whoever looks for this coordinator that it waits, and why."""
        folders.write_running(self._paths, msgspec.structs.replace(self._running(), standby=why))
        self._on_standby(why)

    async def _keep_lease(self, keeping: Coroutine[Any, Any, None]) -> None:
        """Keep the lease of the store. Once another coordinator has it, leave the workers alone,
        and end."""
        try:
            await keeping
        except LeaseLostError as error:
            self.lease_lost = ClusterError(
                f"{error}: this one ends, and leaves its workers alone",
                "see the status of that one; start this one again with --standby",
            )
            self.request_stop(keep_workers=True)

    async def _make_context(self, store: Store) -> tuple[RunContext, SandboxProcess | None]:
        """Start the sandbox if there is one, and ask the API."""
        spec, paths, parts = self._spec, self._paths, self._lifetime.parts
        sandbox = None
        if spec.on_sandbox:
            sandbox = await SandboxProcess.start(
                spec.sandbox, paths.logs, log_format=spec.log_format
            )
            parts.push_async_callback(sandbox.close, spec.stop_seconds * SANDBOX_SHARE)
        if freed := begin_world(paths, store, sandbox=spec.on_sandbox):
            self._note([f"{freed / 2**20:,.0f} MiB of journals of the world before were removed"])
        info = sandbox.info if sandbox else None
        api = GatewayApi(ApiAccount.from_spec(spec, info, self._started_at), store)
        answer = await api.ask_at_start(spec)
        if answer.refusal is not None:
            self._note([f"{answer.refusal}; it is asked again, and sessions go on without it"])
        return RunContext(spec, api, answer, time.monotonic), sandbox

    def _note(self, lines: Iterable[str]) -> None:
        for line in lines:
            log.info("%s", line)
            self.notes.append(line)

    def _assign(self, context: RunContext) -> Assignments:
        stored, cores = context.store.plan(), host.cores()
        if self._spec.engine != "local":
            # Only until the hosts are there (FirstPlan), which say how many workers they would run
            plan = plan_for_hosts(self._spec, context.gateway.shards, 1, stored)
            where = stored.where if stored else {}
            assignments = Assignments(plan, stored.counts if stored else {}, where)
            assignments.draining = set(stored.draining) if stored else set()
            return assignments
        plan = plan_for(self._spec, context.gateway.shards, cores, stored)
        self._note(held_changes(plan, self._spec, context.gateway.shards, cores, stored))
        return Assignments(plan, stored.counts if stored else {})

    def _status_verbs(
        self,
        context: RunContext,
        workers: Workers,
        identifies: GuardedQueue,
        operations: OperationRunner,
        sockets: Sockets,
        children: Children,
    ) -> StatusVerbs:
        health = Health(
            self._paths.logs, context.store, sockets.link, sockets.control, sockets.hubs, *children
        )
        return StatusVerbs(
            context,
            workers.fleet,
            identifies,
            operations,
            lambda: sockets.hubs.connections,
            sockets.hubs.processes,
            workers.commands.counts.rows,
            health.troubles,
            lambda: children.url,
            self._lifetime,
            self._record,
        )

    def _running(self) -> Running:
        paths = self._paths
        return Running(
            name=paths.name,
            pid=os.getpid(),
            started_at=self._started_at,
            state_dir=str(paths.state_dir),
            control_endpoint=paths.control,
            hub_endpoint=paths.events,
            hub_endpoints=[paths.events_of(number) for number in range(self._spec.hubs)],
            replay_endpoint=paths.replay,
            sandbox=self._spec.on_sandbox,
        )

    # -- stopping -------------------------------------------------------------------------------

    async def _stop_workers(
        self, workers: Workers, maintenance: Maintenance, children: Children
    ) -> None:
        logout = self._logout and not self.keeps_workers
        if logout:
            maintenance.write_logout()
        else:
            maintenance.write_seen()
        if self.keeps_workers:
            await workers.supervisor.leave()
            return
        stop = link.Stop(logout=logout)
        seconds = self._spec.stop_seconds * WORKERS_SHARE
        await workers.supervisor.stop(lambda slot: workers.fleet.send(slot, stop), seconds)
        await workers.site.end(stop, seconds)
        if children.ray is not None:
            children.ray.remove_agents()


def _no_stranger(slot: int, hello: link.Hello) -> None:
    """Heed no worker that comes by this host's own link, where workers run on others."""
    log.warning("worker %d, pid %d, is of another engine's: not heeded", slot, hello.pid)
