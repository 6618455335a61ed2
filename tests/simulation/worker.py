"""A worker process, as far as its coordinator and Discord see it. Its lease is the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

import cluster
from cluster.config.worker_spec import WorkerSpec
from cluster.hosts.leases import WorkerLease
from cluster.wire import link
from cluster.wire.shard_state import ShardState
from cluster.wire.states import SessionState
from tests.simulation.discord import Gateway
from tests.simulation.network import Network

EVENTS_PER_S: Final = 5.0
"""Events of each shard that is ready."""
CONNECT_S: Final = (0.1, 0.3)
"""From the begin of a connection to HELLO."""
ANSWER_S: Final = (0.05, 0.4)
"""From IDENTIFY or RESUME to READY or RESUMED."""
PACE_S: Final = 1 / 250
"""Between two connections of a process (shard_worker.protocol.connect_queue)."""
PAUSE_S: Final = 0.1
"""Least seconds between two reports (shard_worker.worker_report)."""
ORPHANED: Final = 4


class _Shard:
    """A shard, as its worker knows it."""

    def __init__(self, state: ShardState) -> None:
        self.state = state
        self.session = SessionState.CONNECTING
        self.ready_at = 0.0
        self.seq_then = state.seq
        self.told: SessionState | None = None


class PlayedWorker:
    """One process. It begins to exist when it is made."""

    def __init__(
        self,
        spec: WorkerSpec,
        pid: int,
        gateway: Gateway,
        network: Network,
        random: Random,
        journal: dict[int, ShardState],
        say: Callable[[int, bytes], None],
        ended: Callable[[PlayedWorker, int | None], None],
        report_s: float,
    ) -> None:
        """journal: the states of shards as this host's disk has them. say: passes a message on to
        the coordinator. ended: called with the exit code."""
        self.slot, self.pid = spec.slot, pid
        self._spec = spec
        self._gateway = gateway
        self._network = network
        self._random = random
        self._journal = journal
        self._say = say
        self._ended = ended
        self._report_s = report_s
        self._loop = asyncio.get_running_loop()
        self.heard_at = self._loop.time()
        """When it was told something last, a lease apart (shard_worker.coordinator_link)."""
        self._lease = WorkerLease(spec.lease_s, self._loop.time())
        self._shards: dict[int, _Shard] = {}
        self._unknown: set[int] = set()
        """Shards whose states are told with the next report."""
        self._connect_at = 0.0
        self._reported_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._begun = self._dead = False
        for plan in spec.shards:
            self._add(plan)

    def begin(self) -> None:
        """Say hello: the agent has reported the process by now."""
        self.greet()
        self._changed()
        self._loop.call_later(self._random.random() * self._report_s, self._tick)
        self._watch()

    # -- what it is told ------------------------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Take a message of the coordinator."""
        if self._dead:
            return
        message = link.decode_to_worker(data)
        if not isinstance(message, link.Lease | link.Kept):
            self.heard_at = self._loop.time()
        match message:
            case link.Welcome():
                for shard_id, shard in self._shards.items():
                    shard.told = None
                    if shard.session is SessionState.AWAITING_GRANT:
                        self._tell(link.IdentifyRequest(shard_id=shard_id))
                self._unknown.update(self._shards)
                self._changed()
            case link.Kept(pid=pid, reports=reports) if pid == self.pid:
                self._unknown.update(shard for report in reports for shard in report.unknown)
            case link.Lease(number=number):
                self._lease.answered(number)
                if not self._begun and self._lease.holds(self._loop.time()):
                    self._begun = True
                    for shard_id in self._shards:
                        self._connect(shard_id)
            case link.IdentifyGrant(shard_id=shard_id, grant_id=grant_id, epoch=epoch):
                self._identify(shard_id, grant_id, epoch)
            case link.Release(shard_id=shard_id):
                if shard_id in self._shards:
                    self._close([shard_id])
                    self._tell(link.Checkpoint(slot=self.slot, states=[self._journal[shard_id]]))
                    del self._shards[shard_id]
                    self._report()
            case link.Take(shard=plan):
                if plan.shard_id not in self._shards:
                    self._add(plan)
                    if self._begun:
                        self._connect(plan.shard_id)
                    self._report()
            case link.Stop():
                self.stop(0)
            case _:
                pass

    def stop(self, code: int) -> None:
        """End in order."""
        if self._dead:
            return
        self._close(list(self._shards))
        self._unknown.update(self._shards)
        self._report()
        self._tell(link.Stopped(slot=self.slot))
        self.end(code)

    def end(self, code: int | None) -> None:
        """End at once."""
        if self._dead:
            return
        self._dead = True
        self._close(list(self._shards))
        if self._timer is not None:
            self._timer.cancel()
        self._ended(self, code)

    # -- what it does ---------------------------------------------------------------------------

    def _add(self, plan: link.ShardPlan) -> None:
        known = [s for s in (self._journal.get(plan.shard_id), plan.state) if s is not None]
        state = max(known, key=lambda s: (s.epoch, s.seq), default=None)
        if state is None:
            state = ShardState(shard_id=plan.shard_id, shard_count=plan.shard_count)
            if session := self._gateway.session_before(plan.shard_id):
                state.session_id, state.epoch, state.seq = session, 1, 1
        self._shards[plan.shard_id] = _Shard(state)

    def _connect(self, shard_id: int) -> None:
        now = self._loop.time()
        self._connect_at = max(now, self._connect_at + PACE_S)
        at = self._connect_at + self._random.uniform(*CONNECT_S)
        self._loop.call_at(at, self._hello_came, shard_id, self._shards[shard_id])

    def _hello_came(self, shard_id: int, shard: _Shard) -> None:
        with self._network.playing():
            if not self._may_go_on(shard_id, shard):
                return
            if shard.state.session_id:
                shard.session = SessionState.RESUMING
                wait = self._random.uniform(*ANSWER_S)
                self._loop.call_later(wait, self._resumed, shard_id, shard)
            else:
                self._ask(shard_id, shard)

    def _resumed(self, shard_id: int, shard: _Shard) -> None:
        with self._network.playing():
            if not self._may_go_on(shard_id, shard):
                return
            if self._gateway.resume(shard.state.session_id, self):
                self._ready(shard)
            else:
                shard.state.session_id = ""
                self._ask(shard_id, shard)

    def _ask(self, shard_id: int, shard: _Shard) -> None:
        shard.session = SessionState.AWAITING_GRANT
        self._tell(link.IdentifyRequest(shard_id=shard_id))
        self._changed()

    def _identify(self, shard_id: int, grant_id: int, epoch: int) -> None:
        shard = self._shards.get(shard_id)
        waits = shard is not None and shard.session is SessionState.AWAITING_GRANT
        if shard is None or not waits or not self._may_go_on(shard_id, shard):
            self._tell(link.IdentifyUnused(shard_id=shard_id, grant_id=grant_id))
            return
        shard.session = SessionState.IDENTIFYING
        self._tell(link.IdentifySent(shard_id=shard_id, grant_id=grant_id))
        shard.state = ShardState(
            shard_id=shard_id,
            shard_count=self._spec.shard_count,
            epoch=epoch,
            seq=0,
            session_id=self._gateway.identify(shard_id, self),
            resume_url="wss://gateway-us-east1-b.discord.gg",
        )
        self._unknown.add(shard_id)
        self._loop.call_later(self._random.uniform(*ANSWER_S), self._identified, shard)
        self._changed()

    def _identified(self, shard: _Shard) -> None:
        with self._network.playing():
            if self._may_go_on(shard.state.shard_id, shard):
                self._ready(shard)

    def _ready(self, shard: _Shard) -> None:
        shard.session, shard.ready_at = SessionState.READY, self._loop.time()
        shard.seq_then = shard.state.seq
        self._changed()

    def _may_go_on(self, shard_id: int, shard: _Shard) -> bool:
        """Whether a shard is still this worker's, which may hold sessions."""
        if self._dead or self._shards.get(shard_id) is not shard:
            return False
        return self._lease.holds(self._loop.time())

    def _close(self, shard_ids: list[int]) -> None:
        """Close connections resumably, and journal where they were."""
        self._gateway.close(shard_ids, self)
        for shard_id in shard_ids:
            shard = self._shards[shard_id]
            shard.state.seq = self._seq(shard)
            shard.session = SessionState.CLOSED
            self._journal[shard_id] = shard.state

    def _seq(self, shard: _Shard) -> int:
        if shard.session is SessionState.READY:
            passed = self._loop.time() - shard.ready_at
            return shard.seq_then + 1 + int(passed * EVENTS_PER_S)
        return shard.state.seq

    # -- what it tells --------------------------------------------------------------------------

    def _tick(self) -> None:
        if self._dead:
            return
        with self._network.playing():
            self._report()
            self._loop.call_later(self._report_s, self._tick)

    def _watch(self) -> None:
        """End when the lease is over."""
        now = self._loop.time()
        if self._dead:
            return
        if self._lease.is_over(now):
            self.stop(ORPHANED)
        else:
            self._loop.call_later(self._lease.left_s(now) or self._spec.lease_s, self._watch)

    def greet(self) -> None:
        """Say hello anew: nothing was heard for a while."""
        self._tell(self._hello())

    def _changed(self) -> None:
        if self._timer is None and not self._dead:
            self._timer = self._loop.call_at(self._reported_at + PAUSE_S, self._report_soon)

    def _report_soon(self) -> None:
        with self._network.playing():
            self._report()

    def _report(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._dead:
            return
        self._reported_at = now = self._loop.time()
        shards, counts = [], []
        for shard_id, shard in self._shards.items():
            if shard.told is not shard.session:
                shard.told = shard.session
                shards.append(self._row(shard_id, shard))
            elif shard.session is SessionState.READY:
                seq = self._seq(shard)
                counts.append(link.ShardCounts(shard_id, seq, seq, 0.1))
        states = [
            self._shards[shard_id].state
            for shard_id in sorted(self._unknown & self._shards.keys())
            if self._shards[shard_id].state.epoch
        ]
        self._unknown.clear()
        if states:
            self._tell(link.Checkpoint(slot=self.slot, states=states))
        has = list(self._shards)
        self._tell(
            link.Report(
                slot=self.slot, number=self._lease.report(now), has=has, shards=shards,
                counts=counts, cpu_seconds=now / 10, rss_bytes=1 << 27,
                events=int(now * len(has)), journal_bytes=1 << 28, journal_seconds=600.0,
                journalling=True, unpublished=0,
            )
        )  # fmt: skip

    def _row(self, shard_id: int, shard: _Shard) -> link.ShardReport:
        seq = self._seq(shard)
        return link.ShardReport(
            shard_id=shard_id, state=shard.session, epoch=shard.state.epoch, seq=seq,
            events=max(0, seq), silent_s=0.1, session_age_s=60.0, heartbeat_ms=40.0, guilds=1000,
        )  # fmt: skip

    def _hello(self) -> link.Hello:
        return link.Hello(
            version=link.LINK_VERSION, slot=self.slot, pid=self.pid, started_at=0.0,
            package_version=cluster.__version__, shard_count=self._spec.shard_count,
            shards=[self._row(shard_id, shard) for shard_id, shard in self._shards.items()],
        )  # fmt: skip

    def _tell(self, message: link.FromWorker) -> None:
        self._say(self.slot, link.encode(message))
