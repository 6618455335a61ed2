"""Starts the parts of a coordinator and owns their lifetimes; decides nothing itself.

They are made in coordinator.assembly, started in the order of `_start` and closed in the opposite
one, also when a later one does not start: an error leaves nothing running.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.endpoints import registry
from cluster.endpoints.paths import Running
from cluster.errors import ClusterError
from cluster.service_manager import ServiceManager
from cluster.wire import link
from cluster.wire.happenings import HappeningKind
from coordinator.assembly.ground import Ground, take_folders
from coordinator.assembly.parts import Parts
from coordinator.children.family import start_http
from coordinator.engines import Engine
from coordinator.engines.local import LocalEngine
from coordinator.happenings.record import HappeningRecord
from coordinator.lifetime import Lifetime, both
from coordinator.state import folders
from coordinator.state.database import LeaseLostError, StoreError
from coordinator.state.opening import open_store
from coordinator.state.store import Store
from coordinator.upkeep.lookout import Lookout
from coordinator.upkeep.reloading import Reloading
from coordinator.upkeep.service import Service
from coordinator.verb import Verb

log = logging.getLogger(__name__)

WORKERS_SHARE: Final = 0.6
"""Share of the time that a stop may take; the children are stopped after the workers, and each has
a share of its own (coordinator/children/family.py)."""


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
        spec, lifetime = self._spec, self._lifetime
        await take_folders(spec, lifetime, self._on_locked, keep_lock=self._keep_lock)
        store = await self._open_store()
        # Each takes some tenths of a second, and most of them are spent waiting.
        ground, http = await both(
            Ground.prepare(spec, store, lifetime, self._note, self._started_at),
            start_http(spec, lifetime.parts, time.monotonic),
        )
        parts = await Parts.make(ground, http, self._engine, lifetime, self._record, self._note)
        verbs = parts.verbs(self.request_stop)
        self._begin(parts, verbs)
        fleet, children = parts.fleet, parts.children
        await children.begin(lifetime, partial(fleet.changes.until, fleet.slots.all_greeted))
        if children.url:
            self._note([f"Watch it in a browser: {children.url}"])
        if children.proxy_url:
            log.info("bots connect to the gateway at %s", children.proxy_url)
        if parts.hosts is None:
            ground.plan_keeper.save()
        lifetime.parts.callback(registry.leave, registry.enter(self._paths))
        folders.write_running(self._paths, self._running())
        lifetime.parts.push_async_callback(self._stop_workers, parts)
        lifetime.parts.push_async_callback(parts.operations.close)
        verbs |= parts.start_workers(lifetime, partial(self._tell_started, ground))

    def _begin(self, parts: Parts, verbs: dict[str, Verb]) -> None:
        """Let the parts run. Their sockets are bound: all behind these is there."""
        context, fleet, lifetime = parts.ground.context, parts.fleet, self._lifetime
        handle = parts.workers.router.handle
        parts.sockets.bind()
        lifetime.background(parts.sockets.link.run(handle), "worker link")
        if parts.hosts is not None:
            verbs |= parts.hosts.listen(lifetime, handle)
        lifetime.background(parts.sockets.control.run(verbs), "control server")
        lifetime.background(parts.identifies.run(), "identify queue")
        lifetime.background(parts.maintenance.run(), "maintenance")
        identify_status = parts.identifies.status
        lookout = Lookout(
            self._record, fleet, identify_status, parts.status.subscribers, context.clock,
            self._spec.identify.reserve,
        )  # fmt: skip
        lifetime.background(lookout.run(), "lookout")
        ready_shards = self._spec.http.ready_shards
        self._service = Service(
            ServiceManager.of(), fleet, identify_status, ready_shards=ready_shards
        )
        self._service.begin()
        lifetime.background(self._service.run(), "service manager")
        self._reloading = Reloading(
            self._spec, self._record, self._service, parts.workers.router, parts.children
        )

    def _tell_started(self, ground: Ground) -> None:
        plan = ground.assignments.plan
        self._record.tell(
            HappeningKind.STARTED,
            f"{self._spec.name} runs {len(plan.shards):,} shards on {len(plan.slots)} workers, "
            f"{ground.context.gateway_url}",
        )

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

    def _note(self, lines: Iterable[str]) -> None:
        for line in lines:
            log.info("%s", line)
            self.notes.append(line)

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

    async def _stop_workers(self, parts: Parts) -> None:
        workers = parts.workers
        logout = self._logout and not self.keeps_workers
        if logout:
            parts.maintenance.write_logout()
        else:
            parts.maintenance.write_seen()
        if self.keeps_workers:
            await workers.supervisor.leave()
            return
        stop = link.Stop(logout=logout)
        seconds = self._spec.stop_seconds * WORKERS_SHARE
        await workers.supervisor.stop(lambda slot: workers.fleet.send(slot, stop), seconds)
        await workers.site.end(stop, seconds)
        if logout and parts.hosts is not None:
            parts.hosts.file.remove()
        if parts.children.ray is not None:
            parts.children.ray.remove_agents()
