"""All processes beside the workers, made and begun together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final, NamedTuple, Self

from cluster.config.cache import kept
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.wire.happenings import HappeningKind
from coordinator.children.cache import CacheProcess
from coordinator.children.host_gate import HostGateProcess
from coordinator.children.http_server import HttpProcess
from coordinator.children.hub import HubProcess
from coordinator.children.proxy import ProxyProcesses
from coordinator.children.ray_placement import RayPlacementProcess
from coordinator.children.replay import ReplayProcess
from coordinator.children.replay_door import ReplayDoorProcess
from coordinator.children.restarting_process import RestartingProcess
from coordinator.children.sandbox import SandboxProcess
from coordinator.children.start import log_settings
from coordinator.children.tcp_gate import TcpGateProcess
from coordinator.happenings.record import HappeningRecord
from coordinator.lifetime import Lifetime, together

GATE_SHARE: Final = 0.04
CACHE_SHARE: Final = 0.15
PROXY_SHARE: Final = 0.15
RAY_SHARE: Final = 0.2
REPLAY_SHARE: Final = 0.15
"""Shares of the time that a stop may take."""
REPLAY_WAIT_S: Final = 1.0
"""The longest that the replay server, the cache and the proxy wait for the workers' start."""


class Children(NamedTuple):
    """The processes beside the workers."""

    replay: ReplayProcess
    sandbox: SandboxProcess | None
    tcp_gate: TcpGateProcess | None
    http: HttpProcess | None
    host_gate: HostGateProcess | None = None
    hubs: tuple[HubProcess, ...] = ()
    """Those beside the coordinator's own."""
    ray: RayPlacementProcess | None = None
    cache: CacheProcess | None = None
    proxy: ProxyProcesses | None = None

    @classmethod
    def make(
        cls,
        spec: CoordinatorSpec,
        store_id: str,
        sandbox: SandboxProcess | None,
        http: HttpProcess | None,
        record: HappeningRecord,
        clock: Callable[[], float],
        most_workers: int = 0,
        token: str = "",
    ) -> Self:
        """Make those that this cluster has; the sandbox and the HTTP server run already. record:
        takes note of those that end. clock: monotonic seconds. most_workers: how many workers there
        will be. token: the bot's."""
        stop_s = spec.stop_seconds
        settings = log_settings("replay", spec)
        kind = ReplayProcess if spec.engine == "local" else ReplayDoorProcess
        replay = kind.for_cluster(spec.paths, store_id, clock, stop_s * REPLAY_SHARE, settings)
        gate = TcpGateProcess(spec, clock, stop_s * GATE_SHARE) if spec.tcp.offered else None
        is_local = spec.engine == "local"
        host_gate = None if is_local else HostGateProcess(spec, clock, stop_s * GATE_SHARE)
        hubs = tuple(
            HubProcess(spec, number, most_workers, clock, stop_s * GATE_SHARE)
            for number in range(1, spec.hubs)
        )
        ray = None
        if spec.engine == "ray":
            ray = RayPlacementProcess(spec, store_id, clock, stop_s * RAY_SHARE)
        cache = None
        if kept(spec):
            cache = CacheProcess(spec, store_id, clock, stop_s * CACHE_SHARE)
        proxy = None
        if spec.proxy.listen:
            tell = partial(_tell_end, record)
            proxy = ProxyProcesses(spec, token, tell, clock, stop_s * PROXY_SHARE)
        for child in filter(None, (replay, gate, http, host_gate, *hubs, ray, cache)):
            child.on_ended = partial(_tell_end, record, child.name)
        return cls(replay, sandbox, gate, http, host_gate, hubs, ray, cache, proxy)

    async def begin(
        self, lifetime: Lifetime, workers_greeted: Callable[[float], Awaitable[object]]
    ) -> None:
        """Start those that do not run yet, and keep all running for so long. ClusterError: a hub or
        a gate can't listen, or Ray can't be used. workers_greeted: waits until the workers, which
        are started next, have greeted, at most so many seconds."""
        async with together() as group:
            for hub in self.hubs:
                lifetime.parts.push_async_callback(hub.close)
                group.create_task(hub.start())
        for hub in self.hubs:
            lifetime.background(hub.run(), hub.name)
        for child in filter(None, (self.tcp_gate, self.host_gate, self.ray)):
            await child.start()
            lifetime.parts.push_async_callback(child.close)
            lifetime.background(child.run(), child.name)
        if self.http is not None:
            lifetime.background(self.http.run(), self.http.name)
        if self.proxy is not None:
            await self.proxy.listen(lifetime.parts)
            lifetime.background(self._keep_later(self.proxy, workers_greeted), self.proxy.name)
        for later in filter(None, (self.replay, self.cache)):
            lifetime.background(self._keep_later(later, workers_greeted), later.name)

    async def _keep_later(
        self,
        child: RestartingProcess | ProxyProcesses,
        workers_greeted: Callable[[float], Awaitable[object]],
    ) -> None:
        """Keep a process running that nobody needs at the start. The workers begin first: on few
        processors its start would make theirs longer, and who asks it waits for it."""
        await workers_greeted(REPLAY_WAIT_S)
        await child.run()

    def set_log_level(self, level: str) -> None:
        """Let those that are kept running log from this level on."""
        gates = (self.tcp_gate, self.host_gate)
        others = (self.ray, self.cache)
        for child in filter(None, (self.replay, self.http, *gates, *self.hubs, *others)):
            child.set_log_level(level)
        if self.proxy is not None:
            self.proxy.set_log_level(level)

    @property
    def proxy_url(self) -> str:
        """Where bots find the gateway proxy; empty: there is none."""
        return self.proxy.url if self.proxy else ""

    @property
    def url(self) -> str:
        """Where HTTP is served; empty: it is not."""
        return self.http.url if self.http else ""


async def start_http(
    spec: CoordinatorSpec, parts: AsyncExitStack, clock: Callable[[], float]
) -> HttpProcess | None:
    """Start the HTTP server, which needs nothing of the cluster until somebody asks it; None: this
    cluster has none. ClusterError: it can't listen. parts: closes it. clock: monotonic seconds."""
    if not spec.http.listen:
        return None
    http = HttpProcess(spec, clock, spec.stop_seconds * GATE_SHARE)
    await http.start()
    parts.push_async_callback(http.close)
    return http


def _tell_end(record: HappeningRecord, name: str, why: str) -> None:
    record.tell(HappeningKind.CHILD_ENDED, name, cause=why)
