"""An agent on the test's loop, with a played coordinator at the other end and programs in the
workers' place."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cluster.config.host_spec import HostSpec
from cluster.config.worker_spec import WorkerSpec, decode_spec, encode_spec
from cluster.endpoints.paths import is_held
from cluster.errors import AlreadyRunningError, ClusterError, KeyRefusedError, NotRunningError
from cluster.processes import Owner
from cluster.wire import hosts
from coordinator.host import boot_id
from host_agent.agent import HostAgent, reached
from tests.host_agent.played_coordinator import CLUSTER, PlayedCoordinator, Report

WORKER = [sys.executable, "-P", "-m", "tests.host_agent.fake_worker"]


def start(number: int, slot: int = 0, ca_pem: str = "") -> hosts.StartWorker:
    """Return the order to start the worker of a slot."""
    spec = WorkerSpec(
        token="secret", gateway_url="wss://played", slot=slot, cluster=CLUSTER, boot_id="",
        shards=[], shard_count=1, journal_dir="", link_endpoint="", hub_endpoint="", hub=1,
    )  # fmt: skip
    return hosts.StartWorker(number=number, slot=slot, spec=encode_spec(spec), ca_pem=ca_pem)


class Rig:
    """An agent, started and stopped by the test, and its coordinator."""

    def __init__(self, folder: Path, coordinator: PlayedCoordinator) -> None:
        self.folder = folder
        self.coordinator = coordinator
        self.keys = coordinator.keys()
        self.said: list[str] = []
        self.agent: HostAgent | None = None
        self._running: asyncio.Task[None] | None = None

    def spec(self, **changes: Any) -> HostSpec:
        values = {
            "join": [self.coordinator.endpoint],
            "keys": self.keys,
            "state_dir": str(self.folder / "state"),
            "runtime_dir": str(self.folder / "run"),
            "workers": 2,
            "labels": {"rack": "a"},
            "stop_seconds": 10,
        }
        return HostSpec(**{**values, **changes})

    def begin(self, **changes: Any) -> None:
        """Start an agent."""
        self.agent = HostAgent(self.spec(**changes), say=self.said.append, command=WORKER)
        self._running = asyncio.create_task(self.agent.run())

    async def ended(self) -> None:
        """Go on until the agent has ended; raise what it ends with."""
        assert self._running is not None
        running = self._running
        await self.coordinator.until(running.done)
        running.result()

    async def end(self) -> None:
        """End the agent, in order."""
        assert self.agent is not None
        self.agent.request_stop()
        await self.ended()

    async def die(self) -> None:
        """End the agent as SIGKILL does: workers live on."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    def slot(self, number: int = 0) -> Path:
        return self.folder / "state" / "journal" / f"slot-{number}"


Scenario = Callable[[Rig], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def a_rig(folder: Path) -> AsyncIterator[Rig]:
    coordinator = PlayedCoordinator()
    rig = Rig(folder, coordinator)
    try:
        yield rig
    finally:
        with contextlib.suppress(ClusterError, AssertionError):
            if rig.agent is not None and rig._running is not None and not rig._running.done():
                await rig.end()
        for lock in (folder / "state" / "journal").glob("*/owner.lock"):
            if is_held(lock) and (owner := Owner.read(lock)):  # the test has failed
                os.kill(owner.pid, signal.SIGKILL)
        rig.coordinator.close()


def run(folder: Path, scenario: Scenario) -> None:
    async def all_of_it() -> None:
        async with a_rig(folder) as rig:
            await scenario(rig)

    asyncio.run(all_of_it())


def holds(*slots: int) -> Callable[[Report], bool]:
    return lambda report: sorted(one.slot for one in report.held) == sorted(slots)


def test_a_host_joins_runs_a_worker_and_leaves_in_order(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        first = await coordinator.report(lambda report: True)
        assert (first.held, first.leaving) == ([], False)
        assert first.disk_free_bytes > 0
        hello = coordinator.hellos[0]
        assert (hello.version, hello.workers, hello.labels) == (1, 2, {"rack": "a"})
        coordinator.tell(start(7, ca_pem="a certificate"))
        coordinator.tell(start(7, ca_pem="a certificate"))
        report = await coordinator.report(holds(0))
        assert [one.start for one in report.held] == [7]
        await coordinator.until(lambda: bool(coordinator.said))
        assert coordinator.said[0] == hosts.WorkerSaid(slot=0, data=b"I am here")
        coordinator.tell(hosts.TellWorker(slot=0, data=b"this"))
        coordinator.tell(hosts.TellWorker(slot=3, data=b"nobody hears this"))
        await coordinator.until(lambda: len(coordinator.said) > 1)
        assert coordinator.said[1].data == b"heard this"
        spec = msgspec.json.decode((rig.slot() / "spec.json").read_bytes(), type=WorkerSpec)
        run_folder, state = rig.folder / "run", rig.folder / "state"
        assert spec.boot_id == boot_id()
        assert spec.journal_dir == str(rig.slot())
        assert spec.log_file == str(state / "logs" / "worker-0.log")
        assert spec.link_endpoint == f"ipc://{run_folder / 'link'}"
        assert spec.hub_endpoint == f"ipc://{run_folder / 'hub-1'}"
        assert (state / "ca.pem").read_text() == "a certificate"
        assert (state / "ca.pem").stat().st_mode & 0o777 == 0o600
        assert spec.ca_file == str(state / "ca.pem")
        await rig.end()
        last = await coordinator.report(lambda report: report.leaving and not report.held)
        assert [one.code for one in last.ended] == [0]
        assert not is_held(rig.slot() / "owner.lock")
        assert any("Joined as host-1" in line for line in rig.said)

    run(folder, scenario)


def test_a_worker_that_dies_is_told_and_its_journal_cleared(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        await coordinator.report(lambda report: True)
        coordinator.tell(start(1))
        await coordinator.until(lambda: bool(coordinator.said))
        coordinator.tell(hosts.ClearJournal(slot=0))
        coordinator.tell(hosts.TellWorker(slot=0, data=b"die"))
        report = await coordinator.report(lambda report: bool(report.ended))
        (ended,) = report.ended
        assert (ended.start, ended.code, ended.words) == (1, 9, "it was told to die")
        assert report.journals == [0], "nothing is cleared under a process that lives"
        coordinator.tell(hosts.ClearJournal(slot=0))
        await coordinator.report(lambda report: report.journals == [])
        assert not rig.slot().exists()

    run(folder, scenario)


def test_only_the_process_that_is_meant_is_signalled(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        await coordinator.report(lambda report: True)
        coordinator.tell(start(1))
        report = await coordinator.report(holds(0))
        pid = report.held[0].pid
        await coordinator.until(lambda: bool(coordinator.said))
        coordinator.tell(hosts.SignalWorker(slot=0, pid=pid + 1, kill=True))
        coordinator.tell(hosts.TellWorker(slot=0, data=b"it lives"))
        await coordinator.until(lambda: len(coordinator.said) > 1)
        coordinator.tell(hosts.SignalWorker(slot=0, pid=pid, kill=True))
        report = await coordinator.report(lambda report: bool(report.ended))
        assert report.ended[0].code == -signal.SIGKILL

    run(folder, scenario)


def test_workers_survive_their_agent_and_the_next_one_finds_them(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        await coordinator.report(lambda report: True)
        coordinator.tell(start(4))
        pid = (await coordinator.report(holds(0))).held[0].pid
        await coordinator.until(lambda: bool(coordinator.said))
        await rig.die()
        rig.begin()
        found = [hosts.HeldSlot(slot=0, pid=pid)]
        await coordinator.report(lambda report: report.held == found)
        coordinator.tell(start(5))
        report = await coordinator.report(lambda report: bool(report.ended))
        assert (report.ended[0].pid, report.ended[0].start) == (None, 5)
        assert str(pid) in report.ended[0].words
        coordinator.tell(hosts.SignalWorker(slot=0, pid=pid))
        report = await coordinator.report(holds())
        assert report.ended[-1].code is None
        assert report.ended[-1].pid == pid

    run(folder, scenario)


def test_without_who_has_started_it_it_ends_and_its_workers_do_not(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.begin(parent=os.getppid())
        await rig.coordinator.report(lambda report: True)
        rig.coordinator.tell(start(4))
        pid = (await rig.coordinator.report(holds(0))).held[0].pid
        await rig.coordinator.until(lambda: bool(rig.coordinator.said))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "getppid", lambda: 1)
            with pytest.raises(ClusterError, match="is gone"):
                await rig.ended()
        assert is_held(rig.slot() / "owner.lock")
        rig.begin(parent=os.getppid())
        report = await rig.coordinator.report(holds(0))
        assert report.held[0].pid == pid

    run(folder, scenario)


def test_a_worker_that_comes_into_being_while_its_agent_ends_is_found_when_it_speaks(
    folder: Path,
) -> None:
    async def scenario(rig: Rig) -> None:
        rig.begin()
        await rig.coordinator.report(holds())
        spec = decode_spec(start(7, slot=5).spec)
        link = rig.spec().paths.link
        own = msgspec.structs.replace(spec, journal_dir=str(rig.slot(5)), link_endpoint=link)
        worker = await asyncio.create_subprocess_exec(*WORKER, stdin=asyncio.subprocess.PIPE)
        assert worker.stdin is not None
        worker.stdin.write(encode_spec(own))
        worker.stdin.close()
        report = await rig.coordinator.report(holds(5))
        assert [(one.pid, one.start) for one in report.held] == [(worker.pid, 0)]
        await rig.end()
        await worker.wait()

    run(folder, scenario)


def test_a_coordinator_that_is_away_is_found_again(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        await coordinator.report(lambda report: True)
        coordinator.tell(start(1))
        await coordinator.report(holds(0))
        coordinator.hears = False
        greeted = len(coordinator.hellos)
        await coordinator.until(lambda: len(coordinator.hellos) > greeted)
        assert any("is away" in line for line in rig.said)
        coordinator.close()
        rig.coordinator = coordinator = PlayedCoordinator(coordinator.server_keys, coordinator.port)
        report = await coordinator.report(holds(0))
        assert report.held[0].start == 1
        assert sum("Joined as" in line for line in rig.said) >= 2

    run(folder, scenario)


def test_who_may_not_join(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.coordinator.refusal = hosts.HostRefusal(cause="the name is taken", action="another")
        rig.begin()
        with pytest.raises(ClusterError, match="the name is taken: another"):
            await rig.ended()

    run(folder, scenario)


def test_a_coordinator_of_another_version(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        coordinator.welcomes = False
        rig.begin()
        await coordinator.until(lambda: bool(coordinator.hellos))
        identity = coordinator.agents[-1]
        coordinator.tell(msgspec.structs.replace(coordinator.welcome(identity), version=99))
        with pytest.raises(ClusterError, match="speaks version 99"):
            await rig.ended()

    run(folder, scenario)


def test_a_coordinator_of_another_cluster(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        rig.begin()
        await coordinator.report(lambda report: True)
        welcome = coordinator.welcome(coordinator.agents[-1])
        coordinator.tell(msgspec.structs.replace(welcome, cluster="f" * 16))
        with pytest.raises(ClusterError, match="another cluster"):
            await rig.ended()

    run(folder, scenario)


@pytest.mark.parametrize(
    ("endpoint", "by", "reaches"),
    [
        ("tcp://*:7322", "tcp://gw.example.org:7321", "tcp://gw.example.org:7322"),
        ("tcp://[::]:7322", "tcp://[2001:db8::5]:1", "tcp://[2001:db8::5]:7322"),
        ("tcp://inside:7322", "tcp://gw.example.org:7321", "tcp://inside:7322"),
        ("rubbish", "tcp://gw.example.org:7321", "rubbish"),
    ],
)
def test_where_a_coordinator_is_reached(endpoint: str, by: str, reaches: str) -> None:
    assert reached(endpoint, by) == reaches


def test_a_key_that_is_refused_is_said_and_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host_agent.control_way.AGAIN_S", 0.05)

    async def scenario(rig: Rig) -> None:
        coordinator = rig.coordinator
        coordinator.admits = b"400"
        rig.begin()
        await coordinator.until(lambda: any("does not let the key" in one for one in rig.said))
        coordinator.admits = b"200"
        await coordinator.report(lambda report: True)
        assert sum("does not let the key" in one for one in rig.said) == 1

    run(folder, scenario)


@pytest.mark.parametrize(
    ("which", "error", "words"),
    [
        ("nobody", NotRunningError, "nobody listens for hosts at"),
        ("refused", KeyRefusedError, "does not let the key 'host-1' in"),
        ("other", KeyRefusedError, "is not the cluster that the key file is of"),
        ("silent", NotRunningError, "no coordinator has let host host-1 join within 1 s"),
    ],
)
def test_it_gives_up_in_time(
    folder: Path, which: str, error: type[ClusterError], words: str
) -> None:
    async def scenario(rig: Rig) -> None:
        coordinator, changes = rig.coordinator, dict[str, Any]()
        if which == "nobody":
            changes = {"join": ["tcp://127.0.0.1:1"]}
        elif which == "refused":
            coordinator.admits = b"400"
        elif which == "other":
            other = PlayedCoordinator()
            changes = {"keys": other.keys()}
            other.close()
        else:
            coordinator.welcomes = False
        rig.begin(wait_s=1.0, **changes)
        with pytest.raises(error, match=words):
            await rig.ended()

    run(folder, scenario)


def test_a_state_folder_has_one_agent(folder: Path) -> None:
    async def scenario(rig: Rig) -> None:
        rig.begin()
        await rig.coordinator.report(lambda report: True)
        second = HostAgent(rig.spec(runtime_dir=str(folder / "other")), say=rig.said.append)
        with pytest.raises(AlreadyRunningError, match="runs already"):
            await second.run()

    run(folder, scenario)
