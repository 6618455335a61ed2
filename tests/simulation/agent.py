"""A host: its agent, the workers that live there, and what its disk has. How it stands with the
coordinator is decided by the real agent's code."""

from __future__ import annotations

import asyncio
import itertools
from random import Random
from typing import Final

import cluster
from cluster.config.worker_spec import decode_spec
from cluster.wire import hosts as wire
from cluster.wire.shard_state import ShardState
from host_agent.joining import Joining, Phase
from tests.simulation.discord import Gateway
from tests.simulation.network import Network
from tests.simulation.worker import PlayedWorker

BOOT_S: Final = (0.4, 1.2)
"""From the order to start a worker until it says hello."""
GREET_AFTER_S: Final = 3.0
"""Workers that hear nothing for so long say hello anew."""


class PlayedHost:
    """One machine."""

    def __init__(
        self,
        name: str,
        workers: int,
        gateway: Gateway,
        network: Network,
        random: Random,
        report_s: float,
    ) -> None:
        """workers: how many it would run. report_s: seconds between two reports of a worker."""
        self.name = name
        self.running: dict[int, PlayedWorker] = {}
        self._workers = workers
        self._gateway = gateway
        self._network = network
        self._random = random
        self._report_s = report_s
        self._loop = asyncio.get_running_loop()
        self._disk: dict[int, ShardState] = {}
        self._journals: set[int] = set()
        self._pids = itertools.count(1000)
        self._starts: dict[int, int] = {}
        """pid -> number of the StartWorker."""
        self._seen: set[int] = set()
        """Numbers of StartWorkers that were heeded."""
        self._ended: list[wire.EndedWorker] = []
        self._instance = 0
        self.id = b""
        self._joining: Joining | None = None
        self.start_agent()

    # -- the agent ------------------------------------------------------------------------------

    def start_agent(self) -> None:
        """Start an agent process: it finds the workers that live."""
        self._instance += 1
        self.id = wire.host_id(self.name, f"{self._instance:016x}")
        self._network.enter(self.id, self)
        self._joining = Joining(self._loop.time())
        self._starts.clear()
        self._loop.call_later(self._random.random(), self._tick, self.id)

    def stop_agent(self) -> None:
        """End the agent process; workers live on."""
        self._network.leave(self.id)
        self._joining = None

    def lose(self) -> None:
        """Lose the whole machine, its disk too."""
        self.stop_agent()
        for worker in list(self.running.values()):
            worker.end(None)
        self._disk.clear()
        self._journals.clear()

    def take(self, message: wire.ToHost) -> None:
        """Take what the coordinator says."""
        if self._joining is None:
            return
        now = self._loop.time()
        match message:
            case wire.HostWelcome():
                self._joining.welcome(0, now)
                self._report()
            case wire.HostRefusal():
                self._joining.refused(0, message, now)
            case wire.HostHeard():
                self._joining.heard(0, now)
            case wire.StartWorker():
                if message.number not in self._seen:
                    self._seen.add(message.number)
                    pid = next(self._pids)
                    self._starts[pid] = message.number
                    wait = self._random.uniform(*BOOT_S)
                    self._loop.call_later(wait, self._start, message, pid)
            case wire.SignalWorker(slot=slot, pid=pid, kill=kill):
                worker = self.running.get(slot)
                if worker is not None and worker.pid == pid:
                    if kill:
                        worker.end(-9)
                    else:
                        worker.stop(0)
            case wire.TellWorker(slot=slot, data=data):
                if slot in self.running:
                    self.running[slot].take(data)
            case _:
                pass

    def _start(self, message: wire.StartWorker, pid: int) -> None:
        with self._network.playing():
            if self._joining is None or message.slot in self.running:
                return
            self._journals.add(message.slot)
            self.running[message.slot] = PlayedWorker(
                decode_spec(message.spec), pid, self._gateway, self._network, self._random,
                self._disk, self._say, self._on_ended, self._report_s,
            )  # fmt: skip
            self._report()
            self.running[message.slot].begin()

    def _on_ended(self, worker: PlayedWorker, code: int | None) -> None:
        del self.running[worker.slot]
        start = self._starts.get(worker.pid, 0)
        self._ended.append(
            wire.EndedWorker(slot=worker.slot, pid=worker.pid, start=start, code=code)
        )
        self._loop.call_later(wire.ENDED_S, self._ended.pop, 0)
        self._report()

    def _say(self, slot: int, data: bytes) -> None:
        if self._joining is not None:
            self._network.tell(self.id, wire.WorkerSaid(slot=slot, data=data))

    def _tick(self, host_id: bytes) -> None:
        if host_id != self.id or self._joining is None:
            return
        with self._network.playing():
            now = self._loop.time()
            if self._joining.is_hello_due(now):
                hello = wire.HostHello(
                    version=wire.HOST_VERSION, package_version=cluster.__version__,
                    boot_id="played", workers=self._workers, address=self.name,
                )  # fmt: skip
                self._network.tell(self.id, hello)
            for worker in self.running.values():
                if now - worker.heard_at >= GREET_AFTER_S:
                    worker.greet()
            self._report()
            self._loop.call_later(wire.REPORT_S, self._tick, host_id)

    def _report(self) -> None:
        if self._joining is None or self._joining.phase is not Phase.JOINED:
            return
        held = [
            wire.HeldSlot(slot=slot, pid=worker.pid, start=self._starts.get(worker.pid, 0))
            for slot, worker in self.running.items()
        ]
        self._network.tell(
            self.id,
            wire.HostReport(held=held, ended=list(self._ended), journals=sorted(self._journals)),
        )
