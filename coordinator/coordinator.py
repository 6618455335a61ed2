"""Wires the parts of a coordinator together and owns their lifetimes; decides nothing itself.

They are started in the order of `_start` and closed in the opposite one, also when a later one
does not start: an error leaves nothing running.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import zmq
import zmq.asyncio

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.worker_spec import WorkerSpec
from cluster.discord.gateway_bot import GatewayInfo
from cluster.endpoints.paths import Running
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.wire import link
from coordinator import host
from coordinator.account import ApiAccount
from coordinator.changes import Changes
from coordinator.children.replay import ReplayProcess
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.tcp_gate import TcpGateProcess
from coordinator.control.server import ControlServer
from coordinator.control.verbs import ControlVerbs
from coordinator.engines import Engine
from coordinator.engines.local import LocalEngine
from coordinator.health import troubles
from coordinator.hub.hub import Announcer, Hub
from coordinator.hub.last_out import LastOut
from coordinator.identifies.fatal_hold import FatalHold
from coordinator.identifies.make_queue import make_queue
from coordinator.identifies.queue import GrantQueue
from coordinator.lifetime import Lifetime
from coordinator.maintenance import Maintenance
from coordinator.operations.resharding import Resharding
from coordinator.operations.restarting import RollingRestart
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.operations.verbs import OperationVerbs
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import StoredPlan, held_changes, plan_for
from coordinator.state import folders
from coordinator.state.sandbox_journals import begin_world
from coordinator.state.store import Store
from coordinator.workers.adoption import Adoption
from coordinator.workers.command_router import CommandRouter
from coordinator.workers.link import WorkerLink
from coordinator.workers.message_router import MessageRouter
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.reports import WorkerReports
from coordinator.workers.specs import WorkerSpecs
from coordinator.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

WORKERS_SHARE, GATE_SHARE, REPLAY_SHARE, SANDBOX_SHARE = 0.6, 0.04, 0.15, 0.2
"""Of the time that a stop may take; each is stopped after the one before."""
RESUMABLE_S: Final = 300.0
"""For this long a session is taken to be resumable when a start counts the identifies it needs.
Discord does not say how long it is; where it was shorter the limiter still keeps the budget."""


class Coordinator:
    """An async context manager: entered, the cluster is up (its workers are starting); left, all of
    it is gone. Entering raises ClusterError."""

    _store: Store
    _account: ApiAccount
    _info: GatewayInfo
    _assignments: Assignments
    _reports: WorkerReports
    _identifies: GrantQueue
    _link: WorkerLink
    _hub: Hub
    _last_out: LastOut
    _specs: WorkerSpecs
    _reconciler: Reconciler
    _commands: CommandRouter
    _supervisor: Supervisor
    _reception: MessageRouter

    def __init__(
        self,
        spec: CoordinatorSpec,
        *,
        engine: Engine | None = None,
        on_locked: Callable[[Path], None] | None = None,
        keep_lock: bool = False,
    ) -> None:
        """engine: where workers run; this host by default. on_locked: called with the folder of the
        logs once the state folder is ours. keep_lock: hold the state folder until the process is
        gone, so that who sees it free finds nothing of it left."""
        self._spec = spec
        self._paths = spec.paths
        self._engine = engine or LocalEngine(self._paths.logs)
        self._on_locked = on_locked
        self._keep_lock = keep_lock
        self._life = Lifetime()
        self._logout = False
        self.notes: list[str] = []
        """What whoever started it should read, a line each."""
        self.keeps_workers = False
        """They go on without this coordinator, for the next one to take over."""
        self._holds: defaultdict[int, FatalHold] = defaultdict(FatalHold)
        """By shard count."""
        self._changes = Changes()
        self._operations = OperationRunner(time.monotonic)
        self._sandbox: SandboxProcess | None = None
        self._gate: TcpGateProcess | None = None
        self._started_at = time.time()

    async def __aenter__(self) -> Self:
        try:
            await self._life.begin(self._start())
        except (sqlite3.Error, OSError) as error:
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
        await self._life.close()
        log.info("stopped")

    def request_stop(self, logout: bool = False, keep_workers: bool = False) -> None:
        """Begin to stop; `until_stopped` returns. logout: end the sessions instead of leaving them
        resumable. keep_workers: they go on without this coordinator."""
        if not self._life.ending:
            how = ", logging out" if logout else ", the workers go on" if keep_workers else ""
            log.info("stopping%s", how)
            self._logout, self.keeps_workers = logout, keep_workers
            self._life.end()

    async def until_stopped(self) -> None:
        """Wait for `request_stop`. Raises what made a part of the coordinator fail."""
        await self._life.until_ending()
        if (failure := self._life.failure) is not None:
            raise ClusterError(
                f"the coordinator failed ({type(failure).__name__}: {failure})",
                f"see {self._paths.logs / 'coordinator.log'}",
            ) from failure

    # -- starting -------------------------------------------------------------------------------

    async def _start(self) -> None:
        spec, paths = self._spec, self._paths
        spec.check()
        folders.make(paths)
        lock = await folders.lock(paths)
        if not self._keep_lock:
            self._life.parts.callback(os.close, lock)
        self._life.parts.callback(folders.clear, paths)
        if self._on_locked is not None:
            self._on_locked(paths.logs)
        self._store = Store.open(paths.store)
        self._life.parts.callback(self._store.close)
        if spec.on_sandbox:
            self._sandbox = sandbox = await SandboxProcess.start(spec.sandbox, paths.logs)
            self._life.parts.push_async_callback(
                sandbox.close, self._spec.stop_seconds * SANDBOX_SHARE
            )
        if freed := begin_world(paths, self._store, sandbox=spec.on_sandbox):
            self._note([f"{freed / 2**20:,.0f} MiB of journals of the world before were removed"])
        self._account = ApiAccount.of(
            spec, self._sandbox.info if self._sandbox else None, self._started_at
        )
        self._key = self._account.key(self._store.store_id)
        self._info = await self._account.fetch()
        stored = self._store.plan()
        plan = plan_for(spec, self._info.shards, host.cores(), stored)
        self._note(held_changes(plan, spec, self._info.shards, host.cores(), stored))
        self._assignments = Assignments(plan, stored.counts if stored else {})
        self._reports = WorkerReports(self._assignments)
        await self._make_queue()
        self._make_sockets()
        self._make_supervisor()
        self._bind()
        await self._open_gate()
        self._save_plan()
        folders.tell(paths, self._running())
        self._life.parts.push_async_callback(self._stop_workers)
        self._life.parts.push_async_callback(self._operations.close)
        self._supervisor.start(plan.slots)
        counts = len(plan.shards), len(plan.slots)
        log.info("%s: %d shards on %d workers, %s", spec.name, *counts, self._gateway_url)

    def _note(self, lines: Iterable[str]) -> None:
        for line in lines:
            log.info("%s", line)
            self.notes.append(line)

    async def _make_queue(self) -> None:
        """The identify queue, with numbers. BudgetError: this start would overspend them."""
        self._identifies = await make_queue(
            self._spec,
            self._account,
            self._info,
            self._assignments,
            self._store,
            self._send,
            self._life.parts,
        )
        plan = self._assignments.plan
        resumable = self._store.resumable(plan, self._key, time.time() - RESUMABLE_S)
        self._identifies.require(len(plan.shards) - len(resumable))

    def _make_sockets(self) -> None:
        """The hub, which binds at once, and the link. The state folder is locked: nobody else's
        sockets are taken over."""
        paths = self._paths
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._life.parts.callback(context.term)
        self._context = zmq.asyncio.Context(context)
        self._hub = Hub(context, workers_endpoint=paths.hub, subscribers_endpoint=paths.events)
        self._life.parts.callback(self._hub.close)
        self._hub.connections.start(asyncio.get_running_loop())
        self._last_out = LastOut(context, paths.events)
        self._life.parts.callback(self._last_out.close)
        self._last_out.start(asyncio.get_running_loop())
        self._announcer = Announcer(context, paths.hub)
        self._life.parts.callback(self._announcer.close)
        self._link = WorkerLink(
            self._context, paths.link, lambda slot, word: self._reception.message(slot, word)
        )
        self._life.parts.callback(self._link.close)

    def _make_supervisor(self) -> None:
        self._specs = specs = WorkerSpecs(
            self._spec,
            self._account,
            self._assignments,
            self._store,
            self._last_out,
            self._gateway_url,
            host.boot_id(),
        )
        self._adoption = adoption = Adoption(
            self._paths,
            fits=specs.fits,
            farewell=specs.farewell,
            planned=lambda slot: self._assignments.of(slot) is not None,
            send=self._send,
        )
        self._reconciler = Reconciler(self._assignments, send=self._send, shard_plan=specs.shard)
        self._commands = CommandRouter(
            self._assignments,
            self._changes,
            lambda slot: self._supervisor.is_running(slot),
            self._send,
            time.time_ns(),
        )
        self._supervisor = Supervisor(
            self._engine,
            make_spec=self._make_spec,
            on_gone=lambda slot: self._reception.gone(slot),
            find=adoption.find,
            clock=time.monotonic,
        )
        self._reception = MessageRouter(
            self._assignments,
            self._reports,
            self._identifies,
            self._holds,
            self._supervisor,
            adoption,
            self._reconciler,
            self._commands,
            self._changes,
            self._send,
        )

    def _bind(self) -> None:
        """The doors, opened when all behind them is there."""
        verbs = ControlVerbs(
            self._spec,
            self._account,
            self._assignments,
            self._reports,
            self._identifies,
            lambda: self._holds[self._assignments.plan.shard_count].reason,
            self._supervisor,
            self._hub,
            self._operations,
            lambda: troubles(
                self._paths.logs,
                self._sandbox,
                self._replay,
                self._gate,
                self._link,
                self._control,
            ),
            store_id=self._store.store_id,
            gateway_url=self._gateway_url,
            stop=self.request_stop,
            stopping=lambda: self._life.ending,
            clock=time.monotonic,
        )
        table = {
            **verbs.table(),
            **self._identifies.verbs(),
            **self._operation_verbs().table(),
            **self._commands.table(),
        }
        self._control = control = ControlServer(self._context, self._paths.control, table)
        self._life.parts.callback(control.close)
        try:
            self._link.bind()
            control.bind()
        except zmq.ZMQError as error:
            raise AlreadyRunningError(
                f"a socket in {self._paths.runtime_dir} can't be bound ({error.strerror})",
                "stop what uses it, or set DCGW_RUNTIME_DIR to another folder",
            ) from error
        self._life.background(self._link.run(), "worker link")
        self._life.background(control.run(), "control server")
        self._life.background(self._identifies.run(), "identify queue")
        self._maintenance = Maintenance(
            self._paths,
            self._assignments,
            self._reports,
            self._store,
            self._supervisor,
            self._hub,
            self._last_out,
            self._send,
        )
        self._life.background(self._maintenance.run(), "maintenance")
        self._replay = replay = ReplayProcess.of(
            self._paths,
            self._store.store_id,
            time.monotonic,
            self._spec.stop_seconds * REPLAY_SHARE,
        )
        self._life.background(replay.run(), "replay server")

    def _operation_verbs(self) -> OperationVerbs:
        assignments, reports, changes = self._assignments, self._reports, self._changes
        scaling = Scaling(
            assignments,
            reports,
            self._identifies,
            self._supervisor,
            self._reconciler,
            changes,
            send=self._send,
            save=lambda: self._save_plan(scaled=True),
        )
        resharding = Resharding(
            self._spec,
            assignments,
            reports,
            self._identifies,
            self._supervisor,
            changes,
            store_id=self._store.store_id,
            recommended=self._recommended,
            send=self._send,
            publish=self._announcer.publish,
            save=lambda: self._save_plan(resharded=True),
        )
        restarting = RollingRestart(assignments, reports, self._supervisor, changes, self._send)
        return OperationVerbs(self._operations, restarting, scaling, resharding)

    async def _recommended(self) -> int:
        return (await self._account.fetch()).shards

    async def _open_gate(self) -> None:
        """The way in over TCP, where there is one. ClusterError: it can't listen."""
        if not self._spec.tcp.offered:
            return
        stop_s = self._spec.stop_seconds * GATE_SHARE
        self._gate = gate = await TcpGateProcess.start(self._spec, time.monotonic, stop_s)
        self._life.parts.push_async_callback(gate.first.stop, stop_s)
        self._life.background(gate.run(gate.first), "TCP gate")

    def _running(self) -> Running:
        paths = self._paths
        return Running(
            name=paths.name,
            pid=os.getpid(),
            started_at=self._started_at,
            state_dir=str(paths.state_dir),
            control_endpoint=paths.control,
            hub_endpoint=paths.events,
            replay_endpoint=paths.replay,
            sandbox=self._spec.on_sandbox,
        )

    @property
    def _gateway_url(self) -> str:
        return self._spec.gateway_url or self._info.url

    # -- running --------------------------------------------------------------------------------

    async def _stop_workers(self) -> None:
        self._maintenance.write_seen()
        if self.keeps_workers:
            await self._supervisor.leave()
            return
        stop = link.Stop(logout=self._logout)
        seconds = self._spec.stop_seconds * WORKERS_SHARE
        await self._supervisor.stop(lambda slot: self._send(slot, stop), seconds)
        await self._adoption.end(stop, seconds)

    # -- what its parts need of each other --------------------------------------------------------

    def _send(self, slot: int, message: link.ToWorker) -> bool:
        """False: no worker of this slot is connected."""
        return self._link.send(slot, message)

    def _make_spec(self, slot: int) -> WorkerSpec:
        spec = self._specs.make(slot)
        self._reconciler.given(slot, (shard.shard_id for shard in spec.shards))
        return spec

    def _save_plan(self, *, scaled: bool = False, resharded: bool = False) -> None:
        """The plan in force is what the next start takes up. scaled, resharded: its workers or its
        shard count were changed on request; that holds until the configuration says another.
        ClusterError: it can't be written."""
        try:
            before = self._store.plan()
            self._store.set_plan(
                StoredPlan.of(
                    self._assignments.plan,
                    self._spec,
                    before,
                    scaled=scaled,
                    resharded=resharded,
                    counts=self._assignments.counts,
                    now=time.time(),
                )
            )
        except sqlite3.Error as error:
            raise ClusterError(
                f"the plan can't be written ({error})", f"make room for {self._paths.store}"
            ) from error
