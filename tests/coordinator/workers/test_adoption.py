"""Workers from before: taken over, told to stop, or left alone. Locks are real, time is not."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster.endpoints.paths import ClusterPaths, is_held
from cluster.processes import Owner
from cluster.wire import link
from coordinator.workers.adoption import (
    GREET_S,
    LEAVE_S,
    POLL_S,
    AdoptedProcess,
    Adoption,
    LocalSlots,
)


@pytest.fixture
def paths(tmp_path: Path) -> ClusterPaths:
    return ClusterPaths(name="t", state_dir=tmp_path / "state", runtime_dir=tmp_path / "run")


class Held:
    """A worker that holds its slot's lock until `leave`."""

    def __init__(self, lock: Path) -> None:
        lock.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(lock, os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        self.here = True

    def leave(self) -> None:
        if self.here:
            os.close(self._fd)
            self.here = False


@contextmanager
def held(paths: ClusterPaths, slot: int) -> Iterator[Held]:
    worker = Held(paths.journal(slot) / "owner.lock")
    try:
        yield worker
    finally:
        worker.leave()


def hello(slot: int, pid: int = 4242) -> link.Hello:
    return link.Hello(
        version=link.LINK_VERSION,
        slot=slot,
        pid=pid,
        started_at=0.0,
        package_version="0",
        shard_count=4,
        shards=[],
    )


class Play:
    """An Adoption whose sleeps are counted, with something to happen at each."""

    def __init__(self, paths: ClusterPaths, fits: Callable[[int, link.Hello], bool]) -> None:
        self.slept = 0.0
        self.sent: list[tuple[int, link.ToWorker]] = []
        self.on_sleep: Callable[[], None] = lambda: None
        self.on_send: Callable[[], None] = lambda: None
        self.adoption = Adoption(LocalSlots(paths), fits=fits, send=self._send, sleep=self._sleep)

    def _send(self, slot: int, message: link.ToWorker) -> bool:
        self.sent.append((slot, message))
        self.on_send()
        return True

    async def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.on_sleep()
        await asyncio.sleep(0)


def test_a_free_slot_is_found_free_at_once(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: True)
    assert asyncio.run(play.adoption.find(0)) is None
    assert play.slept == 0


def test_a_slot_that_can_not_be_looked_at_stops_no_other(paths: ClusterPaths) -> None:
    paths.journal(0).parent.mkdir(parents=True)
    paths.journal(0).write_text("no folder")
    paths.journal(1).symlink_to(paths.journal(1))  # ELOOP for whoever opens what is in it
    play = Play(paths, lambda slot, hello: True)

    async def find() -> None:
        for slot in (2, 0):
            assert await play.adoption.find(slot) is None

    asyncio.run(find())


def test_who_greets_and_fits_goes_on(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: slot == 1)
    with held(paths, 1):
        play.on_sleep = lambda: play.adoption.hello(1, hello(1))
        process = asyncio.run(play.adoption.find(1))
    assert process is not None
    assert process.pid == 4242
    assert play.sent == []


def test_who_does_not_fit_is_told_to_stop_and_waited_for(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: False)
    with held(paths, 0) as worker:
        play.on_sleep = lambda: play.adoption.hello(0, hello(0))
        play.on_send = worker.leave
        assert asyncio.run(play.adoption.find(0)) is None
        assert not worker.here
    assert play.sent == [(0, link.Stop())]


def test_no_slot_is_free_before_a_slot_that_the_plan_has_no_more(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: False)
    with held(paths, 7) as worker:
        play.on_sleep = lambda: play.adoption.hello(7, hello(7))
        play.on_send = worker.leave
        assert asyncio.run(play.adoption.find(0)) is None
        assert not worker.here
    assert play.sent == [(7, link.Stop())]


def test_waiting_is_bounded(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: False)
    with held(paths, 0):
        assert asyncio.run(play.adoption.find(0)) is None
        assert play.slept <= 2 * GREET_S, "once for all slots, once for this one"
        play.on_sleep = lambda: play.adoption.hello(0, hello(0))
        play.slept = 0
        assert asyncio.run(play.adoption.find(0)) is None
        assert play.slept <= GREET_S + LEAVE_S
        assert play.adoption.lingering() == {0}
    assert play.adoption.lingering() == set()


def test_who_is_waited_for_in_vain_lingers(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: slot == 0)
    with held(paths, 0), held(paths, 1), held(paths, 2):

        def greet() -> None:
            for slot in (0, 1):
                play.adoption.hello(slot, hello(slot))

        play.on_sleep = greet
        asyncio.run(play.adoption.survey())
        assert play.adoption.lingering() == {1, 2}, "it may not go on, or does not greet"


@contextmanager
def owning(lock: Path, deaf: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock, wrote its name into it, and says nothing."""
    lock.parent.mkdir(parents=True)
    code = f"""
import fcntl, os, signal, sys, time
from cluster.processes import Owner
fd = os.open({str(lock)!r}, os.O_RDWR | os.O_CREAT)
fcntl.flock(fd, fcntl.LOCK_EX)
os.write(fd, Owner.from_pid(os.getpid()).line())
if {deaf}:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        try:
            yield owner
        finally:
            owner.kill()


def test_who_hangs_is_killed_by_what_the_lock_says(paths: ClusterPaths) -> None:
    lock = paths.journal(0) / "owner.lock"
    with owning(lock) as hung:
        play = Play(paths, lambda slot, hello: True)
        play.on_sleep = lambda: time.sleep(0.002)  # a killed process takes its time to be gone
        assert asyncio.run(play.adoption.find(0)) is None
        assert hung.wait(60) == -signal.SIGKILL
    assert not is_held(lock)


@pytest.mark.parametrize(("deaf", "signalled"), [(False, "SIGTERM"), (True, "SIGKILL")])
@pytest.mark.parametrize("logout", [False, True])
def test_a_stop_ends_who_has_not_greeted_yet(
    paths: ClusterPaths, deaf: bool, signalled: str, logout: bool
) -> None:
    """The coordinator is stopped before it took over a worker from before it."""

    async def stopped(play: Play) -> None:
        finding = asyncio.create_task(play.adoption.find(0))
        await asyncio.sleep(0)
        finding.cancel()
        await asyncio.gather(finding, return_exceptions=True)
        play.slept = 0.0
        await play.adoption.end(link.Stop(logout=logout), 4.0)

    with owning(paths.journal(0) / "owner.lock", deaf) as owner:
        play = Play(paths, lambda slot, hello: True)
        play.on_sleep = lambda: time.sleep(0.002)
        asyncio.run(stopped(play))
        assert owner.wait(60) == -signal.Signals[signalled]
        assert play.slept <= 4.0 + (LEAVE_S if deaf else 0.0)
        assert play.sent == []


def test_a_stop_is_said_to_who_has_greeted_and_was_not_taken_over(paths: ClusterPaths) -> None:
    play = Play(paths, lambda slot, hello: True)
    with held(paths, 3) as worker:
        (paths.journal(3) / "owner.lock").write_bytes(Owner.from_pid(os.getpid()).line())
        play.on_sleep = lambda: play.adoption.hello(3, hello(3))
        play.on_send = worker.leave
        asyncio.run(play.adoption.end(link.Stop(logout=True), 4.0))
        assert not worker.here
    assert play.sent == [(3, link.Stop(logout=True))]


def test_a_name_that_is_another_processes_is_not_killed(paths: ClusterPaths) -> None:
    """The pid is ours, the start is not: it was another process's number before."""
    with held(paths, 0):
        (paths.journal(0) / "owner.lock").write_text(f"{os.getpid()} 1\n")
        play = Play(paths, lambda slot, hello: True)
        assert asyncio.run(play.adoption.find(0)) is None


def test_a_slot_is_looked_at_again_each_time(paths: ClusterPaths) -> None:
    """A worker that was silent at first may greet later."""
    play = Play(paths, lambda slot, hello: True)

    async def twice() -> None:
        with held(paths, 0):
            assert await play.adoption.find(0) is None
            play.adoption.hello(0, hello(0, pid=77))
            found = await play.adoption.find(0)
            assert found is not None
            assert found.pid == 77
        assert await play.adoption.find(0) is None

    asyncio.run(twice())


def test_an_adopted_worker_lives_as_long_as_its_lock_is_held(paths: ClusterPaths) -> None:
    lock = paths.journal(0) / "owner.lock"
    with held(paths, 0) as worker:
        polls = 0

        async def sleep(seconds: float) -> None:
            nonlocal polls
            polls += 1
            assert seconds == POLL_S
            if polls == 3:
                worker.leave()

        process = AdoptedProcess(os.getpid(), lock, sleep)
        assert asyncio.run(process.wait()) is None
        assert polls == 3


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_number_that_another_process_has_by_now_is_not_signalled(
    paths: ClusterPaths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The slot's lock is held again, by the next worker, and the pid was given to somebody."""
    child = sleeper()
    try:
        with held(paths, 0):
            process = AdoptedProcess(child.pid, paths.journal(0) / "owner.lock")
            monkeypatch.setattr("coordinator.workers.adoption.process_start", lambda pid: "later")
            process.kill()
            assert "is not the worker any more: no SIGKILL" in caplog.text
            monkeypatch.undo()
            process.kill()
            assert child.wait(60) == -9
    finally:
        child.kill()
        child.wait()


def test_signals_reach_the_adopted_worker_only(paths: ClusterPaths) -> None:
    child = sleeper()
    try:
        with held(paths, 0) as worker:
            process = AdoptedProcess(child.pid, paths.journal(0) / "owner.lock")
            worker.leave()
            process.kill()  # the worker is gone, so the number may be another's by now
            assert child.poll() is None
        with held(paths, 0):
            process.kill()
            assert child.wait(60) == -9
    finally:
        child.kill()
        child.wait()
