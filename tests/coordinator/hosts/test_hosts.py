"""All hosts of a cluster, their agents and workers played, by a clock in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from cluster.config.worker_spec import WorkerSpec
from cluster.wire import link
from cluster.wire.hosts import (
    HOST_VERSION,
    HeldSlot,
    HostHeard,
    HostHello,
    HostRefusal,
    HostReport,
    HostWelcome,
    SignalWorker,
    StartWorker,
    TellWorker,
    ToHost,
    WorkerSaid,
)
from cluster.wire.link import Hello, Lease, Report
from cluster.wire.shard_state import ShardState
from cluster.wire.states import HostState
from coordinator.changes import Changes
from coordinator.engines import WorkerProcess
from coordinator.happenings.record import HappeningRecord
from coordinator.hosts.checkpoints import Checkpoints
from coordinator.hosts.host import AWAY_AFTER_S, Host
from coordinator.hosts.hosts import TAKEN_S, Hosts
from coordinator.hosts.worker_words import WorkerWords
from coordinator.sharding.assignments import Assignments
from coordinator.sharding.plan import Plan

LEASE_S = 30.0
A, A2 = b"a/0000000000000001", b"a/0000000000000002"
B = b"b/0000000000000003"


class Adopting:
    """Takes nothing over."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.hellos: list[int] = []
        self.surveys = 0
        self.unwanted: set[int] = set()

    def hello(self, slot: int, hello: link.Hello) -> None:
        self.hellos.append(slot)

    async def find(self, slot: int) -> WorkerProcess | None:
        held = self.host.held.get(slot)
        return self.host.process(slot, held.pid) if held else None

    async def survey(self) -> None:
        self.surveys += 1

    def lingering(self) -> set[int]:
        return self.unwanted & set(self.host.held)

    async def end(self, stop: link.Stop, seconds: float) -> None:
        pass


class Room:
    """The hosts of a plan of two workers, and all that they are told."""

    def __init__(self, where: dict[int, str] | None = None) -> None:
        self.now = 1000.0
        self.told: list[tuple[bytes, ToHost]] = []
        self.heard: list[tuple[int, link.FromWorker]] = []
        self.hear: Callable[[int, link.FromWorker], None] = lambda *said: self.heard.append(said)
        self.saves = True
        self.saved: list[dict[int, str]] = []
        self.adopting: list[Adopting] = []
        self.lease_s = LEASE_S
        self.labels: dict[str, str] = {}
        self.may_renew = True
        self.assignments = Assignments(Plan(4, {0: (0, 1), 1: (2, 3)}), where=where)
        self.record = HappeningRecord(lambda: self.now, lambda: self.now)
        self.checkpoints = Checkpoints()
        self.hosts = Hosts(
            self.assignments,
            self,
            send=self.send,
            adopting=self.adopt,
            save=self.save,
            record=self.record,
            changes=Changes(),
            clock=lambda: self.now,
            first_number=100,
        )
        self.words = WorkerWords(
            self.hosts, self.checkpoints, self.assignments, lambda *said: self.hear(*said),
            clock=lambda: self.now, may_renew=lambda: self.may_renew,
        )  # fmt: skip

    def send(self, host_id: bytes, message: ToHost) -> bool:
        self.told.append((host_id, message))
        return True

    def settled(self) -> bool:
        return self.hosts.settled

    def save(self) -> bool:
        if self.saves:
            self.saved.append(dict(self.assignments.where))
        return self.saves

    def adopt(self, host: Host) -> Adopting:
        self.adopting.append(Adopting(host))
        return self.adopting[-1]

    def welcome(self, name: str) -> HostWelcome:
        return HostWelcome(name=name, cluster="c", events=["tcp://*:1"], replay="tcp://*:2")

    def ca_pem(self) -> str:
        return "pem"

    # -- what agents and workers say ------------------------------------------------------------

    def join(self, host_id: bytes, *, version: int = HOST_VERSION, zone: str = "") -> None:
        hello = HostHello(
            version=version, package_version="9.9", boot_id="b", workers=2, address="box",
            labels={"zone": zone, "disk": "ssd"},
        )  # fmt: skip
        self.words.take(host_id, hello)

    def report(self, host_id: bytes, *held: tuple[int, int, int], leaving: bool = False) -> None:
        """held: (slot, pid, start)."""
        rows = [HeldSlot(slot=slot, pid=pid, start=start) for slot, pid, start in held]
        self.words.take(host_id, HostReport(held=rows, leaving=leaving))

    def says(self, host_id: bytes, slot: int, message: link.FromWorker) -> None:
        self.words.take(host_id, WorkerSaid(slot=slot, data=link.encode(message)))

    def passes(self, seconds: float, *here: bytes) -> None:
        """Time passes, in which these hosts report."""
        for _ in range(int(seconds)):
            self.now += 1
            for host_id in here:
                host = self.hosts.host_of(host_id)
                assert host is not None
                rows = [(held.slot, held.pid, held.start) for held in host.held.values()]
                self.report(host_id, *rows)
            self.hosts.tick()

    def last(self, kind: type) -> Any:
        """Return (host id, message) of the last message of a kind."""
        return next(one for one in reversed(self.told) if isinstance(one[1], kind))

    def leases(self) -> list[bytes]:
        """Return to which hosts leases were answered."""
        return [
            host_id
            for host_id, message in self.told
            if isinstance(message, TellWorker)
            and isinstance(link.decode_to_worker(message.data), Lease)
        ]


def play(
    scenario: Callable[[Room], Coroutine[object, object, None]],
    where: dict[int, str] | None = None,
) -> None:
    async def whole() -> None:
        await scenario(Room(where))

    asyncio.run(whole())


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def spec(slot: int) -> WorkerSpec:
    return WorkerSpec(
        slot=slot, shard_count=4, cluster="0" * 16, boot_id="boot", shards=[], token="t",
        gateway_url="wss://localhost", journal_dir="/n", link_endpoint="l", hub_endpoint="h",
    )  # fmt: skip


def report(slot: int, number: int = 1) -> Report:
    return Report(
        slot=slot, number=number, has=[], cpu_seconds=0, rss_bytes=0, events=0, journal_bytes=0,
        journal_seconds=None, journalling=True, unpublished=0,
    )  # fmt: skip


def hello(slot: int, pid: int) -> Hello:
    return Hello(
        version=link.LINK_VERSION, slot=slot, pid=pid, started_at=0, package_version="9.9",
        shard_count=4, shards=[],
    )  # fmt: skip


async def start(room: Room, slot: int, host_id: bytes, pid: int) -> WorkerProcess:
    """Let a worker be started on a host, whose agent reports it."""
    starting = asyncio.ensure_future(room.hosts.start(slot, spec(slot)))
    await settle()
    sent_to, word = room.last(StartWorker)
    assert (sent_to, word.slot) == (host_id, slot)
    host = room.hosts.host_of(host_id)
    assert host is not None
    rows = [(held.slot, held.pid, held.start) for held in host.held.values()]
    room.report(host_id, *rows, (slot, pid, word.number))
    return await starting


class TestJoining:
    def test_an_agent_is_told_where_to_go_and_that_it_is_heard(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            assert room.last(HostWelcome)[1].name == "a"
            room.report(A)
            assert room.told[-1] == (A, HostHeard())

        play(scenario)

    def test_another_version_is_refused_by_name(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A, version=HOST_VERSION + 1)
            refusal = room.last(HostRefusal)[1]
            assert refusal.final
            assert "dcgw-cluster 9.9" in refusal.cause
            assert not room.hosts.by_name

        play(scenario)

    def test_a_name_is_taken_as_long_as_its_agent_is_heard_of(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            room.join(A2)
            sent_to, refusal = room.last(HostRefusal)
            assert (sent_to, refusal.final) == (A2, False)
            assert "joined already, from box" in refusal.cause
            room.now += TAKEN_S
            room.join(A2)
            assert room.hosts.host_of(A2) is not None
            assert room.hosts.host_of(A) is None, "it is not heeded any more"

        play(scenario)

    def test_who_has_not_said_hello_is_not_heeded(self) -> None:
        async def scenario(room: Room) -> None:
            room.report(A)
            room.says(A, 0, report(0))
            assert not room.told
            assert not room.heard

        play(scenario)


class TestGathering:
    def test_a_new_cluster_waits_for_as_many_as_are_expected(self) -> None:
        async def scenario(room: Room) -> None:
            for host_id in (A, B):
                assert not room.hosts.gathered(2)
                room.join(host_id)
                room.report(host_id)
            assert room.hosts.gathered(2)

        play(scenario)

    def test_one_that_ran_before_waits_for_its_hosts_and_no_others(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            room.hosts.drain("a", draining=True)
            assert not room.hosts.gathered(3), "b may come"
            room.passes(LEASE_S + 5, A)
            assert room.hosts.gathered(3), "b is given up, and a still has its workers"

        play(scenario, where={0: "a", 1: "b"})

    def test_nobody_is_nobody(self) -> None:
        async def scenario(room: Room) -> None:
            room.passes(LEASE_S + 5)
            assert room.hosts.settled
            assert not room.hosts.gathered(1)

        play(scenario, where={0: "a", 1: "b"})


class TestPlaces:
    def test_slots_go_to_where_there_is_room_and_stay(self) -> None:
        async def scenario(room: Room) -> None:
            for host_id in (A, B):
                room.join(host_id)
                room.report(host_id)
            await start(room, 0, A, 10)
            await start(room, 1, B, 11)
            assert room.saved[-1] == {0: "a", 1: "b"}

        play(scenario)

    def test_hosts_without_the_labels_get_none(self) -> None:
        async def scenario(room: Room) -> None:
            room.labels = {"zone": "east"}
            room.join(A, zone="west")
            room.join(B, zone="east")
            for host_id in (A, B):
                room.report(host_id)
            await start(room, 0, B, 10)
            await start(room, 1, B, 11)
            assert list(room.hosts.rooms) == ["b"]

        play(scenario)

    def test_nothing_is_started_that_can_not_be_written_down(self) -> None:
        async def scenario(room: Room) -> None:
            room.saves = False
            room.join(A)
            room.report(A)
            starting = asyncio.ensure_future(room.hosts.start(0, spec(0)))
            await settle()
            assert not [m for _, m in room.told if isinstance(m, StartWorker)]
            assert room.assignments.where == {}
            room.saves = True
            room.report(A)
            await settle()
            assert room.last(StartWorker)[1].slot == 0
            starting.cancel()

        play(scenario)

    def test_nothing_is_started_before_all_hosts_of_the_stored_plan_are_here_or_given_up(
        self,
    ) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            starting = asyncio.ensure_future(room.hosts.start(0, spec(0)))
            room.passes(LEASE_S, A)
            await settle()
            assert not [m for _, m in room.told if isinstance(m, StartWorker)]
            assert room.adopting[0].surveys == 0
            room.passes(4, A)
            await settle()
            assert room.last(StartWorker)[0] == A
            assert room.adopting[0].surveys == 1
            starting.cancel()

        play(scenario, where={0: "a", 1: "b"})

    def test_a_host_without_the_journals_that_it_had_may_be_another_machine(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            assert not room.settled(), "workers of the other one may hold sessions still"
            host = room.hosts.host_of(A)
            assert host is not None
            host.take_report(HostReport(held=[], journals=[0]))
            assert not room.settled()
            host.take_report(HostReport(held=[HeldSlot(slot=1, pid=10)], journals=[0]))
            assert room.settled()

        play(scenario, where={0: "a", 1: "a"})

    def test_where_the_journals_never_come_nothing_is_started_for_a_lease(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            room.passes(LEASE_S, A)
            assert not room.settled()
            room.passes(2, A)
            assert room.settled()

        play(scenario, where={0: "a", 1: "a"})

    def test_one_that_leaves_at_once_is_no_word_of_another_machine(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A, (0, 10, 0))
            room.says(A, 0, report(0))
            room.now += TAKEN_S + 1
            room.join(A2)
            room.report(A2, leaving=True)
            assert room.hosts.by_name["a"].state is HostState.GONE
            assert not room.settled()
            room.passes(LEASE_S)
            assert room.settled()

        play(scenario, where={0: "a"})

    def test_who_was_given_up_is_heeded_when_it_has_said_hello(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            room.passes(LEASE_S + 10)
            assert room.hosts.by_name["a"].state is HostState.GONE
            room.report(A)
            assert room.hosts.by_name["a"].state is HostState.GONE
            room.join(A)
            room.report(A)
            assert room.hosts.by_name["a"].here
            assert len(room.adopting) == 2, "what lives there is looked at anew"

        play(scenario)

    def test_who_was_not_taken_over_yet_is_not_forgotten_for_another_machine(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A, (0, 10, 0))
            room.says(A, 0, report(0))
            room.now += TAKEN_S + 1
            room.join(A2)
            room.report(A2)
            assert not room.settled()
            room.passes(LEASE_S - 4, A2)
            assert not room.settled()
            room.passes(5, A2)
            assert room.settled()

        play(scenario, where={0: "a"})

    def test_a_slot_waits_for_its_host_that_is_away_and_goes_elsewhere_when_it_is_gone(
        self,
    ) -> None:
        async def scenario(room: Room) -> None:
            for host_id in (A, B):
                room.join(host_id)
                room.report(host_id)
            process = await start(room, 0, A, 10)
            room.says(A, 0, report(0))
            room.passes(AWAY_AFTER_S + 1, B)
            assert room.hosts.by_name["a"].state is HostState.AWAY
            again = asyncio.ensure_future(room.hosts.find(0))
            room.passes(20, B)
            await settle()
            assert not again.done()
            room.passes(8, B)
            assert await process.wait() is None
            await settle()
            assert await again is None
            assert room.assignments.where[0] == "b"

        play(scenario)

    def test_nothing_is_started_while_one_lives_that_may_not_go_on(self) -> None:
        """It may have any shard, and its host may not be heard of."""

        async def scenario(room: Room) -> None:
            for host_id in (A, B):
                room.join(host_id)
            room.report(A, (0, 10, 0))
            room.report(B, (1, 11, 0))
            room.adopting[0].unwanted = {0}
            starting = asyncio.ensure_future(room.hosts.start(1, spec(1)))
            room.passes(2 * LEASE_S, A, B)
            await settle()
            assert not [m for _, m in room.told if isinstance(m, StartWorker)]
            room.says(A, 0, report(0))
            room.passes(AWAY_AFTER_S + 1, B)
            await settle()
            assert not [m for _, m in room.told if isinstance(m, StartWorker)]
            room.report(A)
            await settle()
            assert room.last(StartWorker)[1].slot == 1
            starting.cancel()

        play(scenario, where={0: "a", 1: "b"})

    def test_a_ghost_that_does_not_go_is_waited_for_until_its_lease_is_over(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.join(B)
            room.report(A, (5, 10, 0))
            room.report(B)
            room.adopting[0].unwanted = {5}
            starting = asyncio.ensure_future(room.hosts.start(1, spec(1)))
            await settle()
            room.passes(LEASE_S, A, B)
            await settle()
            assert not [m for _, m in room.told if isinstance(m, StartWorker)]
            room.passes(2, A, B)
            await settle()
            assert room.last(StartWorker)[1].slot == 1
            starting.cancel()

        play(scenario)

    def test_what_lives_on_a_host_is_taken_over_there(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A, (0, 10, 0))
            process = await room.hosts.find(0)
            assert process is not None
            assert process.pid == 10

        play(scenario, where={0: "a", 1: "a"})

    def test_a_ghost_of_a_slot_that_is_elsewhere_by_now_is_ended(self) -> None:
        async def scenario(room: Room) -> None:
            for host_id in (A, B):
                room.join(host_id)
                room.report(host_id)
            await start(room, 0, A, 10)
            room.passes(LEASE_S + 10, B)
            assert room.hosts.by_name["a"].state is HostState.GONE
            await start(room, 0, B, 12)
            room.now += 1
            room.join(A)
            room.report(A, (0, 10, 0))
            room.says(A, 0, report(0, number=7))
            room.hosts.tick()
            assert room.last(SignalWorker) == (A, SignalWorker(slot=0, pid=10))
            assert room.leases() == [], "its lease is not renewed"
            assert not [said for said in room.heard if isinstance(said[1], Report)]
            assert room.hosts.send(0, link.Welcome())
            assert room.last(TellWorker)[0] == B

        play(scenario)


class TestWords:
    def test_a_report_is_answered_with_its_number_and_passed_on(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            room.now += 5
            room.says(A, 0, report(0, number=3))
            assert room.leases() == [A]
            assert room.hosts.by_name["a"].lease.ends_at > room.now + LEASE_S
            assert [type(message) for _, message in room.heard] == [Report]

        play(scenario)

    def test_whoever_may_have_a_successor_renews_no_lease(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            room.may_renew = False
            room.says(A, 0, report(0))
            assert room.leases() == []

        play(scenario)

    def test_who_lives_in_a_slot_and_is_not_the_one_that_is_followed_is_not_heard(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            room.report(A, (0, 11, 0))
            room.says(A, 0, report(0))
            assert room.leases() == []
            assert not room.heard

        play(scenario)

    def test_a_worker_that_is_not_taken_over_yet_keeps_its_lease(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A, (0, 10, 0))
            room.says(A, 0, report(0))
            assert room.leases() == [A]
            assert not room.heard

        play(scenario, where={0: "a", 1: "a"})

    def test_hello_goes_to_who_follows_that_process_or_takes_it_over(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            room.says(A, 0, hello(0, 10))
            room.says(A, 0, hello(0, 99))
            await settle()
            assert [type(message) for _, message in room.heard] == [Hello]
            assert room.adopting[0].hellos == [0]

        play(scenario)

    def test_hello_that_comes_with_the_report_of_its_process_is_heard_after_it(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            known: list[bool] = []
            room.hear = lambda slot, message: known.append(starting.done())
            starting = asyncio.ensure_future(room.hosts.start(0, spec(0)))
            await settle()
            room.report(A, (0, 10, room.last(StartWorker)[1].number))
            room.says(A, 0, hello(0, 10))
            await settle()
            assert known == [True], "it would be a stranger's"

        play(scenario)

    def test_checkpoints_are_kept(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            state = ShardState(shard_id=1, shard_count=4, epoch=2, seq=7, session_id="s")
            room.says(A, 0, link.Checkpoint(slot=0, states=[state]))
            assert room.checkpoints.state(4, 1) == state
            assert not room.heard

        play(scenario)

    def test_rubbish_and_words_of_another_slot_are_refused(self) -> None:
        async def scenario(room: Room) -> None:
            room.join(A)
            room.report(A)
            await start(room, 0, A, 10)
            room.words.take(A, WorkerSaid(slot=0, data=b"\xc1"))
            room.says(A, 0, report(1))
            assert room.words.refused == 2
            assert not room.heard

        play(scenario)
