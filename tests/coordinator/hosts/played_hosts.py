"""Hosts of a played cluster: agents and workers as far as they speak with a coordinator, on a loop
whose time is played. What an agent knows of its slots and of coordinators is the real code, and so
is a worker's lease."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from cluster.config.worker_spec import WorkerSpec, decode_spec
from cluster.hosts.leases import MARGIN_S, WorkerLease
from cluster.wire import hosts as wire
from cluster.wire import link
from cluster.wire.shard_state import ShardState
from cluster.wire.states import SessionState
from host_agent.joining import Joining, Phase
from host_agent.slots import HostSlots

if TYPE_CHECKING:
    from tests.coordinator.hosts.played_cluster import PlayedCluster

WAY_S: Final = 0.01
CLOSE_S: Final = 0.9 * MARGIN_S
"""How long a worker takes to close its sessions when its lease has run out."""
PACES: Final = 0.9955, 1.0, 1.0045
"""How fast clocks run: within cluster.hosts.leases.DRIFT of each other."""


class Way:
    """One direction of a connection: in order, late, or cut."""

    def __init__(self, deliver: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._deliver = deliver
        self._last_at = 0.0
        self.open_at = 0.0
        """What is sent before waits so long."""
        self.cut_until = 0.0
        """What is sent before is lost."""

    def send(self, message: Any) -> None:
        now = self._loop.time()
        if now >= self.cut_until:
            self._last_at = max(now + WAY_S, self.open_at, self._last_at + 1e-6)
            self._loop.call_at(self._last_at, self._deliver, message)


class Inbox:
    """Takes what comes, once its process is not frozen."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._waiting: deque[Any] = deque()
        self.frozen_until = 0.0

    @property
    def frozen(self) -> bool:
        return self._loop.time() < self.frozen_until

    def freeze(self, seconds: float) -> None:
        self.frozen_until = max(self.frozen_until, self._loop.time() + seconds)
        self._loop.call_at(self.frozen_until, self._look)

    def put(self, message: Any) -> None:
        self._waiting.append(message)
        self._look()

    def _look(self) -> None:
        while self._waiting and not self.frozen:
            self._take(self._waiting.popleft())


class Folder:
    """A state folder: its journals, the locks on them, and the agent that has it."""

    def __init__(self, boot_id: str) -> None:
        self.boot_id = boot_id
        self.agent: PlayedAgent | None = None
        self.journals: dict[int, dict[int, ShardState]] = {}
        self.workers: dict[int, PlayedWorker] = {}
        """Slot -> the worker that has its lock."""

    def newest(self, shard_id: int) -> ShardState | None:
        states = [journal[shard_id] for journal in self.journals.values() if shard_id in journal]
        return max(states, key=lambda state: (state.epoch, state.seq), default=None)


class PlayedWorker:
    """A worker process: it holds the sessions of its shards while its lease runs."""

    pids = itertools.count(100)

    def __init__(
        self, cluster: PlayedCluster, folder: Folder, spec: WorkerSpec, pace: float
    ) -> None:
        self.pid = next(self.pids)
        self.slot = spec.slot
        self.code: int | None = None
        self.has: dict[int, ShardState] = {}
        self.connected: set[int] = set()
        self.ended = asyncio.Event()
        self.inbox = Inbox(self._take)
        self._cluster, self._folder, self._pace = cluster, folder, pace
        self._loop = asyncio.get_running_loop()
        self.lease = WorkerLease(spec.lease_s, self.now(), first=cluster.random.randrange(1 << 40))
        self._begun = self._closing = False
        self._heard_at = self._loop.time()
        if spec.slot in folder.workers:
            self.end(3)
            return
        folder.workers[spec.slot] = self
        folder.journals.setdefault(spec.slot, {})
        for plan in spec.shards:
            self._add(plan)
        self._loop.call_soon(self._tick)
        self._greet()

    def now(self) -> float:
        return self._loop.time() * self._pace

    def may_hold(self) -> bool:
        """Whether it may hold sessions at this moment, those included that it is closing."""
        if self.ended.is_set() or not self._begun:
            return False
        return self.lease.holds(self.now() - CLOSE_S)

    def end(self, code: int) -> None:
        """The process is gone."""
        if not self.ended.is_set():
            self.code = code
            self.connected.clear()
            if self._folder.workers.get(self.slot) is self:
                del self._folder.workers[self.slot]
            self.ended.set()

    def stop(self) -> None:
        """Close the sessions, and end."""
        if not self._closing:
            self._closing = True
            self._loop.call_later(0.1, self.end, 0)

    # -- what it does by itself -----------------------------------------------------------------

    def _tick(self) -> None:
        if self.ended.is_set():
            return
        if not self.inbox.frozen:
            self._look()
            if self._loop.time() - self._heard_at > 3:
                self._greet()
            self.report()
        self._loop.call_later(1, self._tick)

    def _look(self) -> bool:
        """Return whether it goes on; end where the lease has run out."""
        if self.lease.is_over(self.now()) and not self._closing:
            self._closing = True
            self._loop.call_later(CLOSE_S, self.end, 4)
        return not self._closing

    def _add(self, plan: link.ShardPlan) -> None:
        known = [self._folder.newest(plan.shard_id), plan.state]
        found = [state for state in known if state is not None]
        state = max(found, key=lambda one: (one.epoch, one.seq), default=None)
        self.has[plan.shard_id] = state or ShardState(
            shard_id=plan.shard_id, shard_count=plan.shard_count
        )
        if self._begun:
            self._connect(plan.shard_id)

    def _connect(self, shard_id: int) -> None:
        """Resume the session of a shard, or begin one."""
        if not (self._look() and self.lease.holds(self.now())):
            return
        state = self.has[shard_id]
        if state.epoch == 0:
            self._cluster.discord.identifies[shard_id] += 1
            state = ShardState(
                shard_id=shard_id, shard_count=state.shard_count, epoch=1, session_id="s"
            )
        self.has[shard_id] = self._folder.journals[self.slot][shard_id] = state
        self.connected.add(shard_id)
        self._cluster.discord.holds(self, shard_id)

    # -- what it says ---------------------------------------------------------------------------

    def _say(self, message: link.FromWorker) -> None:
        agent = self._folder.agent
        if agent is not None:
            agent.inbox.put(("worker", self.slot, link.encode(message)))

    def _reports(self) -> list[link.ShardReport]:
        return [
            link.ShardReport(
                shard_id=shard, epoch=state.epoch, seq=state.seq, events=0,
                state=SessionState.READY if shard in self.connected else SessionState.DOWN,
            )
            for shard, state in self.has.items()
        ]  # fmt: skip

    def _greet(self) -> None:
        self._say(
            link.Hello(
                version=link.LINK_VERSION, slot=self.slot, pid=self.pid, started_at=0,
                package_version="9.9", shard_count=self._cluster.shards, shards=self._reports(),
            )
        )  # fmt: skip

    def report(self) -> None:
        states = [state for state in self.has.values() if state.epoch]
        self._say(link.Checkpoint(slot=self.slot, states=states))
        self._say(
            link.Report(
                slot=self.slot, number=self.lease.report(self.now()), has=list(self.has),
                shards=self._reports(), cpu_seconds=0, rss_bytes=0, events=0, journal_bytes=0,
                journal_seconds=None, journalling=True, unpublished=0,
            )
        )  # fmt: skip

    # -- what it is told ------------------------------------------------------------------------

    def _take(self, data: bytes) -> None:
        if self.ended.is_set():
            return
        message = link.decode_to_worker(data)
        if not isinstance(message, link.Lease):
            self._heard_at = self._loop.time()
        goes_on = self._look()
        match message:
            case link.Stop():
                self.stop()
            case _ if not goes_on:
                pass
            case link.Lease(number=number):
                self.lease.answered(number)
                if self.lease.holds(self.now()):
                    self._cluster.discord.renewed(self)
                    if not self._begun:
                        self._begun = True
                        for shard in self.has:
                            self._connect(shard)
                        self.report()
            case link.Release(shard_id=shard):
                if self.has.pop(shard, None):
                    self.connected.discard(shard)
                    self.report()
            case link.Take(shard=plan) if plan.shard_id not in self.has:
                self._add(plan)
                self.report()


class PlayedAgent:
    """An agent: its slots and its way to coordinators are the real ones."""

    def __init__(self, cluster: PlayedCluster, name: str, folder: Folder, random: Random) -> None:
        self.name = name
        self.folder = folder
        self.dead = False
        self.inbox = Inbox(self._take)
        self._cluster = cluster
        self._pace = random.choice(PACES)
        self._loop = asyncio.get_running_loop()
        self.id = wire.host_id(name, f"{random.randrange(1 << 64):016x}")
        self.slots = HostSlots()
        self._joining = Joining(self._loop.time())
        self.ups = [Way(partial(cluster.to_coordinator, seat, self)) for seat in range(2)]
        self.downs = [Way(partial(self._hear, seat)) for seat in range(2)]
        folder.agent = self
        for slot, worker in folder.workers.items():
            self._follow(slot, worker)
        self._loop.call_soon(self._tick)
        self._loop.call_soon(self._keep_joined)

    def _hear(self, seat: int, message: wire.ToHost) -> None:
        self.inbox.put(("coordinator", seat, message))

    def die(self) -> None:
        """It is killed; its workers are not."""
        self.dead = True
        if self.folder.agent is self:
            self.folder.agent = None

    def _tick(self) -> None:
        if not self.dead:
            self._report()
            self._loop.call_later(wire.REPORT_S, self._tick)

    def _keep_joined(self) -> None:
        if self.dead:
            return
        if not self.inbox.frozen and self._joining.is_hello_due(self._loop.time()):
            hello = wire.HostHello(
                version=wire.HOST_VERSION, package_version="9.9", boot_id=self.folder.boot_id,
                workers=1,
            )  # fmt: skip
            for up in self.ups:
                up.send(hello)
        self._loop.call_later(0.25, self._keep_joined)

    def _report(self) -> None:
        if not self.inbox.frozen:
            self._send(
                wire.HostReport(
                    held=list(self.slots.held.values()),
                    ended=self.slots.lately_ended(self._loop.time()),
                    journals=list(self.folder.journals),
                )
            )

    def _send(self, message: wire.FromHost) -> None:
        if self._joining.phase is Phase.JOINED and self._joining.coordinator is not None:
            self.ups[self._joining.coordinator].send(message)

    def _take(self, what: tuple[str, int, Any]) -> None:
        if self.dead:
            return
        source, number, message = what
        now = self._loop.time()
        if source == "worker":
            if self.slots.is_free(number) and (worker := self.folder.workers.get(number)):
                self._follow(number, worker)
            self._send(wire.WorkerSaid(slot=number, data=message))
        elif isinstance(message, wire.HostWelcome):
            if self._joining.welcome(number, now):
                self._report()
        elif isinstance(message, wire.HostRefusal):
            self._joining.refused(number, message, now)
        elif self._joining.heard(number, now):
            self._do(message)

    def _do(self, message: wire.ToHost) -> None:
        match message:
            case wire.StartWorker():
                if self.slots.begin(message.slot, message.number, self._loop.time()):
                    self._loop.call_later(0.2, self._start, message)
                else:
                    self._report()
            case wire.SignalWorker():
                worker = self.folder.workers.get(message.slot)
                if worker is None or worker.pid != message.pid:
                    return
                if message.kill:
                    worker.end(-9)
                elif not worker.inbox.frozen:
                    worker.stop()
            case wire.TellWorker():
                if worker := self.folder.workers.get(message.slot):
                    worker.inbox.put(message.data)

    def _start(self, message: wire.StartWorker) -> None:
        worker = PlayedWorker(self._cluster, self.folder, decode_spec(message.spec), self._pace)
        if self.dead:  # it was killed in the midst of this
            return
        self.slots.started(message.slot, worker.pid)
        self._see_end(message.slot, worker)

    def _follow(self, slot: int, worker: PlayedWorker) -> None:
        self.slots.found(slot, worker.pid)
        self._see_end(slot, worker)

    def _see_end(self, slot: int, worker: PlayedWorker) -> None:
        async def see() -> None:
            await worker.ended.wait()
            self.slots.ended(slot, worker.code, "", self._loop.time())
            if not self.dead:
                self._report()

        self._report()
        self._cluster.run(see())
