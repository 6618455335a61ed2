"""One host, its agent played, by a clock in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from cluster.hosts.leases import DRIFT, MARGIN_S
from cluster.wire.hosts import (
    EndedWorker,
    HeldSlot,
    HostHello,
    HostReport,
    SignalWorker,
    StartWorker,
    ToHost,
)
from cluster.wire.states import HostState
from coordinator.hosts.host import AWAY_AFTER_S, RESUMED_S, Host

ID = b"host-1/0123456789abcdef"
LEASE_S = 30.0
SURE_S = LEASE_S * (1 + DRIFT) + MARGIN_S


class Room:
    """A host, and what its agent is told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[ToHost] = []
        self.numbers = 0
        self.host = Host("host-1", self.send, lambda: self.now, LEASE_S, self.number)

    def send(self, host_id: bytes, message: ToHost) -> bool:
        assert host_id == ID
        self.told.append(message)
        return True

    def state(self) -> HostState:
        return self.host.state

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def join(self) -> None:
        hello = HostHello(version=1, package_version="1", boot_id="b", workers=2)
        self.host.join(ID, hello)
        self.report()

    def report(self, *held: tuple[int, int, int], ended: tuple[EndedWorker, ...] = ()) -> None:
        """held: (slot, pid, start)."""
        self.host.take_report(
            HostReport(
                held=[HeldSlot(slot=slot, pid=pid, start=start) for slot, pid, start in held],
                ended=list(ended),
            )
        )

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.host.tick()


def play(scenario: Callable[[Room], Coroutine[object, object, None]]) -> None:
    async def whole() -> None:
        await scenario(Room())

    asyncio.run(whole())


def test_a_host_is_away_gone_and_here_again() -> None:
    room = Room()
    assert room.state() is HostState.AWAY, "one of the stored plan may come"
    room.join()
    assert room.state() is HostState.HERE
    room.passes(AWAY_AFTER_S + 0.1)
    assert room.state() is HostState.AWAY
    assert not room.host.tell(SignalWorker(slot=0, pid=1))
    room.report()
    assert room.state() is HostState.HERE
    room.host.lease.answered(room.now)
    room.passes(SURE_S - 0.1)
    assert room.state() is HostState.AWAY
    room.passes(0.2)
    assert room.state() is HostState.GONE


def test_what_only_a_lost_host_had_is_not_gone_before_its_sessions_went_on_elsewhere() -> None:
    room = Room()
    room.join()
    room.passes(SURE_S)
    assert (room.state(), room.host.asked) == (HostState.GONE, HostState.AWAY)
    room.passes(RESUMED_S)
    assert room.host.asked is HostState.GONE


def test_one_that_only_says_hello_hears_nothing_and_is_not_here() -> None:
    room = Room()
    hello = HostHello(version=1, package_version="1", boot_id="b", workers=2)
    room.join()
    for _ in range(int(SURE_S) + 7):
        room.host.join(ID, hello)
        room.passes(1)
    assert room.state() is HostState.GONE


def test_one_that_never_comes_is_given_up_when_what_was_answered_before_has_run_out() -> None:
    room = Room()
    room.passes(SURE_S - 0.1)
    assert room.state() is HostState.AWAY
    room.passes(0.2)
    assert room.state() is HostState.GONE


def test_a_process_is_started_once_and_asked_for_until_it_is_reported() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        starting = asyncio.ensure_future(room.host.start(3, b"spec", "pem"))
        await asyncio.sleep(0)
        assert room.told == [StartWorker(number=1, slot=3, spec=b"spec", ca_pem="pem")]
        room.passes(1)
        assert room.told[1:] == room.told[:1]
        room.report((3, 77, 1))
        process = await starting
        assert process.pid == 77
        room.passes(1)
        assert len(room.told) == 2, "nothing is asked for any more"
        waiting = asyncio.ensure_future(process.wait())
        await asyncio.sleep(0)
        room.report(ended=(EndedWorker(slot=3, pid=77, start=1, code=4, words="orphaned"),))
        assert await waiting == 4
        assert process.last_words() == "orphaned"

    play(scenario)


def test_a_process_that_can_not_be_started_says_why() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        starting = asyncio.ensure_future(room.host.start(3, b"spec", ""))
        await asyncio.sleep(0)
        room.report(ended=(EndedWorker(slot=3, pid=None, start=1, words="no memory"),))
        with pytest.raises(OSError, match="no memory"):
            await starting

    play(scenario)


def test_a_process_that_ended_before_it_was_reported_ends() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        starting = asyncio.ensure_future(room.host.start(3, b"spec", ""))
        await asyncio.sleep(0)
        room.report(ended=(EndedWorker(slot=3, pid=9, start=1, code=2, words="bad spec"),))
        process = await starting
        assert await process.wait() == 2

    play(scenario)


def test_what_lived_on_a_host_that_is_given_up_has_ended() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        room.report((0, 10, 0))
        process = room.host.process(0, 10)
        starting = asyncio.ensure_future(room.host.start(1, b"spec", ""))
        await asyncio.sleep(0)
        since = [process.heard_since]
        room.passes(AWAY_AFTER_S + 0.1)
        assert [*since, process.heard_since] == [1000.0, None]
        room.passes(SURE_S)
        assert await process.wait() is None
        assert "lost" in process.last_words()
        with pytest.raises(OSError, match="lost"):
            await starting

    play(scenario)


def test_a_process_goes_on_through_another_agent_and_ends_where_that_one_has_it_not() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        room.report((0, 10, 1), (1, 11, 2))
        first, second = room.host.process(0, 10), room.host.process(1, 11)
        room.host.report = None  # as another agent has joined
        room.report((0, 10, 0))
        assert await second.wait() is None
        assert room.host.processes == {0: first}

    play(scenario)


def test_a_host_that_leaves_is_gone_when_nothing_lives_there() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        room.report((0, 10, 0))
        process = room.host.process(0, 10)
        room.host.take_report(HostReport(held=[HeldSlot(slot=0, pid=10)], leaving=True))
        assert (room.host.here, room.host.takes_slots) == (True, False)
        room.host.take_report(HostReport(held=[], leaving=True))
        assert room.state() is HostState.GONE
        assert await process.wait() is None
        assert process.stopped_for == f"waits for another host, since {room.host.name} leaves"

    play(scenario)


def test_a_draining_host_gets_nothing_new() -> None:
    room = Room()
    room.join()
    takes = [room.host.takes_slots]
    room.host.draining = True
    assert [*takes, room.host.takes_slots] == [True, False]
    assert room.host.shown is HostState.DRAINING


class TestAnotherAgent:
    """Another agent has joined under the name, which has said nothing of a worker."""

    OTHER = b"host-1/00000000000000ff"

    def join(self, room: Room, *, boot_id: str = "b", journals: tuple[int, ...] = ()) -> None:
        """It joins and reports, with nothing that lives there."""
        hello = HostHello(version=1, package_version="1", boot_id=boot_id, workers=2)
        room.host.join(self.OTHER, hello)
        room.host.take_report(HostReport(held=[], journals=list(journals)))

    def ends(self, room: Room, journals: tuple[int, ...]) -> bool:
        room.host.take_report(HostReport(held=[], journals=list(journals)))
        return not room.host.processes

    def test_the_same_machine_and_folder_know_by_the_lock_that_it_has_ended(self) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            process = room.host.process(3, 10)
            self.join(room, journals=(3,))
            assert await process.wait() is None

        play(scenario)

    @pytest.mark.parametrize(("boot_id", "journals"), [("b", ()), ("other", (3,))])
    def test_elsewhere_it_may_live_until_its_lease_is_over(
        self, boot_id: str, journals: tuple[int, ...]
    ) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            room.host.process(3, 10)
            room.host.lease.answered(room.now)
            room.now += 4
            self.join(room, boot_id=boot_id, journals=journals)
            assert room.host.followed(3) is None, "nobody there speaks for it"
            room.now += 1
            room.host.lease.answered(room.now)  # of workers that this agent has
            room.now += SURE_S - 5.1
            assert not self.ends(room, journals)
            room.now += 0.2
            assert self.ends(room, journals)

        play(scenario)

    def test_one_that_leaves_at_once_does_not_end_it(self) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            room.host.process(3, 10)
            self.join(room, boot_id="other")
            room.host.take_report(HostReport(held=[], leaving=True))
            assert room.host.processes
            room.passes(AWAY_AFTER_S + 1)
            assert room.host.processes
            room.passes(SURE_S)
            assert not room.host.processes

        play(scenario)

    def test_who_lives_in_its_slot_gets_no_lease_before(self) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            room.host.process(3, 10)
            room.host.lease.answered(room.now)
            self.join(room)
            room.report((3, 11, 0))
            assert room.host.followed(3) is None
            assert not room.host.renews(3)
            room.host.process(3, 11)
            assert not room.host.renews(3)
            room.now += SURE_S
            assert room.host.renews(3)

        play(scenario)

    def test_what_it_tells_of_its_end_counts(self) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            process = room.host.process(3, 10)
            self.join(room, boot_id="other")
            room.report(ended=(EndedWorker(slot=3, pid=10, code=7),))
            assert await process.wait() == 7

        play(scenario)

    def test_a_third_one_makes_it_live_no_longer(self) -> None:
        async def scenario(room: Room) -> None:
            room.join()
            room.report((3, 10, 1))
            room.host.process(3, 10)
            room.host.lease.answered(room.now)
            self.join(room, boot_id="other")
            room.now += 20
            room.host.lease.answered(room.now)
            room.host.join(ID, HostHello(version=1, package_version="1", boot_id="c", workers=2))
            assert not self.ends(room, ())
            room.now += SURE_S - 20
            assert self.ends(room, ())

        play(scenario)


def test_whose_lease_is_renewed() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        room.report()
        assert not room.host.renews(3), "nobody lives there"
        room.report((3, 10, 0))
        assert room.host.renews(3), "it is from before"
        room.host.process(3, 10)
        assert room.host.renews(3)
        room.report((3, 11, 0))
        assert not room.host.renews(3), "its shards may be with others since the first has ended"
        room.host.process(3, 11)
        assert room.host.renews(3)
        starting = asyncio.ensure_future(room.host.start(4, b"spec", ""))
        await asyncio.sleep(0)
        room.report((3, 11, 0), ended=(EndedWorker(slot=4, pid=None, start=1),))
        room.report((3, 11, 0), (4, 12, 0))
        assert not room.host.renews(4), "it could not be started, and yet somebody is there"
        with pytest.raises(OSError):
            await starting

    play(scenario)


def test_who_was_given_up_is_not_renewed_before_it_is_taken_over() -> None:
    async def scenario(room: Room) -> None:
        room.join()
        room.report((3, 10, 0))
        room.host.process(3, 10)
        starting = asyncio.ensure_future(room.host.start(4, b"spec", ""))
        await asyncio.sleep(0)
        room.passes(SURE_S)
        with pytest.raises(OSError):
            await starting
        room.join()
        room.report((3, 10, 0), (4, 11, 1))  # what was told before has reached it since
        assert not room.host.renews(3)
        assert not room.host.renews(4)

    play(scenario)
