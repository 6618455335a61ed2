"""The supervisor with played processes, a clock and a sleep in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from cluster.config.worker_spec import WorkerSpec
from cluster.wire import link
from coordinator.happenings.record import HappeningRecord
from coordinator.workers.slots import (
    BAD_SPEC,
    CRASH_LOOP,
    CRASH_LOOP_S,
    FIRST_REPORT_S,
    KILL_AFTER_S,
    MISSING_AFTER_S,
    STABLE_S,
    WorkerSlots,
)
from coordinator.workers.supervisor import FIRST_WAIT_S, LONGEST_WAIT_S, Supervisor


class Process:
    """A played process. deaf: to SIGTERM."""

    def __init__(self, pid: int, *, deaf: bool = False, words: str = "") -> None:
        self.pid = pid
        self.heard_since: float | None = float("-inf")
        self.deaf = deaf
        self.words = words
        self.stopped_for = ""
        self.signals: list[str] = []
        self.status: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int | None:
        return await self.status

    def end(self, status: int | None) -> None:
        if not self.status.done():
            self.status.set_result(status)

    def terminate(self) -> None:
        self.signals.append("TERM")
        if not self.deaf:
            self.end(0)

    def kill(self) -> None:
        self.signals.append("KILL")
        self.end(-9)

    def last_words(self) -> str:
        return self.words


class Room:
    """A supervisor, and what happens around it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.processes: dict[int, list[Process]] = {0: [], 1: []}
        self.gone: list[int] = []
        self.slept: list[float] = []
        self.wakes: list[asyncio.Future[None]] = []
        self.found: dict[int, Process] = {}
        self.cant_start: OSError | None = None
        self.make_spec_fails: Exception | None = None
        self.slots = WorkerSlots(lambda: self.now)
        self.begun: list[int] = []
        self.adopted: list[int] = []
        self.record = HappeningRecord(lambda: self.now, lambda: self.now)
        self.supervisor = Supervisor(
            self,
            self.slots,
            make_spec=self.make_spec,
            on_start=lambda spec: self.begun.append(spec.slot),
            on_adopt=self.adopted.append,
            on_gone=self.gone.append,
            record=self.record,
            clock=lambda: self.now,
            sleep=self.sleep,
            random=lambda: 1.0,
        )

    async def start(self, slot: int, spec: WorkerSpec) -> Process:
        if self.cant_start is not None:
            raise self.cant_start
        assert spec.slot == slot
        process = Process(100 * (slot + 1) + len(self.processes[slot]))
        self.processes[slot].append(process)
        return process

    def make_spec(self, slot: int) -> WorkerSpec:
        if self.make_spec_fails is not None:
            raise self.make_spec_fails
        return WorkerSpec(
            slot=slot,
            shard_count=4,
            cluster="0" * 16,
            boot_id="boot",
            shards=[],
            token="t",
            intents=0,
            gateway_url="wss://localhost",
            journal_dir="/nowhere",
            link_endpoint="ipc:///nowhere/link",
            hub_endpoint="ipc:///nowhere/hub",
        )

    async def find(self, slot: int) -> Process | None:
        return self.found.pop(slot, None)

    async def end(self, stop: link.Stop, seconds: float) -> None:
        raise AssertionError("the supervisor ends its own workers only")

    def sleep(self, seconds: float) -> Awaitable[None]:
        self.slept.append(seconds)
        self.wakes.append(asyncio.get_running_loop().create_future())
        return self.wakes[-1]

    def last(self, slot: int = 0) -> Process:
        return self.processes[slot][-1]

    def run(self, seconds: float) -> None:
        """Time passes, with the looks that belong to it."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.slots.tick()


async def settle() -> None:
    """Let everything happen that can happen without time."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(scenario: Callable[[Room], Coroutine[object, object, None]]) -> None:
    async def whole() -> None:
        room = Room()
        try:
            await scenario(room)
        finally:
            stopping = asyncio.ensure_future(room.supervisor.stop(lambda slot: False, 0.2))
            await stopping

    asyncio.run(whole())


def test_every_slot_gets_a_process_and_runs_once_it_has_greeted() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0, 1])
        await settle()
        slot = room.slots[0]
        assert slot.state == "starting"
        assert not room.slots.heard(0), "nobody has said who it is"
        assert not room.slots.greeted(0, 4711), "another process"
        assert room.slots.greeted(0, room.last().pid)
        assert slot.state == "running"
        assert room.slots.heard(0)
        assert not room.slots.heard(7)
        assert room.slots[1].state == "starting"

    play(scenario)


def test_a_process_that_ends_is_started_again_after_a_growing_wait() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        slot = room.slots[0]
        for number in range(CRASH_LOOP - 1):
            await settle()
            room.last().words = f"words {number}"
            room.last().end(1)
            await settle()
            assert slot.state == "restarting"
            assert slot.detail == f"exit code 1: words {number}"
            assert slot.restarts == len(room.gone) == number + 1
            assert slot.process is None
            room.wakes[-1].set_result(None)
        assert room.slept == [FIRST_WAIT_S * 2**n for n in range(CRASH_LOOP - 1)]
        assert max(room.slept) <= LONGEST_WAIT_S
        assert len({p.pid for p in room.processes[0]}) == CRASH_LOOP - 1

    play(scenario)


def test_a_crash_loop_is_named_by_its_cause_and_tried_seldom() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        slot = room.slots[0]
        for _ in range(CRASH_LOOP):
            await settle()
            room.last().words = "the disk is full"
            room.last().end(1)
            await settle()
            if len(room.wakes) < CRASH_LOOP:
                room.wakes[-1].set_result(None)
        assert slot.state == "failed"
        assert "the disk is full" in slot.detail
        assert f"{CRASH_LOOP} times" in slot.detail
        assert room.slept[-1] == CRASH_LOOP_S
        room.wakes[-1].set_result(None)
        await settle()
        assert room.slots.greeted(0, room.last().pid)
        assert (slot.state, slot.detail) == ("running", "")

    play(scenario)


def test_what_happens_to_processes_is_told() -> None:
    async def scenario(room: Room) -> None:
        room.found[1] = Process(77)
        room.supervisor.start([0, 1])
        for _ in range(CRASH_LOOP):
            await settle()
            room.last().words = "full"
            room.last().end(1)
            await settle()
            if len(room.wakes) < CRASH_LOOP:
                room.wakes[-1].set_result(None)
        told = [h.text for h in room.record.since(0).happenings if h.worker == 0]
        assert told[:3] == [
            "worker 0 started, pid 100",
            "worker 0 died, again in 0.5 s: exit code 1: full",
            "worker 0 started, pid 101",
        ]
        assert told[-1] == (
            f"worker 0 failed, again in 60 s: ended {CRASH_LOOP} times in a row, tried every 60 s: "
            "exit code 1: full"
        )
        others = [h.text for h in room.record.since(0).happenings if h.worker == 1]
        assert others == ["worker 1, pid 77, was taken over, and its sessions go on"]

    play(scenario)


def test_what_its_host_has_ended_did_not_die() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        first = room.processes[0][0]
        first.stopped_for = "waits for another host"
        first.end(0)
        await settle()
        slot = room.slots[0]
        assert (slot.restarts, slot.failures, slot.detail) == (0, 0, "waits for another host")
        assert room.slept == [0.0]
        assert room.record.since(0).happenings[-1].text.startswith("worker 0 ended")

    play(scenario)


def test_a_stable_run_is_forgiven() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        for ran in (0.0, 0.0, STABLE_S):
            await settle()
            room.now += ran
            room.last().end(-11)
            await settle()
            assert room.slots[0].detail == "killed by signal 11"
            room.wakes[-1].set_result(None)
        assert room.slept == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, FIRST_WAIT_S]

    play(scenario)


def test_a_spec_that_cant_be_used_is_not_tried_again() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        room.last().words = "version 2"
        room.last().end(BAD_SPEC)
        await settle()
        assert room.slots[0].state == "failed"
        assert "version 2" in room.slots[0].detail
        assert room.slept == []
        assert room.gone == [0]

    play(scenario)


@pytest.mark.parametrize("where", ["engine", "spec"])
def test_what_cant_be_started_is_said_and_tried_again(where: str) -> None:
    async def scenario(room: Room) -> None:
        if where == "engine":
            room.cant_start = OSError("too many processes")
        else:
            room.make_spec_fails = RuntimeError("too many processes")
        room.supervisor.start([0])
        await settle()
        slot = room.slots[0]
        assert slot.state == "restarting"
        assert "too many processes" in slot.detail
        room.cant_start = room.make_spec_fails = None
        room.wakes[-1].set_result(None)
        await settle()
        assert room.slots.greeted(0, room.last().pid)

    play(scenario)


def test_a_silent_worker_is_missing_and_then_killed() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        slot, process = room.slots[0], room.last()
        room.slots.greeted(0, process.pid)
        room.run(MISSING_AFTER_S)
        assert slot.state == "running"
        room.run(1)
        assert slot.state == "missing"
        room.slots.heard(0)
        assert (slot.state, slot.detail) == ("running", "")
        room.run(KILL_AFTER_S)
        assert process.signals == []
        room.run(1)
        assert process.signals == ["KILL"]
        await settle()
        assert slot.state == "restarting"
        assert "said nothing" in slot.detail

    play(scenario)


def test_a_new_process_has_time_to_allocate_its_journal() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        room.run(FIRST_REPORT_S)
        assert room.last().signals == []
        assert room.slots[0].state == "starting"
        room.run(1)
        assert room.last().signals == ["KILL"]

    play(scenario)


def test_who_was_suspended_itself_blames_nobody() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        room.slots.greeted(0, room.last().pid)
        room.now += 3600.0
        room.slots.tick()
        assert room.last().signals == []
        assert room.slots[0].state == "running"

    play(scenario)


def test_a_worker_from_before_is_taken_over_and_replaced_when_it_ends() -> None:
    async def scenario(room: Room) -> None:
        room.found[0] = old = Process(4711, words="unknown")
        room.supervisor.start([0])
        await settle()
        assert room.processes[0] == []
        assert room.slots.greeted(0, 4711)
        old.end(None)
        await settle()
        assert room.slots[0].detail.startswith("ended")
        room.wakes[-1].set_result(None)
        await settle()
        assert room.slots.greeted(0, room.last().pid)
        assert (room.adopted, room.begun) == ([0], [0])

    play(scenario)


def test_stop_tells_first_and_signals_only_who_cant_be_told() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0, 1])
        await settle()
        stopped: list[int] = []

        def tell(slot: int) -> bool:
            stopped.append(slot)
            if slot == 0:
                room.last(0).end(0)
                return True
            return False

        await room.supervisor.stop(tell, 5.0)
        assert stopped == [0, 1]
        assert room.last(0).signals == []
        assert room.last(1).signals == ["TERM"]
        assert sorted(room.gone) == [0, 1]
        assert {slot.state for slot in room.slots.values()} == {"stopped"}
        assert len(room.processes[0]) == 1, "nobody is started again"

    play(scenario)


def test_stop_goes_on_to_harder_signals() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        room.last().deaf = True
        await room.supervisor.stop(lambda slot: True, 0.05)
        assert room.last().signals == ["TERM", "KILL"]

    play(scenario)


def test_stop_does_not_wait_for_a_slot_that_waits() -> None:
    async def scenario(room: Room) -> None:
        room.supervisor.start([0])
        await settle()
        room.last().end(1)
        await settle()
        async with asyncio.timeout(60):
            await room.supervisor.stop(lambda slot: True, 3600.0)
        assert len(room.processes[0]) == 1

    play(scenario)


def test_a_slot_that_is_retired_while_its_process_comes_into_being() -> None:
    async def scenario() -> None:
        room = Room()
        launched, go_on, start = asyncio.Event(), asyncio.Event(), room.start

        async def slow(slot: int, spec: WorkerSpec) -> Process:
            launched.set()
            await go_on.wait()
            process = await start(slot, spec)
            process.terminate = lambda: process.end(0)  # type: ignore[method-assign]
            return process

        room.start = slow  # type: ignore[method-assign]
        room.supervisor.start([0])
        await launched.wait()
        retiring = asyncio.create_task(room.supervisor.restart(0, lambda _: True, 5, retire=True))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.wait_for(retiring, 60)
        assert room.slots == {}

    asyncio.run(scenario())


def test_whether_all_have_greeted() -> None:
    async def scenario() -> None:
        room = Room()
        assert not room.slots.all_greeted(), "there are none yet"
        room.supervisor.start([0, 1])
        while not all(room.processes.values()):  # noqa: ASYNC110
            await asyncio.sleep(0)
        for number, all_have in ((0, False), (1, True)):
            process = room.slots[number].process
            assert process is not None
            assert room.slots.greeted(number, process.pid)
            assert room.slots.all_greeted() is all_have
        await room.supervisor.leave()

    asyncio.run(scenario())
