"""All hosts of a cluster: who has joined, and where each slot's worker runs.

It is the place in which the supervisor's workers run (coordinator.engines.Site): a slot's worker is
started on the host that it is placed on, or taken over there; where that host is away it is waited
for until it is heard of again, or given up and the slot placed elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, Protocol

import cluster
from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.hosts.leases import HostLease
from cluster.wire import hosts as wire
from cluster.wire import link
from cluster.wire.happenings import HappeningKind
from cluster.wire.hosts import HOST_VERSION, HostHello, HostRefusal, HostReport, ToHost
from cluster.wire.states import HostState
from coordinator.changes import Changes
from coordinator.engines import WorkerProcess
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.host import Host
from coordinator.hosts.retired import RetiredJournals
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.placement import HostRoom, room_for

log = logging.getLogger(__name__)

TAKEN_S: Final = 3.0
"""An agent that was heard of within so many seconds keeps another of its name out."""
TICK_S: Final = 1.0
LOOK_S: Final = 60.0
"""What is waited for is looked at so often even if nothing says that it changed."""


class Adopting(Protocol):
    """Takes over the workers that live on a host from before (coordinator.workers.adoption)."""

    def hello(self, slot: int, hello: link.Hello) -> None: ...
    async def find(self, slot: int) -> WorkerProcess | None: ...
    async def survey(self) -> None: ...
    def lingering(self) -> set[int]: ...
    async def end(self, stop: link.Stop, seconds: float) -> None: ...


class HostTerms(Protocol):
    """What hosts are told, and held to."""

    @property
    def lease_s(self) -> float: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    def welcome(self, name: str) -> wire.HostWelcome: ...
    def ca_pem(self) -> str: ...


class Hosts:
    """The hosts by name. Times are monotonic seconds."""

    def __init__(
        self,
        assignments: Assignments,
        terms: HostTerms,
        *,
        send: Callable[[bytes, ToHost], bool],
        adopting: Callable[[Host], Adopting],
        save: Callable[[], bool],
        record: HappeningRecord,
        changes: Changes,
        clock: Callable[[], float],
        first_number: int,
    ) -> None:
        """send: sends a message to the agent of a host id. adopting: makes what takes over the
        workers of a host. save: writes down where slots are placed; False: that can't be done now.
        first_number: of the first
        StartWorker; another than those of a coordinator before this one, which agents remember."""
        self._assignments = assignments
        self._terms = terms
        self._send = send
        self._make_adopting = adopting
        self._save = save
        self._record = record
        self._changes = changes
        self._clock = clock
        self._number = first_number
        self._retired = RetiredJournals(lambda: assignments.where, clock)
        self._adopting: dict[str, Adopting] = {}
        self._lingering: dict[tuple[str, int], float] = {}
        """Host and slot of a worker that is to go, and has not yet -> when its lease has surely run
        out, if it is not renewed."""
        self.by_name: dict[str, Host] = {}
        for name in sorted(set(assignments.where.values())):
            self._add(name)
        self._awaited = frozenset(self.by_name)
        """Hosts of the stored plan: nothing new is started before each is here or given up, since
        its workers may have any shard."""
        for slot, name in assignments.where.items():
            self.by_name[name].expect(slot)

    # -- the site of the workers ----------------------------------------------------------------

    async def find(self, slot: int) -> WorkerProcess | None:
        """Return the process that goes on in a slot; None: there is none. Waits for a host."""
        host = await self._host_for(slot)
        return await self._adopting[host.name].find(slot)

    async def start(self, slot: int, spec: WorkerSpec) -> WorkerProcess:
        """Start the worker of a slot on its host. OSError: it can't be."""
        await self._until(lambda: self.settled)
        here = [self._adopting[host.name] for host in self.by_name.values() if _is_known(host)]
        await asyncio.gather(*(adopting.survey() for adopting in here))
        await self._until(lambda: not self._lingers())
        host = await self._host_for(slot)
        return await host.start(slot, encode_spec(spec), self._terms.ca_pem())

    async def end(self, stop: link.Stop, seconds: float) -> None:
        """End the workers that were not taken over yet, on all hosts that are here."""
        here = [self._adopting[host.name] for host in self.by_name.values() if host.here]
        await asyncio.gather(*(adopting.end(stop, seconds) for adopting in here))

    def send(self, slot: int, message: link.ToWorker) -> bool:
        """Send a message to the worker of a slot. False: there is none, or no way to it."""
        host = self.by_name.get(self._assignments.where.get(slot, ""))
        if host is None or slot not in host.processes:
            return False
        return host.tell(wire.TellWorker(slot=slot, data=link.encode(message)))

    # -- where slots run ------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether every host of the stored plan is here, or given up, and it is known of all
        processes what has become of them."""
        awaited = (self.by_name[name] for name in self._awaited)
        return all(_is_known(host) or host.state is HostState.GONE for host in awaited) and all(
            host.is_sure for host in self.by_name.values()
        )

    @property
    def rooms(self) -> dict[str, HostRoom]:
        """The hosts that take workers, and how many."""
        return {name: host.room for name, host in self.by_name.items() if self._takes_slots(host)}

    def gathered(self, expected: int) -> bool:
        """Whether workers can be started: all hosts of the stored plan are here or given up, and at
        least one is here; or, where there was no plan on hosts yet, so many have joined."""
        needed = 1 if self._awaited else expected
        return self.settled and self.joined >= needed

    @property
    def joined(self) -> int:
        """How many hosts are here, draining ones among them."""
        return sum(_is_known(host) for host in self.by_name.values())

    def _takes_slots(self, host: Host) -> bool:
        """Whether workers may be started on a host."""
        return host.takes_slots and _is_known(host) and not self.lacks(host)

    def lacks(self, host: Host) -> dict[str, str]:
        """Return the labels that a host must have to get workers, and has not."""
        labels = host.hello.labels if host.hello else {}
        return {k: v for k, v in self._terms.labels.items() if labels.get(k) != v}

    def _lingers(self) -> bool:
        """Whether somewhere a worker may hold sessions that is to go, but has not yet: of a host
        that is away since nobody knows whether it has."""
        now, before = self._clock(), self._lingering
        over_at = HostLease(self._terms.lease_s, now).ends_at
        self._lingering = {
            (host.name, slot): before.get((host.name, slot), over_at)
            for host in self.by_name.values()
            if host.state is not HostState.GONE
            for slot in self._adopting[host.name].lingering()
        }
        return any(
            now < until or not self.runs_elsewhere(self.by_name[name], slot)
            for (name, slot), until in self._lingering.items()
        )

    async def _host_for(self, slot: int) -> Host:
        """Return the host of a slot when it is there, another one if it was given up."""
        await self._until(lambda: self._place(slot) is not None)
        host = self._place(slot)
        assert host is not None
        return host

    def _place(self, slot: int) -> Host | None:
        """Return the host on which a slot's worker can live now, placing the slot if it has none;
        None: it has to wait."""
        where = self._assignments.where
        host = self.by_name.get(where.get(slot, ""))
        if host is not None and host.state is not HostState.GONE:
            if not _is_known(host):
                return None
            if slot in host.held or self._takes_slots(host):
                return host
        if not self.settled:
            return None
        loads, shards = Counter[str](), Counter[str]()
        for other in self._assignments.slots:
            if other != slot and (name := where.get(other)):
                loads[name] += 1
                shards[name] += len(self._assignments.shards(other))
        size = len(self._assignments.shards(slot))
        name = room_for(self.rooms, loads, shards, size)
        if name is None:
            return None
        before = where.get(slot)
        where[slot] = name
        if self._save():
            return self.by_name[name]
        # Nothing is started where the next coordinator would not look for it
        if before is None:
            del where[slot]
        else:
            where[slot] = before
        return None

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not await self._changes.until(condition, LOOK_S):
            log.debug("still waiting for a host")

    def drain(self, name: str, *, draining: bool) -> None:
        """Let a host get no more workers, or again."""
        self.by_name[name].draining = draining
        change = self._assignments.draining.add if draining else self._assignments.draining.discard
        change(name)
        self._changes.tell()

    # -- what agents say ------------------------------------------------------------------------

    def host_of(self, host_id: bytes) -> Host | None:
        """Return the host whose agent has this id and is let speak; None: it has not joined, or was
        given up since: it will say hello."""
        host = self.by_name.get(wire.name_of(host_id))
        if host is None or host.id != host_id or not host.welcome:
            return None
        return host

    def hello(self, host_id: bytes, hello: HostHello) -> None:
        """Let an agent join, or refuse it."""
        name = wire.name_of(host_id)
        if hello.version != HOST_VERSION:
            log.warning("host %s speaks version %d: refused", name, hello.version)
            self._send(host_id, _other_version(hello))
            return
        host = self.by_name.get(name) or self._add(name)
        heard_at = host.heard_at or float("-inf")
        if host.here and host.id != host_id and self._clock() - heard_at < TAKEN_S:
            address = host.hello.address if host.hello else ""
            cause = (
                f"a host named {name} has joined already{f', from {address}' if address else ''}"
            )
            action = "end the other one, or make this one a key of its own name"
            self._send(host_id, HostRefusal(cause=cause, action=action, final=False))
            return
        if host.state is HostState.GONE:  # what lived there was given up: look at it anew
            self._adopting[name] = self._make_adopting(host)
        host.join(host_id, hello)
        self._send(host_id, self._terms.welcome(name))

    def report(self, host: Host, report: HostReport) -> None:
        """Take note of how a host is."""
        before = host.state
        host.take_report(report)
        self._send(host.id, wire.HostHeard())
        if host.state is HostState.GONE:
            self._record.tell(HappeningKind.HOST_LEFT, host.name)
        elif before is not HostState.HERE:
            self._record.tell(HappeningKind.HOST_JOINED, host.name)
        self._changes.tell()

    def stranger(self, host: Host, slot: int, hello: link.Hello) -> None:
        """Take the greeting of a worker that is not followed here."""
        self._adopting[host.name].hello(slot, hello)

    def runs_elsewhere(self, host: Host, slot: int) -> bool:
        """Whether a slot's worker is another host's."""
        return self._assignments.where.get(slot) != host.name

    def end_ghosts(self) -> None:
        """End the processes in slots that are placed on another host by now, or that no plan has:
        the host was given up, and is back."""
        for host in self.by_name.values():
            if not host.here or not self.settled:
                continue
            for slot, held in host.held.items():
                if slot not in host.processes and self.runs_elsewhere(host, slot):
                    log.warning(
                        "worker %d, pid %d, on host %s is ended: its slot is on another host",
                        slot, held.pid, host.name,
                    )  # fmt: skip
                    host.tell(wire.SignalWorker(slot=slot, pid=held.pid))

    async def run(self) -> None:
        """Look after the hosts until cancelled."""
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    def tick(self) -> None:
        """Look once how long each was silent, and say again what was not answered."""
        for host in self.by_name.values():
            before = host.state
            host.tick()
            if host.state is before:
                continue
            if host.state is HostState.AWAY:
                left_s = max(0.0, host.lease.ends_at - self._clock())
                cause = f"its workers may hold their sessions for {left_s:.0f} s more"
                self._record.tell(HappeningKind.HOST_AWAY, host.name, cause=cause)
            elif host.hello is not None:
                cause = "its lease has run out: its shards are resumed on other hosts"
                self._record.tell(HappeningKind.HOST_GONE, host.name, cause=cause)
            self._changes.tell()
        self.end_ghosts()
        self._retired.look(self.by_name)

    def _add(self, name: str) -> Host:
        host = Host(name, self._send, self._clock, self._terms.lease_s, self._next_number)
        host.draining = name in self._assignments.draining
        self.by_name[name] = host
        self._adopting[name] = self._make_adopting(host)
        return host

    def _next_number(self) -> int:
        self._number += 1
        return self._number


def _is_known(host: Host) -> bool:
    """Whether it is known what lives on a host now."""
    return host.here and host.report is not None


def _other_version(hello: HostHello) -> HostRefusal:
    cause = (
        f"the agent, of dcgw-cluster {hello.package_version}, speaks version {hello.version} of "
        f"the way to hosts; this coordinator speaks {HOST_VERSION}"
    )
    action = f"install dcgw-cluster {cluster.__version__} on the host"
    return HostRefusal(cause=cause, action=action)
