"""One host: whether its agent is heard of, and the worker processes that live there.

    AWAY --report--> HERE --silence--> AWAY --its lease has ended--> GONE --report--> HERE
                     HERE --it leaves, and nothing lives there--> GONE

What is AWAY may live, so nothing of it is started elsewhere. What is GONE holds no session any
more: its processes count as ended, and whoever runs their slots starts them on other hosts. Only
reports count, which an agent sends as long as it is answered: one that says hello again and again
hears nothing, and nothing can be started there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from cluster.hosts.leases import HostLease
from cluster.wire import hosts
from cluster.wire.hosts import EndedWorker, HeldSlot, HostHello, HostReport, StartWorker
from cluster.wire.states import HostState
from coordinator.hosts.process import HostProcess
from coordinator.sharding.placement import HostRoom

AWAY_AFTER_S: Final = 5.0
"""Seconds of silence after which a host is away."""

RESUMED_S: Final = 15.0
"""Within so many seconds after a host was given up its sessions are resumed elsewhere, and what
came after their checkpoints has been replayed."""


class _Unsure(NamedTuple):
    """A process of which the agent that is there now may know nothing: another one had it, maybe on
    another machine or state folder, where it lives on until its lease has run out."""

    until: float
    """When it surely holds no session any more."""
    pid: int | None = None
    """None: it is not known."""
    boot_id: str = ""
    """The boot id of its machine; empty: it is not known."""

    def is_told_of(self, slot: int, hello: HostHello, report: HostReport) -> bool:
        """Whether an agent knows what has become of it: it has the process, or it would be found by
        the lock of its journal."""
        if any(held.slot == slot and self.pid in (None, held.pid) for held in report.held):
            return True
        return self.boot_id in ("", hello.boot_id) and slot in report.journals


class Host:
    """A host that the plan knows, or that has joined."""

    def __init__(
        self,
        name: str,
        send: Callable[[bytes, hosts.ToHost], bool],
        clock: Callable[[], float],
        lease_s: float,
        next_number: Callable[[], int],
    ) -> None:
        """send: sends a message to the agent of a host id. clock: monotonic seconds. lease_s: how
        long workers hold their sessions; what a coordinator before this one has answered counts as
        answered now. next_number: returns a number that no StartWorker has had yet."""
        self.name = name
        self.state = HostState.AWAY
        self.id = b""
        """The host id of the agent that has joined; empty: none has."""
        self.hello: HostHello | None = None
        self.report: HostReport | None = None
        self.draining = False
        """Its shards move to other hosts, and it gets no new ones."""
        self.welcome = False
        """Whether its agent is heeded; not after it was given up, until it says hello."""
        self.joined_at: float | None = None
        """Since when it is here, as far as it was not given up since; None: it is not."""
        self.heard_at: float | None = None
        self.gone_at: float | None = None
        """When it was given up last; None: it never was."""
        self.lease = HostLease(lease_s, clock())
        self.processes: dict[int, HostProcess] = {}
        """Slot -> the process of it that lives here."""
        self._unsure: dict[int, _Unsure] = {}
        self._vacant: set[int] = set()
        """Slots whose process has ended, and no other was followed since."""
        self._send = send
        self._clock = clock
        self._next_number = next_number
        self._here_since: float | None = None
        self._starts: dict[int, tuple[StartWorker, asyncio.Future[HostProcess]]] = {}
        """Number -> what the agent is told, until it says what has become of it."""

    # -- what others ask ------------------------------------------------------------------------

    @property
    def here(self) -> bool:
        """Whether it is heard of."""
        return self.state is HostState.HERE

    @property
    def takes_slots(self) -> bool:
        """Whether workers may be started here."""
        leaving = self.report is not None and self.report.leaving
        return self.here and not self.draining and not leaving

    @property
    def room(self) -> HostRoom:
        """What it takes."""
        if self.hello is None:
            return HostRoom()
        return HostRoom(share=self.hello.workers, max_shards=self.hello.max_shards)

    @property
    def held(self) -> dict[int, HeldSlot]:
        """The slots in which a process lives, as was reported last."""
        return {} if self.report is None else {held.slot: held for held in self.report.held}

    def followed(self, slot: int) -> HostProcess | None:
        """Return the process of a slot that is followed, if whoever speaks there is it."""
        process, held = self.processes.get(slot), self.held.get(slot)
        return process if process and held and process.pid == held.pid else None

    def renews(self, slot: int) -> bool:
        """Whether the lease of whoever lives in a slot is renewed: it is followed, or it is from
        before and was not looked at yet. In a slot whose process has ended, and whose shards others
        may have by now, nobody gets one before it is taken over; nor where another may have one on
        the machine that had this one's name."""
        unsure = self._unsure.get(slot)
        if unsure is not None and self._clock() < unsure.until:
            return False
        if slot in self.processes:
            return self.followed(slot) is not None
        return slot in self.held and slot not in self._vacant

    @property
    def is_sure(self) -> bool:
        """Whether it is known of all processes that lived here what has become of them."""
        return all(self._clock() >= unsure.until for unsure in self._unsure.values())

    def expect(self, slot: int) -> None:
        """Take note that a process may live in a slot since a coordinator before this one."""
        self._unsure[slot] = _Unsure(self.lease.ends_at)

    @property
    def asked(self) -> HostState:
        """The state as whoever asks for its journals is told it: one that was just given up may
        have what Discord is about to replay to the sessions that are resumed elsewhere."""
        if self.state is HostState.GONE and self.gone_at is not None:
            return HostState.AWAY if self._clock() - self.gone_at < RESUMED_S else HostState.GONE
        return self.state

    @property
    def left(self) -> bool:
        """Whether it is gone since its agent was told to end, and nobody waits for it."""
        return self.state is HostState.GONE and self.report is not None and self.report.leaving

    @property
    def shown(self) -> HostState:
        """The state that people see."""
        return HostState.DRAINING if self.here and self.draining else self.state

    def tell(self, message: hosts.ToHost) -> bool:
        """Send the agent a message. False: there is no way to it."""
        return self.here and self._send(self.id, message)

    # -- processes ------------------------------------------------------------------------------

    async def start(self, slot: int, spec: bytes, ca_pem: str) -> HostProcess:
        """Start the worker of a slot here. OSError: it can't be, or the host was given up first."""
        number = self._next_number()
        word = StartWorker(number=number, slot=slot, spec=spec, ca_pem=ca_pem)
        began: asyncio.Future[HostProcess] = asyncio.get_running_loop().create_future()
        self._starts[number] = word, began
        self.tell(word)
        try:
            return await began
        finally:
            self._starts.pop(number, None)

    def process(self, slot: int, pid: int) -> HostProcess:
        """Return the process that lives in a slot, from now on one that is followed."""
        process = HostProcess(slot, pid, self.tell, lambda: self._here_since)
        self.processes[slot] = process
        return process

    # -- what happens to it ---------------------------------------------------------------------

    def join(self, host_id: bytes, hello: HostHello) -> None:
        """Take note that an agent has joined: it reports next."""
        if host_id != self.id:
            self._doubt()
            self.report = None
        self.id, self.hello = host_id, hello
        self.welcome = True

    def take_report(self, report: HostReport) -> None:
        """Take note of how it is."""
        self._heard()
        self.report = report
        ended = {(one.slot, one.pid): one for one in report.ended}
        for held in report.held:
            self._began(held.start, held.slot, held.pid)
        for one in report.ended:
            self._not_begun(one)
        self._look_at_unsure(report)
        alive = {(held.slot, held.pid) for held in report.held}
        leaves = f"waits for another host, since {self.name} leaves" if report.leaving else ""
        for slot, process in list(self.processes.items()):
            one_ended = ended.get((slot, process.pid))
            if (slot, process.pid) in alive or (slot in self._unsure and not one_ended):
                continue
            self._end(
                slot,
                one_ended.code if one_ended else None,
                one_ended.words if one_ended else "its agent was not there when it ended",
                stopped_for=leaves,
            )
        if report.leaving and not report.held and not self.processes:
            self.give_up(f"host {self.name} has left")

    def _doubt(self) -> None:
        """Take note that another agent comes than the one that has reported so far."""
        boot_id = self.hello.boot_id if self.hello else ""
        for slot, held in self.held.items():
            self._unsure.setdefault(slot, _Unsure(self.lease.ends_at, held.pid, boot_id))

    def _look_at_unsure(self, report: HostReport) -> None:
        """Be sure again of the processes that this agent tells of, and of those that were given
        time enough."""
        assert self.hello is not None
        for slot, unsure in list(self._unsure.items()):
            if self._clock() >= unsure.until or unsure.is_told_of(slot, self.hello, report):
                del self._unsure[slot]

    def _end(self, slot: int, code: int | None, words: str, stopped_for: str = "") -> None:
        """Take note that the process of a slot has ended. stopped_for: see HostProcess."""
        self._unsure.pop(slot, None)
        self._vacant.add(slot)
        self.processes.pop(slot).end(code, words, stopped_for=stopped_for)

    def _heard(self) -> None:
        now = self._clock()
        self.heard_at = now
        if not self.here:
            self.state, self._here_since = HostState.HERE, now
            if self.joined_at is None:
                self.joined_at = now

    def _began(self, number: int, slot: int, pid: int) -> None:
        if number in self._starts and not (began := self._starts.pop(number)[1]).done():
            began.set_result(self.process(slot, pid))

    def _not_begun(self, one: EndedWorker) -> None:
        """Take note that a process ended before it was reported, or was never there."""
        if one.start not in self._starts:
            return
        began = self._starts.pop(one.start)[1]
        if began.done():
            return
        if one.pid is None:
            self._vacant.add(one.slot)
            began.set_exception(OSError(one.words or "its agent can't start it"))
        else:  # it is no more among those that are held, and ends with the look at these
            began.set_result(self.process(one.slot, one.pid))

    def tick(self) -> None:
        """Look how long it was silent, and say again what it has not answered: once a second."""
        now = self._clock()
        if self.here and self.heard_at is not None and now - self.heard_at > AWAY_AFTER_S:
            self.state, self._here_since = HostState.AWAY, None
        if self.state is HostState.AWAY and self.lease.has_ended(now):
            self.give_up(f"host {self.name} was lost")
        for word, _ in self._starts.values():
            self.tell(word)

    def give_up(self, why: str) -> None:
        """Take note that nothing lives here any more: its processes count as ended."""
        self.state, self._here_since = HostState.GONE, None
        self.welcome, self.joined_at, self.gone_at = False, None, self._clock()
        for slot in list(self.processes):
            self._end(slot, None, why)
        starts, self._starts = self._starts, {}
        for word, began in starts.values():
            self._vacant.add(word.slot)
            if not began.done():
                began.set_exception(OSError(why))
