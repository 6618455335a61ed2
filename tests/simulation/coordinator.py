"""A coordinator without sockets: its own parts, wired as coordinator.coordinator wires them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.discord.gateway_bot import ATTEMPTS, GatewayInfo, SessionStartLimit
from cluster.errors import ClusterError
from cluster.wire import hosts as wire
from coordinator.account import ApiAccount
from coordinator.changes import Changes
from coordinator.context import RunContext
from coordinator.control.status import StatusVerbs
from coordinator.control.subscribers import Subscribers
from coordinator.gateway_api import GatewayAnswer, GatewayApi
from coordinator.happenings.record import HappeningRecord
from coordinator.host import HostClocks
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.parts import RemoteHosts
from coordinator.hosts.status import host_rows
from coordinator.identifies.make_queue import make_identifies
from coordinator.identifies.told_grants import ToldGrants
from coordinator.lifetime import Lifetime
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import plan_for_hosts
from coordinator.state import folders
from coordinator.state.plan_keeper import PlanKeeper
from coordinator.state.store import Store
from coordinator.upkeep.lookout import Lookout
from coordinator.upkeep.maintenance import Maintenance
from coordinator.workers.fleet import Fleet
from coordinator.workers.parts import Workers
from coordinator.workers.specs import Remote, WorkerSpecs
from tests.simulation.discord import Gateway
from tests.simulation.network import Network

BEGAN: float = 1.75e9
"""Unix seconds at the begin of the played time."""

log = logging.getLogger(__name__)


class _Api(GatewayApi):
    """Discord's API, which answers at once."""

    async def ask(self, attempts: int = ATTEMPTS) -> GatewayInfo:
        raise ClusterError("the numbers of the start are good for as long as is played")


def answer(shards: int, max_concurrency: int) -> GatewayInfo:
    """Return what GET /gateway/bot says to a bot whose budget is no matter."""
    limit = SessionStartLimit(
        total=1_000_000, remaining=1_000_000, reset_after=86_400_000,
        max_concurrency=max_concurrency,
    )  # fmt: skip
    return GatewayInfo(url="wss://gateway.discord.gg", shards=shards, session_start_limit=limit)


class _Link:
    """The hosts' link (coordinator.hosts.link), over the played network."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.send = network.send

    def bind(self) -> None:
        """Listen: nothing is lost before that here."""

    async def run(self, handler: Callable[[bytes, wire.FromHost], None]) -> None:
        """Hand over what comes, until cancelled."""
        self._network.listen(handler)
        await asyncio.Event().wait()


class PlayedCoordinator:
    """One run of a coordinator, from `start` to `kill`."""

    def __init__(self, spec: CoordinatorSpec, network: Network, gateway: Gateway) -> None:
        self._spec = spec
        self._network = network
        self._gateway = gateway
        self._lifetime = Lifetime()
        self._stack = AsyncExitStack()
        self._loop = asyncio.get_running_loop()

    async def start(self) -> None:
        """Start all parts that are no process of their own and no socket."""
        clock, spec, network = self._loop.time, self._spec, self._network
        wall = partial(_wall, clock)
        folders.make(spec.paths)
        self.store = Store.open(spec.paths.store, HostClocks("played", clock, wall))
        info = answer(16, self._gateway.max_concurrency)
        api = _Api(ApiAccount.from_spec(spec, None, BEGAN), self.store)
        self.context = context = RunContext(spec, api, GatewayAnswer(info), clock)
        record = HappeningRecord(clock, wall)
        assignments = self._assign()
        keeper = PlanKeeper(self.store, spec, assignments)
        last_out = self.last_out = cast(Any, SimpleNamespace(shards={}, slots={}))
        changes, checkpoints = Changes(), Checkpoints()
        specs = WorkerSpecs(
            context, assignments, last_out, "played",
            Remote(spec.hosts.lease_seconds, checkpoints.state),
        )  # fmt: skip
        remote = RemoteHosts.make(
            cast(Any, _Link(network)), context, specs, checkpoints, keeper, record, changes
        )
        self.hosts = remote.hosts
        self.identifies = identifies = await make_identifies(
            context, assignments, ToldGrants(self.hosts.send, record, assignments.owns),
            self._stack, lambda lines: None,
        )  # fmt: skip
        self.fleet = fleet = Fleet.start_with(assignments, self.hosts.send, clock, changes)
        self.fleet = fleet = fleet._replace(hosts=partial(host_rows, self.hosts))
        workers = Workers.make(
            self.hosts, lambda slot, hello: None, specs, fleet, identifies, record
        )
        self.workers = workers
        self.operations = operations = OperationRunner(clock, record)
        scaling = Scaling(
            fleet, workers.supervisor, identifies, workers.reconciler, keeper, remote.goals.goal
        )
        self.status = StatusVerbs(
            context, fleet, identifies, operations, lambda: 1, list,
            workers.commands.counts.rows, list, lambda: None, lambda: "", lambda: "",
            self._lifetime, record,
        )  # fmt: skip
        hub = cast(Any, SimpleNamespace(alive=True))
        maintenance = Maintenance(context, fleet, hub, last_out, lambda: False)
        lookout = Lookout(
            record, fleet, identifies.status,
            Subscribers(spec.intents, spec.account, record), clock,
        )  # fmt: skip
        await self._lifetime.begin(_nothing())
        remote.listen(self._lifetime, workers.router.handle)
        self._lifetime.background(identifies.run(), "identify queue")
        self._lifetime.background(maintenance.run(), "maintenance")
        self._lifetime.background(lookout.run(), "lookout")
        verbs = remote.begin(self._lifetime, workers, scaling, operations, lambda: None)
        self.drain = verbs["drain"]

    def _assign(self) -> Assignments:
        stored = self.store.plan()
        plan = plan_for_hosts(self._spec, 16, 1, stored)
        if stored is None:
            return Assignments(plan)
        assignments = Assignments(plan, stored.counts, stored.where)
        assignments.draining = set(stored.draining)
        return assignments

    @property
    def failure(self) -> BaseException | None:
        """What ended a part of it; None: nothing has."""
        return self._lifetime.failure

    async def kill(self) -> None:
        """End it as SIGKILL does: nobody is told anything."""
        self._network.listen(None)
        await self.workers.supervisor.leave()
        await self.operations.close()
        await self._lifetime.close()
        await self._stack.aclose()
        self.store.close()


def _wall(clock: Callable[[], float]) -> float:
    return BEGAN + clock()


async def _nothing() -> None:
    pass
