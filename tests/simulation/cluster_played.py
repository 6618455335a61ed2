"""The cluster that is played: hosts, Discord, the ways between, and a coordinator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import msgspec

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HostsConfig
from cluster.wire.operations import DrainArgs
from cluster.wire.states import OperationState
from cluster.wire.status import Operation
from tests.played_loop import PlayedLoop
from tests.simulation.agent import PlayedHost
from tests.simulation.coordinator import PlayedCoordinator
from tests.simulation.discord import Gateway
from tests.simulation.network import Network

LOOK_S: Final = 0.25
MOST_S: Final = 6 * 3600.0
"""Played seconds that anything may take."""


class WorkingLoop(PlayedLoop):
    """Does at once what is given to a thread: the time would jump meanwhile."""

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except OSError as error:
            done.set_exception(error)
        return done


class Shape(NamedTuple):
    """How large the cluster is."""

    hosts: int = 64
    workers: int = 4
    """Workers of each host."""
    shards: int = 16_384
    max_concurrency: int = 64
    report_s: float = 1.0
    """Seconds between two reports of a worker."""


class Reading(NamedTuple):
    """What was counted over some played seconds."""

    seconds: float
    """Played."""
    cpu_s: float
    """CPU seconds that the coordinator took."""
    messages: int
    """To the coordinator and from it."""
    mbytes: float
    """What these messages had in bytes, in millions."""

    @property
    def cpu_percent(self) -> float:
        return 100 * self.cpu_s / self.seconds if self.seconds else 0.0

    @property
    def messages_per_s(self) -> float:
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def mbit_per_s(self) -> float:
        return 8 * self.mbytes / self.seconds if self.seconds else 0.0


class PlayedCluster:
    """Made within a played loop."""

    def __init__(self, shape: Shape, folder: Path, seed: int = 1) -> None:
        self.shape = shape
        self.random = Random(seed)
        self._loop = asyncio.get_running_loop()
        clock = self._loop.time
        self.gateway = Gateway(clock, shape.max_concurrency)
        self.network = Network(self._loop, self.random)
        self.hosts = [
            PlayedHost(
                f"host-{n:02}", shape.workers, self.gateway, self.network, self.random,
                shape.report_s,
            )
            for n in range(shape.hosts)
        ]  # fmt: skip
        self.spec = CoordinatorSpec(
            name="played", state_dir=str(folder / "state"), runtime_dir=str(folder / "run"),
            token="played", shards=str(shape.shards), engine="join",
            hosts=HostsConfig(
                control="tcp://*:7321", events="tcp://*:7322", replay="tcp://*:7323",
                expected=shape.hosts,
            ),
        )  # fmt: skip
        self.coordinator = PlayedCoordinator(self.spec, self.network, self.gateway)
        self._watermarks: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the coordinator."""
        await self.coordinator.start()
        self._watermarks = asyncio.create_task(self._publish())

    async def restart_coordinator(self, away_s: float) -> None:
        """Kill the coordinator, and start the next one some seconds later."""
        await self.coordinator.kill()
        await asyncio.sleep(away_s)
        self.coordinator = PlayedCoordinator(self.spec, self.network, self.gateway)
        await self.coordinator.start()

    async def close(self) -> None:
        """End what runs."""
        if self._watermarks is not None:
            self._watermarks.cancel()
        await self.coordinator.kill()

    async def _publish(self) -> None:
        """Let the watermarks of all workers come out of the hub, once a second."""
        while True:
            with self.network.playing():
                at = int(self._loop.time() * 1e9)
                for host in self.hosts:
                    if host.name not in self.network.cut:
                        self.coordinator.last_out.slots.update(dict.fromkeys(host.running, at))
            await asyncio.sleep(1.0)

    # -- what scenarios do ----------------------------------------------------------------------

    async def until(self, condition: Callable[[], bool]) -> float:
        """Play until a condition holds. Return the seconds that it took. AssertionError: it does
        not hold for hours, or a part of the coordinator has failed."""
        began = self._loop.time()
        while not condition():
            failure = self.coordinator.failure
            assert failure is None, f"the coordinator failed: {failure!r}"
            assert self._loop.time() - began < MOST_S, "it does not come"
            await asyncio.sleep(LOOK_S)
        return self._loop.time() - began

    @property
    def all_ready(self) -> bool:
        """Whether the coordinator knows all shards as ready, of the workers of the whole plan."""
        fleet = self.coordinator.fleet
        plan = fleet.assignments.plan
        return len(plan.shards) == self.shape.shards and fleet.reports.all_ready(plan)

    async def drain(self, host: str, *, undo: bool = False) -> str:
        """Drain a host, or let it get workers again. Return what was done. AssertionError: it
        failed."""
        runner = self.coordinator.operations
        await self.until(lambda: not _runs(runner.current))
        await self.coordinator.drain(msgspec.to_builtins(DrainArgs(host=host, undo=undo)))
        await self.until(lambda: not _runs(runner.current))
        done = runner.current
        assert done is not None
        assert done.state is OperationState.DONE, done.text
        return done.text

    def loads(self) -> Mapping[str, int]:
        """Return how many shards each host has by the plan."""
        assignments = self.coordinator.fleet.assignments
        loads = dict.fromkeys((host.name for host in self.hosts), 0)
        for slot, shards in assignments.plan.slots.items():
            if name := assignments.where.get(slot):
                loads[name] += len(shards)
        return loads

    def meter(self) -> Callable[[], Reading]:
        """Begin to count. Return what says how much it is by now."""
        network = self.network

        def now() -> tuple[float, float, int, int]:
            return (
                self._loop.time(),
                time.thread_time() - network.played_ns / 1e9,
                network.to_coordinator + network.from_coordinator,
                network.bytes_in + network.bytes_out,
            )

        began = now()

        def reading() -> Reading:
            seconds, cpu_s, messages, size = (b - a for a, b in zip(began, now(), strict=True))
            return Reading(seconds, cpu_s, int(messages), size / 1e6)

        return reading


def _runs(operation: Operation | None) -> bool:
    return operation is not None and operation.state is OperationState.RUNNING


def status_ms(cluster: PlayedCluster) -> Any:
    """Return a coroutine that returns the milliseconds which one status takes, encoded, and its
    bytes."""

    async def ask() -> tuple[float, int]:
        began = time.thread_time()
        answer = await cluster.coordinator.status.status({})
        data = msgspec.msgpack.encode(answer)
        return 1000 * (time.thread_time() - began), len(data)

    return ask()
