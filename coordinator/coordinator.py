"""Wires the parts of a coordinator together and owns their lifetimes; decides nothing itself.

They are started in the order of `_start` and closed in the opposite one, also when a later one
does not start: an error leaves nothing running.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import zmq
import zmq.asyncio

import cluster
from cluster.errors import AlreadyRunningError, ClusterError
from cluster.gateway import IDENTIFY_WINDOW_S
from cluster.wire import link
from cluster.wire.control import ClusterStatus
from cluster.wire.places import Running
from cluster.wire.spec import CoordinatorSpec, ShardRange, parse_shards
from coordinator import folders, host, status
from coordinator.account import Account
from coordinator.control_server import ControlServer
from coordinator.engines import Engine
from coordinator.engines.local import LocalEngine
from coordinator.gateway_info import GatewayInfo, SessionStartLimit
from coordinator.hub import Hub, LastOut
from coordinator.identify_desk import IdentifyDesk
from coordinator.identify_limiter import IdentifyLimiter
from coordinator.plan import Plan, make_plan, worker_count
from coordinator.sandbox_process import SandboxProcess
from coordinator.store import Store
from coordinator.supervisor import TICK_S, Supervisor
from coordinator.worker_link import WorkerLink
from coordinator.worker_specs import WorkerSpecs

log = logging.getLogger(__name__)

SEEN_EVERY_S: Final = 30.0
"""How often it is written down which shards have a session."""
RESUMABLE_S: Final = 300.0
"""For this long a session is taken to be resumable when a start counts the identifies it needs.
Discord does not say how long it is; where it was shorter the limiter still keeps the budget."""


class Coordinator:
    """An async context manager: entered, the cluster is up (its workers are starting); left, all of
    it is gone. Entering raises ClusterError."""

    _store: Store
    _account: Account
    _info: GatewayInfo
    _plan: Plan
    _board: status.Board
    _desk: IdentifyDesk
    _link: WorkerLink
    _hub: Hub
    _last_out: LastOut
    _supervisor: Supervisor

    def __init__(
        self,
        spec: CoordinatorSpec,
        *,
        engine: Engine | None = None,
        on_locked: Callable[[Path], None] | None = None,
    ) -> None:
        """engine: where workers run; this host by default. on_locked: called with the folder of the
        logs once the state folder is ours."""
        self._spec = spec
        self._places = spec.places
        self._engine = engine or LocalEngine(self._places.logs)
        self._on_locked = on_locked
        self._stack = AsyncExitStack()
        self._stop = asyncio.Event()
        self._logout = False
        self._was_ready = False
        self._failure: BaseException | None = None
        self._started_at = time.time()
        self._started = time.monotonic()

    async def __aenter__(self) -> Self:
        starting = asyncio.create_task(self._start())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                raise ClusterError("stopped before it was up")
            await starting
        except BaseException:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._stack.aclose()
            raise
        finally:
            stopped.cancel()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop.set()
        await self._stack.aclose()
        log.info("stopped")

    def request_stop(self, logout: bool = False) -> None:
        """Begin to stop; `until_stopped` returns. logout: end the sessions instead of leaving them
        resumable."""
        if not self._stop.is_set():
            log.info("stopping%s", ", logging out" if logout else "")
            self._logout = logout
            self._stop.set()

    async def until_stopped(self) -> None:
        """Wait for `request_stop`. Raises what made a part of the coordinator fail."""
        await self._stop.wait()
        if self._failure is not None:
            raise ClusterError(
                f"the coordinator failed ({type(self._failure).__name__}: {self._failure})",
                f"see {self._places.logs / 'coordinator.log'}",
            ) from self._failure

    # -- starting -------------------------------------------------------------------------------

    async def _start(self) -> None:
        spec, places = self._spec, self._places
        shards = parse_shards(spec.shards)
        folders.make(places)
        self._stack.callback(os.close, await folders.lock(places))
        self._stack.callback(folders.clear, places)
        if self._on_locked is not None:
            self._on_locked(places.logs)
        self._store = Store.open(places.store)
        self._stack.callback(self._store.close)
        sandbox = None
        if spec.sandbox is not None:
            sandbox = await SandboxProcess.start(spec.sandbox, places.logs)
            self._stack.push_async_callback(sandbox.close)
        self._account = Account.of(spec, sandbox.info if sandbox else None, self._started_at)
        self._info = await self._account.fetch()
        self._make_plan(shards)
        self._make_desk()
        self._bind()
        self._store.set_plan(self._plan)
        folders.tell(places, self._running())
        self._run_workers()
        log.info(
            "cluster %s: %d shards on %d workers, %s",
            spec.name,
            len(self._plan.shards),
            len(self._plan.slots),
            self._gateway_url,
        )

    def _make_plan(self, shards: ShardRange | None) -> None:
        spec = self._spec
        if shards is None:
            shards = ShardRange(0, self._info.shards - 1, self._info.shards)
        workers = worker_count(
            len(shards),
            spec.workers,
            shards_per_worker=spec.shards_per_worker,
            cores=host.cores(),
        )
        self._plan = make_plan(shards, workers)
        self._board = status.Board(self._plan)

    def _make_desk(self) -> None:
        spec, store = self._spec, self._store
        self._key = self._account.key(store.store_id)
        limiter = IdentifyLimiter(
            window_s=(spec.sandbox or {}).get("identify_window_s", IDENTIFY_WINDOW_S),
            margin_s=spec.identify_margin_ms / 1000,
            reserve=spec.identify_reserve,
            share=spec.identify_budget,
            first_grant_id=store.next_grant_id(),
        )
        self._desk = IdentifyDesk(
            limiter,
            store,
            account=self._key,
            shard_count=self._plan.shard_count,
            send=lambda slot, message: self._link.send(slot, message),
            fetch=self._fetch_limit,
            clock=time.monotonic,
            wall=time.time,
        )
        self._desk.take(self._info.session_start_limit)
        resumable = store.resumable(self._plan, self._key, time.time() - RESUMABLE_S)
        self._desk.require(len(self._plan.shards) - len(resumable))

    async def _fetch_limit(self) -> SessionStartLimit:
        return (await self._account.fetch()).session_start_limit

    def _bind(self) -> None:
        """All sockets. The state folder is locked: nobody else's are taken over."""
        places = self._places
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._stack.callback(context.term)
        aio = zmq.asyncio.Context(context)
        self._hub = Hub(context, workers_endpoint=places.hub, subscribers_endpoint=places.events)
        self._stack.callback(self._hub.close)
        self._last_out = LastOut(context, places.events)
        self._stack.callback(self._last_out.close)
        self._last_out.start(asyncio.get_running_loop())
        self._link = WorkerLink(aio, places.link, self._on_message)
        self._stack.push_async_callback(self._link.close)
        control = ControlServer(
            aio,
            places.control,
            {"ping": self._ping, "status": self._status, "stop": self._stop_verb},
        )
        self._stack.push_async_callback(control.close)
        try:
            self._link.start()
            control.start()
        except zmq.ZMQError as error:
            raise AlreadyRunningError(
                f"a socket in {places.runtime_dir} can't be bound ({error.strerror})",
                "stop what uses it, or set DCGW_RUNTIME_DIR to another folder",
            ) from error

    def _run_workers(self) -> None:
        self._background(self._desk.run(), "identify desk")
        self._background(self._tick(), "tick")
        specs = WorkerSpecs(
            self._spec,
            self._account,
            self._plan,
            self._store,
            self._last_out,
            self._gateway_url,
            host.boot_id(),
        )
        self._supervisor = Supervisor(
            self._engine,
            make_spec=specs.make,
            on_gone=self._worker_gone,
            clock=time.monotonic,
        )
        self._stack.push_async_callback(self._stop_workers)
        self._supervisor.start(range(len(self._plan.slots)))

    def _running(self) -> Running:
        places = self._places
        return Running(
            name=places.name,
            pid=os.getpid(),
            started_at=self._started_at,
            state_dir=str(places.state_dir),
            control_endpoint=places.control,
            hub_endpoint=places.events,
            replay_endpoint=places.replay,
            sandbox=self._spec.sandbox is not None,
        )

    # -- running --------------------------------------------------------------------------------

    def _background(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run it until the coordinator stops; if it fails, the coordinator does."""
        task = asyncio.create_task(work, name=name)

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("%s failed", name, exc_info=error)
                self._failure = error
                self._stop.set()

        async def cancel() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        task.add_done_callback(ended)
        self._stack.push_async_callback(cancel)

    async def _tick(self) -> None:
        seen_at = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            self._supervisor.tick()
            if not self._hub.alive:
                raise ClusterError("the hub's thread has ended")
            if time.monotonic() - seen_at >= SEEN_EVERY_S:
                seen_at = time.monotonic()
                self._write_seen()

    def _write_seen(self) -> None:
        slot_of = {s: slot for slot, shards in enumerate(self._plan.slots) for s in shards}
        alive = {shard: slot_of[shard] for shard in self._board.ready}
        self._store.seen(self._plan.shard_count, alive, time.time())

    async def _stop_workers(self) -> None:
        self._write_seen()
        stop = link.Stop(logout=self._logout)
        await self._supervisor.stop(
            lambda slot: self._link.send(slot, stop), self._spec.stop_seconds * 0.6
        )

    # -- what is said to it ---------------------------------------------------------------------

    def _on_message(self, slot: int, message: link.FromWorker) -> None:
        if slot not in self._supervisor.slots:
            log.warning("worker %d is not in the plan: told to stop", slot)
            self._link.send(slot, link.Stop())
            return
        if self._supervisor.heard(slot) or isinstance(message, link.Hello):
            self._link.send(slot, link.Welcome())
        match message:
            case link.Report():
                self._board.report(message, time.monotonic())
            case link.IdentifyRequest() | link.IdentifySent() | link.IdentifyUnused():
                self._desk.handle(slot, message)

    def _worker_gone(self, slot: int) -> None:
        self._board.gone(slot)
        self._desk.gone(slot)

    async def _ping(self, _: dict[str, Any]) -> object:
        return {"pid": os.getpid()}

    async def _stop_verb(self, args: dict[str, Any]) -> object:
        self.request_stop(logout=args.get("logout") is True)
        return {"pid": os.getpid(), "seconds": self._spec.stop_seconds}

    async def _status(self, _: dict[str, Any]) -> ClusterStatus:
        now, board, slots = time.monotonic(), self._board, self._supervisor.slots
        return ClusterStatus(
            name=self._spec.name,
            store_id=self._store.store_id,
            pid=os.getpid(),
            version=cluster.__version__,
            uptime_s=now - self._started,
            state=self._state(),
            shard_count=self._plan.shard_count,
            shards_ready=len(board.ready),
            events=board.events,
            events_per_s=board.events_per_s(now),
            api_url=self._account.api_url,
            gateway_url=self._gateway_url,
            sandbox=self._spec.sandbox is not None,
            hub_endpoint=self._places.events,
            replay_endpoint=self._places.replay,
            workers=[board.worker(slot, now) for slot in slots.values()],
            shards=board.shards(slots, now),
            budget=self._desk.status(),
        )

    def _state(self) -> str:
        if self._stop.is_set():
            return "stopping"
        ready = len(self._board.ready) == len(self._plan.shards)
        self._was_ready = self._was_ready or ready
        if ready:
            return "ready"
        return "degraded" if self._was_ready else "starting"

    @property
    def _gateway_url(self) -> str:
        return self._spec.gateway_url or self._info.url
