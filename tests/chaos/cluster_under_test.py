"""The cluster as its faults see it: its processes, its sandbox, its witnesses and what they say."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cluster.sandbox import SandboxControl
from tests.chaos.cluster_processes import ClusterProcesses, SubscriberProcess
from tests.chaos.judgement.dispatch_ledger import DispatchLedger
from tests.chaos.judgement.records import Breach, Key, Names, Place, item_from_plain
from tests.chaos.judgement.runs import Truth
from tests.chaos.judgement.verdict import Audit
from tests.chaos.witnesses.proxied import ProxiedClient
from tests.chaos.witnesses.raw import RawWitness

WATCH_S: Final = 0.1
PAGE: Final = 10_000
PATIENCE_S: Final = 75.0
"""How long what must come may take, beside everything else that goes wrong meanwhile."""
HEADS_AGE_S: Final = 20.0
SOME_NAMES: Final = ["MESSAGE_CREATE", "GUILD_MEMBER_UPDATE"]


class Stuck(Exception):
    """What had to come did not."""


class ClusterUnderTest:
    """A cluster and its witnesses. Run ``watch`` as a task: it judges all that they say."""

    def __init__(
        self, processes: ClusterProcesses, sandbox: SandboxControl, shards: int, rate: float
    ) -> None:
        """rate: of the traffic, events a second."""
        self.processes = processes
        self.sandbox = sandbox
        self.rate = rate
        self.shards = shards
        """The shard count in force."""
        self.logouts: list[tuple[int, float]] = []
        """Shard counts that are not in force any more, and since when (Unix seconds)."""
        self.ledger = DispatchLedger()
        self.state: dict[str, Any] = {}
        """The sandbox's state of a moment ago."""
        self.subscribers: dict[str, SubscriberProcess] = {}
        self.audits: dict[str, Audit] = {}
        self.others: list[Breach] = []
        """Breaches that no audit sees."""
        self.hub_away: list[list[float]] = []
        """Spans (Unix seconds, from and to) in which a live message may have met no hub."""
        self.done: list[Audit] = []
        """Audits of the subscribers that left."""
        self.raw = RawWitness(processes.paths.events, processes.paths.replay)
        self.truth = Truth()
        """What every client of the proxy must get: what came to "all"."""
        self.clients: list[ProxiedClient] = []
        self.locks: dict[str, asyncio.Lock] = {}
        self.slots = list(range(processes.workers))
        """Worker slots; scaling may bring others."""
        self._late = 0
        self._breaks = 0
        self._lately: deque[tuple[float, dict[Key, Place]]] = deque()
        """(monotonic seconds, how far "all" was judged), of the last HEADS_AGE_S: where a host is
        away, or a worker stopped, "now" is as it was heard of last."""

    def slot(self, index: int) -> int:
        """A worker's slot, by its place among them."""
        return self.slots[index % len(self.slots)]

    # -- witnesses -----------------------------------------------------------------------------

    def start_raw(self) -> None:
        self.audits["raw"] = Audit("raw")
        self.raw.start()

    def start_clients(self) -> None:
        """Start the clients of the gateway proxy, each with a secret of its own."""
        processes = self.processes
        for name, secret in processes.proxy_secrets.items():
            client = ProxiedClient(
                name, processes.proxy_url, secret, self.truth, lambda: processes.process("proxy")
            )
            self.clients.append(client)
            client.start()

    async def end_clients(self) -> None:
        for client in self.clients:
            await client.close()

    async def add_subscriber(self, name: str, names: list[str] | None) -> SubscriberProcess:
        """Start a Subscriber that begins at the oldest event, in a process of its own."""
        audit = Audit(name, _names(names))
        subscriber = SubscriberProcess(self.processes, name, _into(audit), names)
        return await self._start(subscriber, audit)

    async def add_late_joiner(self, names: list[str] | None) -> SubscriberProcess:
        """Start a Subscriber that begins now; ``drop_late_joiner`` ends it."""
        self._late += 1
        name = f"late-{self._late}"
        places = self._lately[0][1] if self._lately else self.audits["all"].places()
        audit = Audit(name, _names(names), late=places)
        subscriber = SubscriberProcess(self.processes, name, _into(audit), names)
        subscriber.saved = "now"
        return await self._start(subscriber, audit)

    async def _start(self, subscriber: SubscriberProcess, audit: Audit) -> SubscriberProcess:
        self.audits[subscriber.name], self.subscribers[subscriber.name] = audit, subscriber
        await subscriber.start()
        return subscriber

    async def drop_late_joiner(self, subscriber: SubscriberProcess) -> None:
        await subscriber.kill()
        del self.subscribers[subscriber.name]
        audit = self.audits[subscriber.name]
        audit.restarted()
        as_of = self.ledger.as_of
        await self.until(lambda: self.ledger.as_of > as_of, "the ledger")
        audit.work(self.ledger)
        self.done.append(self.audits.pop(subscriber.name))

    # -- judging -------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Read the ledger and judge all witnesses, until cancelled."""
        rounds = 0
        while True:
            began = time.monotonic()
            await self.read_ledger()
            self.state = await self.sandbox.state()
            self.judge()
            rounds += 1
            if rounds % 20 == 0:
                places = [audit.places() for audit in self.audits.values()]
                self.ledger.drop([*places, *(places for _, places in list(self._lately)[:1])])
            await asyncio.sleep(max(0.01, WATCH_S - (time.monotonic() - began)))

    async def read_ledger(self) -> None:
        while True:
            now = time.time()
            rows = await self.sandbox.ledger_dispatches(self.ledger.after, PAGE)
            self.ledger.add(rows)
            if len(rows) < PAGE:
                self.ledger.as_of = now
                return

    def judge(self) -> None:
        now = time.monotonic()
        self._lately.append((now, self.audits["all"].places()))
        while self._lately[0][0] < now - HEADS_AGE_S:
            self._lately.popleft()
        self.audits["raw"].take(*self.raw.take())
        # Who takes everything first: it sees READY, and what session an epoch is.
        for audit in sorted(self.audits.values(), key=lambda a: a.names is not None):
            audit.work(self.ledger)
            if audit.who == "all":
                self.truth.add(audit.accepted)
            audit.accepted.clear()
        for client in self.clients:
            client.audit.work(time.time())
            for text in client.jumps():
                self.others.append(Breach("other", client.audit.who, time.time(), text))
        while self.raw.problems:
            self.others.append(Breach("other", "raw", time.time(), self.raw.problems.popleft()))
        while self._breaks < len(self.raw.breaks):
            before, seen_at, text = self.raw.breaks[self._breaks]
            self._breaks += 1
            if not any(since <= seen_at and before <= until for since, until in self.hub_away):
                text = f"the live chain broke, and no hub was away: {text}"
                self.others.append(Breach("other", "raw", seen_at, text))

    @property
    def breaches(self) -> list[Breach]:
        audits = [*self.audits.values(), *self.done]
        proxied = [breach for client in self.clients for breach in client.audit.breaches]
        return self.others + proxied + [b for audit in audits for b in audit.breaches]

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
        """Wait until these shards have a session with a connection. Stuck."""
        wanted = set(shards)
        await self.until(
            lambda: wanted <= self.connections().keys(), f"shards {sorted(wanted)} have a session"
        )

    async def caught_up(self, shards: Iterable[int], who: Iterable[str] = ("all", "raw")) -> None:
        """Wait until all that was dispatched until now is judged. Stuck."""
        now = time.time()
        await self.until(lambda: self.ledger.as_of > now, "the ledger")
        heads = self.heads(shards)
        audits = [self.audits[name] for name in who if name in self.audits]

        def behind() -> list[tuple[str, list[Key]]]:
            late = [(audit.who, audit.behind(self.ledger, heads)) for audit in audits]
            return [(name, keys) for name, keys in late if keys]

        try:
            await self.until(lambda: not behind(), "")
        except Stuck:
            late = {name: [(k, heads[k]) for k in keys] for name, keys in behind()}
            places = {audit.who: audit.places() for audit in audits}
            text = f"not within {PATIENCE_S:g} s: {late} are to come; at {places}"
            raise Stuck(text) from None
        await self._clients_caught_up(now)

    async def _clients_caught_up(self, now: float) -> None:
        """Wait until the proxy's clients have all that a worker had before this moment (Unix
        seconds). Stuck."""

        def late() -> list[str]:
            return [client.lacks(now) for client in self.clients if client.lacks(now)]

        try:
            await self.until(lambda: not late(), "")
        except Stuck:
            raise Stuck(f"not within {PATIENCE_S:g} s: {'; '.join(late())}") from None

    def heads(self, shards: Iterable[int]) -> dict[Key, tuple[int, int]]:
        """Number of each shard's newest session, and its last s."""
        wanted = {(self.shards, shard) for shard in shards}
        return {key: head for key, head in self.ledger.heads().items() if key in wanted}


def _names(names: list[str] | None) -> Names:
    return None if names is None else frozenset(names)


def _into(audit: Audit) -> Callable[[dict[str, Any]], None]:
    """What hands a subscriber's frames to its audit."""

    def on_frame(frame: dict[str, Any]) -> None:
        if "joined" in frame:
            audit.restarted()
            audit.joined(frame["joined"])
            return
        rows = frame["saved"]["shards"]
        audit.take(
            [item_from_plain(item) for item in frame["items"]],
            {(count, shard): (epoch, seq) for count, shard, epoch, seq in rows},
        )

    return on_frame
