"""Runs a storm on a cluster, and judges it: pairs of faults that overlap, one after another."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import aiohttp

from cluster.errors import ClusterError
from cluster.sandbox import SandboxControl
from tests.chaos.arena import SOME, Arena, Stuck
from tests.chaos.evidence import Breach
from tests.chaos.identifies import judged
from tests.chaos.processes import CommandFailed, Machine
from tests.chaos.storm import Fault, Pair, Shape, storm
from tests.chaos.strikes import STRIKES, shards_of
from tests.chaos.sums import cut_short, unexplained
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
EARLY_S: Final = 1.0
"""On a machine that is busy an identify may be on its way for longer than the limiter reckons with,
and the next one of its bucket then comes too early by that. It costs a wait, and no identify."""
DISTURBED_S: Final = 1.0
UNDISTURBING: Final = frozenset(
    ("op9_lost", "close_lost", "replay_killed", "replay_stopped", "coordinator_killed",
     "coordinator_stopped", "late_joiner", "subscriber_stopped", "subscriber_busy"),
)  # fmt: skip
"""Kinds that touch no connection, or end it by a word that comes after all that was sent."""
START: Final = Fault("started_together", {})
"""What every run begins with, and the first identifies are of."""


class Occurrence:
    """A fault that happened. Times are Unix seconds."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.began = time.time()
        self.ended: float | None = None
        self.recovery_s = 0.0
        self.counts: Counter[str] = Counter()
        """events, lost, disorder, duplicate, other, said, due, spent, needed, twice."""

    def __str__(self) -> str:
        return f"fault {self.number}, {self.fault}"


class Tempest:
    """One run. ``run`` returns; ``occurrences`` and ``breaches`` say what happened."""

    def __init__(
        self, seed: int, count: int, *, only: int | None = None, mutant: str = "",
        shape: Shape = SHAPE, options: dict[str, Any] | None = None,
        tell: Callable[[str], None] = lambda line: None, pairs: Iterable[Pair] | None = None,
    ) -> None:  # fmt: skip
        """tell: called with a line for each pair. pairs: in place of the seed's."""
        self.seed = seed
        self.shape = shape
        self.pairs = list(pairs if pairs is not None else storm(seed, count, shape, only))
        self.options = {**OPTIONS, "shards": shape.shards, "seed": seed, **(options or {})}
        self.occurrences = [Occurrence(0, START)]
        self.breaches: list[Breach] = []
        self.folder = Path(tempfile.mkdtemp(prefix="dcgw-chaos-"))
        self.events = 0
        self._mutant = mutant
        self.tell = tell
        self._failed = asyncio.Event()
        self._judged_sessions = 0
        self._judged_breaches = 0
        self._seen: Counter[str] = Counter()

    @property
    def first_failure(self) -> Occurrence | None:
        """The fault that the first breach is of."""
        return self._whose(self.breaches[0].at, ()) if self.breaches else None

    # -- from start to end ---------------------------------------------------------------------

    async def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="dcgw-") as sockets:
            self.machine = Machine(self.folder, Path(sockets), self._mutant)
            self.machine.workers = self.shape.slots
            try:
                async with AsyncExitStack() as stack:
                    await self._run(stack)
            except (Stuck, CommandFailed, ClusterError, TimeoutError, aiohttp.ClientError) as error:
                text = "".join(traceback.format_exception_only(error)).strip()
                self._breach("other", "driver", text)
            finally:
                await self.machine.end()
        if not self.breaches:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _run(self, stack: AsyncExitStack) -> None:
        info = await self.machine.start_sandbox(rate=RATE, **self.options)
        sandbox = await stack.enter_async_context(
            SandboxControl(info.control_url, info.control_token)
        )
        self.arena = arena = Arena(self.machine, sandbox, self.shape.shards, RATE)
        arena.state = await sandbox.state()
        arena.start_raw()
        stack.callback(arena.raw.close)
        # Subscribers and workers at the same moment, from the first event on.
        await asyncio.gather(
            arena.add_bot("all", None), arena.add_bot("some", SOME), self.machine.start()
        )
        pulse = asyncio.create_task(self._pulse())
        stack.push_async_callback(_cancel, pulse)
        storm = asyncio.create_task(self._storm())
        stack.push_async_callback(_cancel, storm)
        failed = asyncio.create_task(self._failed.wait())
        stack.push_async_callback(_cancel, failed)
        await asyncio.wait([storm, failed], return_when=asyncio.FIRST_COMPLETED)
        if storm.done():
            storm.result()

    async def _pulse(self) -> None:
        pulse = asyncio.create_task(self.arena.pulse())
        try:
            while not pulse.done():
                await asyncio.wait([pulse], timeout=0.2)
                self._gather()
            error = pulse.exception()
            self._breach("other", "driver", f"the ledger can't be read: {error!r}")
        finally:
            await _cancel(pulse)

    async def _storm(self) -> None:
        """All of it; cancelled when something is broken that must not."""
        await self.arena.connected(range(self.arena.shards))
        self.occurrences[0].ended = time.time()
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
                    await self._settle()
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
        seconds = [o.recovery_s for o in self.occurrences if o.number - pair.number in (0, 1)]
        what = " + ".join(str(fault) for fault in pair.faults)
        self.tell(f"{pair.number + len(rest):5}  {what}: {max(seconds):.1f} s")

    async def _later(self, seconds: float, number: int, fault: Fault) -> None:
        await asyncio.sleep(seconds)
        await self._fault(number, fault)

    async def _fault(self, number: int, fault: Fault) -> None:
        arena = self.arena
        async with AsyncExitStack() as stack:
            for need in sorted(fault.needs):
                lock = arena.locks.setdefault(need, asyncio.Lock())
                await stack.enter_async_context(lock)
            it = Occurrence(number, fault)
            self.occurrences.append(it)
            events = arena.book.events
            try:
                await STRIKES[fault.kind](arena, **fault.params)
                struck = time.time()
                shards = shards_of(arena, fault.params)
                await arena.connected(shards)
                await arena.caught_up(shards)
            except (Stuck, CommandFailed, ClusterError, TimeoutError, aiohttp.ClientError) as error:
                it.ended = time.time()
                self._breach("other", "driver", f"{it}: {error or type(error).__name__}", it.began)
                return
            progress()
            it.ended = time.time()
            it.recovery_s = it.ended - struck
            if fault.kind == "resharded":
                audit = arena.audits["all"]
                it.counts["twice"], audit.twice = audit.twice, 0
            it.counts["events"] = arena.book.events - events

    # -- drawing sums --------------------------------------------------------------------------

    async def _settle(self) -> None:
        """Nothing is broken now: everything has come, and the numbers are even."""
        arena = self.arena
        await arena.connected(range(self.arena.shards))
        await arena.caught_up(range(self.arena.shards), list(arena.audits))
        rows = await arena.sandbox.sessions()
        skipped = {row["session"]: set(row["skipped"]) for row in rows}
        for audit in [*arena.audits.values(), *arena.done]:
            for breach in unexplained(audit.said, skipped, audit.who):
                self._breach(breach.kind, breach.who, breach.text, breach.at)
            audit.said.clear()
        for at, text in cut_short(rows, arena.audits["all"].ends):
            if not self._disturbed(at):
                self._breach("lost", "all", text, at)
        arena.audits["all"].ends.clear()
        arena.done = [audit for audit in arena.done if audit.breaches]
        self._judge_identifies(rows)
        self._gather()

    def _disturbed(self, at: float) -> bool:
        """Whether something else kept a session from hearing all that was sent to it then."""
        return any(
            o.began <= at + DISTURBED_S and (o.ended or at) >= at - DISTURBED_S
            for o in self.occurrences
            if o.fault.kind not in UNDISTURBING
        )

    def _judge_identifies(self, rows: list[dict[str, Any]]) -> None:
        found = judged(rows, self.arena.book.seen, self.arena.logouts)
        for identify in found[self._judged_sessions :]:
            whose = self._whose(identify.at, ("op9_lost", "close_lost", "forgotten_session"))
            whose.counts["spent"] += 1
            whose.counts["needed"] += identify.due
            if not identify.due:
                text = f"{identify.key} identified though its session could be resumed"
                self._breach("identify", "sandbox", f"{text} ({identify.why})", identify.at)
        self._judged_sessions = len(found)

    def _look(self, state: dict[str, Any]) -> None:
        """What the sandbox counts as wrong."""
        counts = {
            "identify": (
                "came before their bucket was free",
                state["identifies"]["early"] if state["identifies"]["earliest_s"] > EARLY_S else 0,
            ),
            "other": (
                "acknowledged what had not been sent",
                state["counters"].get("acknowledged_ahead", 0),
            ),
        }
        for kind, (what, count) in counts.items():
            if count > self._seen[what]:
                self._seen[what] = count
                self._breach(kind, "sandbox", f"{count} of its clients' payloads {what}")
        if state["failures"] and not self.breaches:
            self._breach("other", "sandbox", f"a bug of its own: {state['failures']}")

    def _gather(self) -> None:
        """Breaches that witnesses saw since the last time, and gaps, to whose they are."""
        found = self.arena.breaches
        for breach in found[self._judged_breaches :]:
            self._breach(*breach[:2], breach.text, breach.at)
        self._judged_breaches = len(found)
        self.events = self.arena.book.events
        self._look(self.arena.state)
        audit = self.arena.audits["all"]
        for name, moments in (("said", audit.said_at), ("due", audit.due_at)):
            for at in moments:
                kinds = ("replay_skips", "op9_lost", "close_lost", "forgotten_session")
                self._whose(at, kinds).counts[name] += 1
            moments.clear()

    def _breach(self, kind: str, who: str, text: str, at: float = 0.0) -> None:
        breach = Breach(kind, who, at or time.time(), text)
        self.breaches.append(breach)
        self._whose(breach.at, ()).counts[kind] += 1
        self._failed.set()

    def _whose(self, at: float, kinds: tuple[str, ...]) -> Occurrence:
        """The fault under way at a moment: of these kinds if one was, else the newest."""
        there = [o for o in self.occurrences if o.began <= at <= (o.ended or at) + 1.0]
        there = there or [o for o in self.occurrences if o.began <= at] or self.occurrences[:1]
        likely = [o for o in there if o.fault.kind in kinds]
        return max(likely or there, key=lambda o: o.began)

    async def _end(self) -> None:
        await self._settle()
        await self.arena.sandbox.quiesce()
        await self._settle()
        for bot in self.arena.bots.values():
            await bot.kill()
        await self.machine.cli("stop")
        # A worker that was taken over counts as gone when it lets go of its lock, at its very end.
        try:
            await self.arena.until(lambda: not self.machine.processes(), "", 5.0)
        except Stuck:
            left = [f"{role} {pid}" for pid, role in self.machine.processes()]
            raise Stuck(f"left running by `stop`: {', '.join(left)}") from None


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
