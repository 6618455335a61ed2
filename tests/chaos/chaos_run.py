"""One run: pairs of faults that overlap, one after another, on a cluster under traffic."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp

from cluster.errors import ClusterError
from cluster.sandbox import SandboxControl
from tests.chaos.cluster_processes import ClusterProcesses, CommandFailed
from tests.chaos.cluster_under_test import SOME_NAMES, ClusterUnderTest, Stuck
from tests.chaos.fault_log import FaultLog
from tests.chaos.faults.actions import FAULT_ACTIONS, shards_met
from tests.chaos.faults.schedule import Fault, Pair, Shape, fault_pairs
from tests.chaos.judge import Judge
from tests.progress import progress

SHAPE: Final = Shape(shards=6, slots=3)
RATE: Final = 300.0
PAIRS_AT_ONCE: Final = 6
SETTLE_EVERY: Final = 100
"""Faults between two moments at which nothing is broken, and the sums are drawn."""
OPTIONS: Final[dict[str, Any]] = {
    "guilds": 24,
    "members_per_guild": 20,
    "shards": SHAPE.shards,
    "max_concurrency": 3,
    "heartbeat_interval_ms": 1500,
    "heartbeat_grace_s": 60.0,  # a frozen worker's session survives, as it does at 41 s
    "session_start_total": 100_000,
    "session_start_remaining": 100_000,
    "faults": [{"kind": "trim_on_heartbeat"}],
}
FAILURES: Final = (Stuck, CommandFailed, ClusterError, TimeoutError, aiohttp.ClientError)
"""What a driver's step raises when the cluster does not do what it has to."""


class ChaosRun:
    """One run. ``run`` returns; ``log`` says what happened."""

    def __init__(
        self, seed: int, count: int, *, only: int | None = None, mutant: str = "",
        shape: Shape = SHAPE, options: dict[str, Any] | None = None,
        tell: Callable[[str], None] = lambda line: None, pairs: Iterable[Pair] | None = None,
        rests: str = "usual",
    ) -> None:  # fmt: skip
        """tell: called with a line for each pair. pairs: in place of those that the seed deals.
        rests: when the sockets of workers rest, one of cluster_processes.RESTS."""
        self.seed = seed
        self.rests = rests
        self.shape = shape
        self.pairs = list(pairs if pairs is not None else fault_pairs(seed, count, shape, only))
        self.options = {**OPTIONS, "shards": shape.shards, "seed": seed, **(options or {})}
        self.log = FaultLog()
        self.folder = Path(tempfile.mkdtemp(prefix="dcgw-chaos-"))
        self.events = 0
        """Events that the sandbox dispatched."""
        self.tell = tell
        self._mutant = mutant

    async def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
            self.processes = ClusterProcesses(
                self.folder, Path(sockets), self._mutant, self.rests, self.shape.hosts
            )
            self.processes.workers = self.shape.slots
            try:
                async with AsyncExitStack() as stack:
                    await self._run(stack)
            except FAILURES as error:
                text = "".join(traceback.format_exception_only(error)).strip()
                self.log.breach("other", "driver", text)
            finally:
                await self.processes.end()
        if not self.log.breaches:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self, stack: AsyncExitStack) -> None:
        info = await self.processes.start_sandbox(rate=RATE, **self.options)
        sandbox = await stack.enter_async_context(
            SandboxControl(info.control_url, info.control_token)
        )
        tested = ClusterUnderTest(self.processes, sandbox, self.shape.shards, RATE)
        self.tested = tested
        self.judge = Judge(tested, self.log)
        tested.state = await sandbox.state()
        tested.start_raw()
        stack.callback(tested.raw.close)
        self.processes.offer_proxy()
        tested.start_clients()
        stack.push_async_callback(tested.end_clients)
        await self.processes.start_hosts()
        # Subscribers and workers at the same moment, from the first event on.
        await asyncio.gather(
            tested.add_subscriber("all", None),
            tested.add_subscriber("some", SOME_NAMES),
            self.processes.start(),
        )
        watch = asyncio.create_task(self._watch())
        stack.push_async_callback(_cancel, watch)
        faults = asyncio.create_task(self._all_faults())
        stack.push_async_callback(_cancel, faults)
        failed = asyncio.create_task(self.log.failed.wait())
        stack.push_async_callback(_cancel, failed)
        await asyncio.wait([faults, failed], return_when=asyncio.FIRST_COMPLETED)
        if faults.done():
            faults.result()

    async def _watch(self) -> None:
        """Judge what comes, until cancelled."""
        watch = asyncio.create_task(self.tested.watch())
        try:
            while not watch.done():
                await asyncio.wait([watch], timeout=0.2)
                self._gather()
            error = watch.exception()
            self.log.breach("other", "driver", f"the ledger can't be read: {error!r}")
        finally:
            await _cancel(watch)

    def _gather(self) -> None:
        self.events = self.tested.ledger.events
        self.judge.gather()

    async def _all_faults(self) -> None:
        """Do every pair; cancelled when something is broken that must not be."""
        await self.tested.connected(range(self.tested.shards))
        self.log.occurrences[0].ended = time.time()
        settled = 1
        async with asyncio.TaskGroup() as group:
            running: set[asyncio.Task[None]] = set()
            for pair in self.pairs:
                settles = pair.number - settled >= SETTLE_EVERY
                if settles or pair.alone:
                    while running:
                        await asyncio.wait(running)
                if settles:
                    settled = pair.number
                    await self.judge.settle()
                if pair.alone:
                    await self._pair(pair)
                    continue
                task = group.create_task(self._pair(pair))
                running.add(task)
                task.add_done_callback(running.discard)
                await asyncio.sleep(pair.pause)
                while len(running) >= PAIRS_AT_ONCE:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        await self._end()

    async def _pair(self, pair: Pair) -> None:
        first, *rest = pair.faults
        if pair.alone:
            for number, fault in enumerate(pair.faults, pair.number):
                await self._fault(number, fault)
        else:
            later = [self._later(pair.offset, pair.number + 1, fault) for fault in rest]
            await asyncio.gather(self._fault(pair.number, first), *later)
        seconds = [o.recovery_s for o in self.log.occurrences if o.number - pair.number in (0, 1)]
        what = " + ".join(str(fault) for fault in pair.faults)
        self.tell(f"{pair.number + len(rest):5}  {what}: {max(seconds):.1f} s")

    async def _later(self, seconds: float, number: int, fault: Fault) -> None:
        await asyncio.sleep(seconds)
        await self._fault(number, fault)

    async def _fault(self, number: int, fault: Fault) -> None:
        """Do one fault, and wait until all that was dispatched meanwhile has come."""
        tested = self.tested
        async with AsyncExitStack() as stack:
            for need in sorted(fault.needs):
                lock = tested.locks.setdefault(need, asyncio.Lock())
                await stack.enter_async_context(lock)
            occurrence = self.log.begin(number, fault)
            events = tested.ledger.events
            try:
                await FAULT_ACTIONS[fault.kind](tested, **fault.params)
                mended = time.time()
                shards = shards_met(tested, fault.params)
                await tested.connected(shards)
                await tested.caught_up(shards)
            except FAILURES as error:
                occurrence.ended = time.time()
                text = f"{occurrence}: {error or type(error).__name__}"
                self.log.breach("other", "driver", text, occurrence.began)
                return
            progress()
            occurrence.ended = time.time()
            occurrence.recovery_s = occurrence.ended - mended
            occurrence.counts["events"] = tested.ledger.events - events

    async def _end(self) -> None:
        """Draw the sums for the last time, and stop everything."""
        await self.judge.settle()
        await self.tested.sandbox.quiesce()
        await self.judge.settle()
        self.events = self.tested.ledger.events
        for client in self.tested.clients:
            if not client.audit.has_begun:
                self.log.breach("other", client.audit.who, "it was never ready")
        for subscriber in self.tested.subscribers.values():
            await subscriber.kill()
        await self.processes.cli("stop")
        for host in self.processes.hosts:
            await host.stop()
        # A worker that was taken over counts as gone when it lets go of its lock, at its very end.
        try:
            await self.tested.until(lambda: not self.processes.living(), "", 5.0)
        except Stuck:
            left = [f"{role} {pid}" for pid, role in self.processes.living()]
            raise Stuck(f"left running by `stop`: {', '.join(left)}") from None


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
