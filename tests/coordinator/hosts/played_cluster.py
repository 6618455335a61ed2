"""A played cluster of hosts: real coordinators' parts, played agents, workers, ways, store and
Discord, on a loop whose time is played. What fails, and when, is told by a test."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any, Final

from cluster.config.worker_spec import WorkerSpec
from cluster.errors import ClusterError
from cluster.wire import hosts as wire
from cluster.wire import link
from cluster.wire.shard_state import ShardState
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.host import Host
from coordinator.hosts.hosts import Hosts
from coordinator.hosts.slots import ReportedSlots
from coordinator.hosts.spreading import HostGoals, Spreading
from coordinator.hosts.worker_words import WorkerWords
from coordinator.operations.runner import OperationRunner
from coordinator.operations.scaling import Scaling
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan
from coordinator.state.lease import LOOK_S, RENEW_S, HeldLease, LeaseRow, LeaseWatch
from coordinator.workers.adoption import Adoption
from coordinator.workers.fleet import Fleet
from coordinator.workers.message_router import MessageRouter
from coordinator.workers.reconciler import Reconciler
from coordinator.workers.supervisor import Supervisor
from tests.coordinator.hosts.played_hosts import Folder, PlayedAgent, PlayedWorker

LEASE_S: Final = 10.0
NAMES: Final = "a", "b", "c"


class PlayedDiscord:
    """Counts sessions, and who may hold each."""

    def __init__(self) -> None:
        self.identifies: Counter[int] = Counter()
        self.workers: list[PlayedWorker] = []
        self.twice: list[str] = []
        """What was held by two workers at a time."""

    def holds(self, worker: PlayedWorker, shard: int) -> None:
        """Take note that a worker has connected a shard, or may hold it longer."""
        self.workers = [one for one in self.workers if not one.ended.is_set()]
        if worker not in self.workers:
            self.workers.append(worker)
        for other in self.workers:
            if other is not worker and shard in other.connected and other.may_hold():
                now = asyncio.get_running_loop().time()
                self.twice.append(
                    f"{now:.2f}: shard {shard} with {worker.slot}/{worker.pid} and "
                    f"{other.slot}/{other.pid}"
                )

    def renewed(self, worker: PlayedWorker) -> None:
        for shard in worker.connected:
            self.holds(worker, shard)

    def owners(self, shard: int) -> list[PlayedWorker]:
        return [one for one in self.workers if shard in one.connected and one.may_hold()]


class PlayedStore:
    """The plan and the lease, as a database keeps them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.where: dict[int, str] = {}
        self.draining: set[str] = set()
        self.holder = 0
        self.beat = 0

    @property
    def row(self) -> LeaseRow:
        return LeaseRow(str(self.holder), self.beat, "h", self.holder, f"seat {self.holder}", "p")


class PlayedCoordinator:
    """A coordinator that has the store: its parts that have to do with hosts are the real ones."""

    def __init__(self, cluster: PlayedCluster, seat: int) -> None:
        self.seat = seat
        self.dead = False
        self.frozen_until = self.blind_until = self.unsaved_until = 0.0
        """By the loop: until when it is stopped, does not reach the store, or can't write to it."""
        self._cluster, self._store = cluster, cluster.store
        self._loop = asyncio.get_running_loop()
        clock = self._loop.time
        self._inbox: list[tuple[bytes, wire.FromHost]] = []
        self._store.holder, self._store.beat = cluster.next_holder(), self._store.beat + 1
        self.holder = self._store.holder
        self._lease = HeldLease(clock())
        record = HappeningRecord(clock, clock)
        store = self._store
        self.assignments = Assignments(store.plan, where=store.where)
        self.assignments.draining = set(store.draining)
        fleet = Fleet.start_with(
            self.assignments, lambda slot, message: self.hosts.send(slot, message), clock
        )
        self.fleet = fleet
        self.hosts = Hosts(
            self.assignments, self, send=self._send, adopting=self._adopting, save=self._may_save,
            record=record, changes=fleet.changes, clock=clock,
            first_number=cluster.random.randrange(1 << 60),
        )  # fmt: skip
        self.checkpoints = cluster.checkpoints  # they are on its disk, as the store is
        identifies: Any = SimpleNamespace(
            handle=lambda *_: None, report=lambda *_: None, gone=lambda *_: None,
            withdraw=lambda *_: None,
        )  # fmt: skip
        commands: Any = SimpleNamespace(gone=lambda slot: None)
        self.reconciler = Reconciler(self.assignments, send=fleet.send, shard_plan=self._shard_plan)
        router = MessageRouter(
            fleet, identifies, lambda *_: None, self.reconciler, commands, record, clock=clock
        )
        self._words = WorkerWords(
            self.hosts, self.checkpoints, self.assignments, router.handle, clock=clock,
            may_renew=lambda: self._lease.holds(clock()),
        )  # fmt: skip
        self.supervisor = Supervisor(
            self.hosts, fleet.slots, make_spec=self._spec, on_start=router.starting,
            on_adopt=router.adopted, on_gone=router.gone, record=record, clock=clock,
            random=cluster.random.random,
        )  # fmt: skip
        context: Any = SimpleNamespace(
            spec=SimpleNamespace(workers="auto"), store=SimpleNamespace(plan=lambda: None)
        )
        goals = HostGoals(context, self.hosts, self.assignments)
        keeper: Any = SimpleNamespace(save=self._save)
        scaling = Scaling(
            fleet, self.supervisor, identifies, self.reconciler, keeper, goal=goals.goal
        )
        self.operations = OperationRunner(clock, record)
        self.spreading = Spreading(self.hosts, goals, scaling, self.operations, clock)
        self._tasks = [
            asyncio.create_task(work)
            for work in (self._keep_lease(), self._keep_looking(), self.hosts.run(), self._begin())
        ]

    # -- what hosts are told, and held to -------------------------------------------------------

    lease_s = LEASE_S
    labels: Mapping[str, str] = {}

    def welcome(self, name: str) -> wire.HostWelcome:
        return wire.HostWelcome(name=name, cluster="c", events=[], replay="")

    def ca_pem(self) -> str:
        return ""

    # -- its life -------------------------------------------------------------------------------

    def die(self) -> None:
        self.dead = True
        for task in [*self._tasks, *self.supervisor._tasks.values()]:
            task.cancel()
        if self.operations._task is not None:
            self.operations._task.cancel()

    async def _begin(self) -> None:
        while not await self.fleet.changes.until(lambda: self.hosts.gathered(1), 5):
            pass
        if not self._may_save():  # it ends with this error, and its service manager starts it anew
            self.die()
            self._cluster.later(2, self._cluster.begin, self.seat)
            return
        self.supervisor.start(self.assignments.plan.slots)
        self.operations.waits_for = ""
        await self.spreading.run()

    async def _keep_looking(self) -> None:
        while True:
            self.fleet.slots.tick()
            await asyncio.sleep(1)

    @property
    def _sees_store(self) -> bool:
        return self._loop.time() >= max(self.blind_until, self.frozen_until)

    async def _keep_lease(self) -> None:
        while True:
            if self._sees_store:
                if self._store.holder != self.holder:
                    self._lease.lose()
                    self._loop.call_soon(self.die)
                    return
                self._store.beat += 1
                self._lease.renewed(self._loop.time())
            await asyncio.sleep(RENEW_S)

    def _save(self, *, scaled: bool = False) -> None:
        if not self._may_save():
            raise ClusterError("the plan can't be written", "see to the store")

    def _may_save(self) -> bool:
        store, now = self._store, self._loop.time()
        if not self._sees_store or store.holder != self.holder or now < self.unsaved_until:
            return False
        store.plan, store.where = self.assignments.plan, dict(self.assignments.where)
        store.draining = set(self.assignments.draining)
        return True

    # -- what it says and hears -----------------------------------------------------------------

    def take(self, host_id: bytes, message: wire.FromHost) -> None:
        if self.dead:
            return
        self._inbox.append((host_id, message))
        if self._loop.time() < self.frozen_until:
            if len(self._inbox) == 1:
                self._loop.call_at(self.frozen_until, self._hear)
        else:
            self._hear()

    def _hear(self) -> None:
        inbox, self._inbox = self._inbox, []
        for host_id, message in inbox:
            if not self.dead:
                self._words.take(host_id, message)

    def _send(self, host_id: bytes, message: wire.ToHost) -> bool:
        if not self.dead:
            delay = max(0.0, self.frozen_until - self._loop.time())
            self._loop.call_later(delay, self._cluster.to_agent, self.seat, host_id, message)
        return True

    def _adopting(self, host: Host) -> Adoption:
        def send(slot: int, message: link.ToWorker) -> bool:
            return host.tell(wire.TellWorker(slot=slot, data=link.encode(message)))

        return Adoption(
            ReportedSlots(host), fits=self._fits, planned=self.assignments.is_planned, send=send
        )

    def _fits(self, slot: int, hello: link.Hello) -> bool:
        own = set(self.assignments.shards(slot))
        return bool(own) and {report.shard_id for report in hello.shards} == own

    def _shard_plan(self, count: int, shard: int) -> link.ShardPlan:
        state: ShardState | None = self.checkpoints.state(count, shard)
        return link.ShardPlan(shard_id=shard, shard_count=count, state=state)

    def _spec(self, slot: int) -> WorkerSpec:
        count = self.assignments.shard_count(slot)
        return WorkerSpec(
            slot=slot, shard_count=count, cluster="0" * 16, boot_id="", token="t",
            shards=[self._shard_plan(count, shard) for shard in self.assignments.shards(slot)],
            gateway_url="wss://localhost", journal_dir="/n", link_endpoint="l", hub_endpoint="h",
            lease_s=LEASE_S,
        )  # fmt: skip


class PlayedCluster:
    """All of it. Coordinators have two seats, of which one is taken at a time, as far as each
    knows."""

    def __init__(self, seed: int, shards: int = 6) -> None:
        self.random = Random(seed)
        self.shards = shards
        self.discord = PlayedDiscord()
        self.checkpoints = Checkpoints()
        half = shards // 2
        self.store = PlayedStore(
            Plan(shards, {0: tuple(range(half)), 1: tuple(range(half, shards))})
        )
        self.tasks: set[asyncio.Task[None]] = set()
        self._holders = 0
        self._boots = 0
        self._loop = asyncio.get_running_loop()
        self.coordinators: list[PlayedCoordinator | None] = [None, None]
        self.agents: dict[str, PlayedAgent] = {}
        self._everybody: dict[bytes, PlayedAgent] = {}
        for name in NAMES:
            self.boot(name)
        self.begin(0)
        self.run(self._stand_by())

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def later(self, seconds: float, do: Callable[..., object], *args: object) -> None:
        self._loop.call_later(seconds, do, *args)

    def next_holder(self) -> int:
        self._holders += 1
        return self._holders

    # -- hosts ----------------------------------------------------------------------------------

    def boot(self, name: str) -> None:
        """A new machine begins, with this name's key."""
        self._boots += 1
        self.begin_agent(name, Folder(f"boot {self._boots}"))

    def begin_agent(self, name: str, folder: Folder) -> None:
        """An agent begins on a folder, unless one has it."""
        if folder.agent is None:
            agent = PlayedAgent(self, name, folder, self.random)
            self.agents[name] = self._everybody[agent.id] = agent

    def to_coordinator(self, seat: int, agent: PlayedAgent, message: wire.FromHost) -> None:
        coordinator = self.coordinators[seat]
        if coordinator is not None and not agent.dead:
            coordinator.take(agent.id, message)

    def to_agent(self, seat: int, host_id: bytes, message: wire.ToHost) -> None:
        agent = self._everybody[host_id]
        if not agent.dead:
            agent.downs[seat].send(message)

    # -- coordinators ---------------------------------------------------------------------------

    def begin(self, seat: int) -> None:
        """A coordinator takes the store."""
        former = self.coordinators[seat]
        if former is None or former.dead:
            self.coordinators[seat] = PlayedCoordinator(self, seat)

    @property
    def active(self) -> PlayedCoordinator | None:
        """The coordinator that has the store; None: it is dead."""
        for one in self.coordinators:
            if one is not None and not one.dead and one.holder == self.store.holder:
                return one
        return None

    async def _stand_by(self) -> None:
        """Take the store where its lease runs out: at the other seat."""
        watch = LeaseWatch("mine")
        while True:
            await asyncio.sleep(LOOK_S)
            if watch.is_free(self.store.row, self._loop.time()):
                seats = [n for n, one in enumerate(self.coordinators) if one is None or one.dead]
                if seats:
                    self.begin(seats[0])
                    watch = LeaseWatch("mine")

    # -- how it stands --------------------------------------------------------------------------

    def is_whole(self) -> bool:
        """Whether each shard is with the worker that it is assigned to."""
        active = self.active
        return active is not None and all(
            [one.slot for one in self.discord.owners(shard)] == [slot]
            for shard, slot in active.assignments.plan.slot_of.items()
        )
