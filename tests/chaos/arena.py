"""The run as its faults see it: the machine, the sandbox, the witnesses, and what they say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cluster.sandbox import SandboxControl
from tests.chaos.book import Book
from tests.chaos.evidence import Breach, Key, Names, came_of
from tests.chaos.processes import Bot, Machine
from tests.chaos.raw_witness import RawWitness
from tests.chaos.verdict import Audit

PULSE_S: Final = 0.1
PAGE: Final = 10_000
PATIENCE_S: Final = 75.0
"""How long what must come may take, beside everything else that goes wrong meanwhile."""
SOME: Final = ["MESSAGE_CREATE", "GUILD_MEMBER_UPDATE"]


class Stuck(Exception):
    """What had to come did not."""


class Arena:
    """``pulse`` it as a task: it reads the ledger and judges all witnesses."""

    def __init__(self, machine: Machine, sandbox: SandboxControl, shards: int, rate: float) -> None:
        """rate: of the traffic, events a second."""
        self.machine = machine
        self.sandbox = sandbox
        self.rate = rate
        self.shards = shards
        """The shard count in force."""
        self.logouts: list[tuple[int, float]] = []
        """Shard counts that were in force no more, and since when (Unix time)."""
        self.book = Book()
        self.state: dict[str, Any] = {}
        """The sandbox's, of a moment ago."""
        self.bots: dict[str, Bot] = {}
        self.audits: dict[str, Audit] = {}
        self.others: list[Breach] = []
        """Breaches that no audit sees."""
        self.hub_away: list[list[float]] = []
        """From and to (Unix time) where a live message may have met no hub."""
        self.done: list[Audit] = []
        """Audits of those who left."""
        self.raw = RawWitness(machine.paths.events, machine.paths.replay)
        self.locks: dict[str, asyncio.Lock] = {}
        self.slots = list(range(machine.workers))
        """Worker slots; scaling may bring others."""
        self._late = 0
        self._breaks = 0

    def slot(self, index: int) -> int:
        """A worker's slot, by its place among them."""
        return self.slots[index % len(self.slots)]

    # -- witnesses -----------------------------------------------------------------------------

    def start_raw(self) -> None:
        self.audits["raw"] = Audit("raw")
        self.raw.start()

    async def add_bot(self, name: str, names: list[str] | None) -> Bot:
        """A Subscriber from the oldest on, in a process of its own."""
        audit = self.audits[name] = Audit(name, _names(names))
        bot = self.bots[name] = Bot(self.machine, name, _into(audit), names)
        await bot.start()
        return bot

    async def add_late(self, names: list[str] | None) -> Bot:
        """A Subscriber that begins now; gone again by ``drop_late``."""
        self._late += 1
        name = f"late-{self._late}"
        audit = Audit(name, _names(names), late=self.audits["all"].places())
        bot = Bot(self.machine, name, _into(audit), names)
        bot.saved = "now"
        self.audits[name], self.bots[name] = audit, bot
        await bot.start()
        return bot

    async def drop_late(self, bot: Bot) -> None:
        await bot.kill()
        del self.bots[bot.name]
        audit = self.audits[bot.name]
        audit.restarted()
        reached = self.book.as_of
        await self.until(lambda: self.book.as_of > reached, "the ledger")
        audit.work(self.book)
        self.done.append(self.audits.pop(bot.name))

    # -- the pulse -----------------------------------------------------------------------------

    async def pulse(self) -> None:
        """Until cancelled."""
        beats = 0
        while True:
            began = time.monotonic()
            await self.read_ledger()
            self.state = await self.sandbox.state()
            self.judge()
            beats += 1
            if beats % 20 == 0:
                self.book.drop([audit.places() for audit in self.audits.values()])
            await asyncio.sleep(max(0.01, PULSE_S - (time.monotonic() - began)))

    async def read_ledger(self) -> None:
        while True:
            now = time.time()
            rows = await self.sandbox.ledger_dispatches(self.book.after, PAGE)
            self.book.add(rows)
            if len(rows) < PAGE:
                self.book.as_of = now
                return

    def judge(self) -> None:
        self.audits["raw"].take(*self.raw.take())
        # Who takes everything first: it sees READY, and what session an epoch is.
        for audit in sorted(self.audits.values(), key=lambda a: a.names is not None):
            audit.work(self.book)
        while self.raw.problems:
            self.others.append(Breach("other", "raw", time.time(), self.raw.problems.popleft()))
        while self._breaks < len(self.raw.breaks):
            before, at, text = self.raw.breaks[self._breaks]
            self._breaks += 1
            if not any(since <= at and before <= until for since, until in self.hub_away):
                self.others.append(
                    Breach("other", "raw", at, f"the live chain broke, and no hub was away: {text}")
                )

    @property
    def breaches(self) -> list[Breach]:
        audits = [*self.audits.values(), *self.done]
        return self.others + [breach for audit in audits for breach in audit.breaches]

    # -- waiting -------------------------------------------------------------------------------

    async def until(
        self, holds: Callable[[], bool], what: str, within_s: float = PATIENCE_S
    ) -> None:
        """Wait until something holds. Stuck."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                raise Stuck(f"not within {within_s:g} s: {what}")
            await asyncio.sleep(0.03)

    def connections(self) -> Mapping[int, int]:
        """Shard, of the count in force -> number of the connection that its session has."""
        sessions = self.state["sessions"]
        connected = {(s["shard_count"], s["shard"]) for s in sessions if s["connected"]}
        return {
            c["shard"]: c["number"]
            for c in self.state["connections"]
            if c["shard_count"] == self.shards
            and (c["shard_count"], c["shard"]) in connected
            and c["stage"] == "attached"
        }

    async def connected(self, shards: Iterable[int]) -> None:
        wanted = set(shards)
        await self.until(
            lambda: wanted <= self.connections().keys(), f"shards {sorted(wanted)} have a session"
        )

    async def caught_up(self, shards: Iterable[int], who: Iterable[str] = ("all", "raw")) -> None:
        """All that was dispatched until now is judged."""
        now = time.time()
        await self.until(lambda: self.book.as_of > now, "the ledger")
        heads = self.heads(shards)
        audits = [self.audits[name] for name in who if name in self.audits]

        def behind() -> list[tuple[str, list[Key]]]:
            found = [(audit.who, audit.behind(self.book, heads)) for audit in audits]
            return [(name, keys) for name, keys in found if keys]

        try:
            await self.until(lambda: not behind(), "")
        except Stuck:
            late = {name: [(k, heads[k]) for k in keys] for name, keys in behind()}
            at = {audit.who: audit.places() for audit in audits}
            raise Stuck(f"not within {PATIENCE_S:g} s: {late} are to come; at {at}") from None

    def heads(self, shards: Iterable[int]) -> dict[Key, tuple[int, int]]:
        wanted = {(self.shards, shard) for shard in shards}
        return {key: head for key, head in self.book.heads().items() if key in wanted}


def _names(names: list[str] | None) -> Names:
    return None if names is None else frozenset(names)


def _into(audit: Audit) -> Callable[[dict[str, Any]], None]:
    def frame(told: dict[str, Any]) -> None:
        if "joined" in told:
            audit.restarted()
            audit.joined(told["joined"])
            return
        rows = told["saved"]["shards"]
        audit.take(
            [came_of(item) for item in told["items"]],
            {(count, shard): (epoch, seq) for count, shard, epoch, seq in rows},
        )

    return frame
