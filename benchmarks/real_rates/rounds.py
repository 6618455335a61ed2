"""One round of real rates: every client meets each load once, one after the other."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.children import Child, ChildError
from benchmarks.real_rates import coordination, readings
from benchmarks.real_rates.clients import (
    BARE_CLIENT,
    CLIENTS,
    HUB,
    OURS,
    SUBSCRIBER,
    WORKER,
    Arrival,
    ClientKind,
    Running,
)
from benchmarks.real_rates.options import RateOptions
from benchmarks.real_rates.rows import (
    CALLS,
    COORDINATOR,
    GROWTH,
    HTTP,
    IDLE,
    IDLE_CLIENTS,
    LATE,
    MEMORY,
    NO_PROC,
    NO_TRACER,
    QUANTILES,
    READY,
    SWITCHES,
    WATCHED,
    Values,
    latency,
    latency_group,
)
from benchmarks.real_rates.steps import Step, steps
from benchmarks.real_rates.system_calls import Counting, Tracer
from benchmarks.results import quantile

Say = Callable[[str], None]


class Cost(NamedTuple):
    """What a load cost."""

    used: Mapping[str, readings.Used]
    """By process."""
    late_us: float
    """Microseconds of which the gateway was later with one of a hundred events."""
    latencies_ms: Sequence[float]
    """Ascending; empty: not asked for."""


def latencies_ms(sent: Sequence[Sequence[int]], arrivals: Sequence[Arrival]) -> list[float]:
    """Return the milliseconds from the gateway to the Subscriber of each event, ascending. Raises
    ChildError if one did not arrive, or twice."""
    begun = {(shard, seq): ns for shard, seq, ns in sent}
    found = {(shard, seq): ns for shard, seq, ns in arrivals}
    if begun.keys() != found.keys() or len(arrivals) != len(sent):
        raise ChildError(f"{len(arrivals)} events arrived of {len(sent)}, or others than were sent")
    return sorted((ns - begun[event]) / 1e6 for event, ns in found.items())


class Rounds:
    """The rounds of one run, on a gateway that plays to the moment."""

    def __init__(
        self,
        options: RateOptions,
        gateway: Child,
        addresses: Mapping[str, Any],
        values: Values,
        tracer: Tracer | None,
        say: Say,
    ) -> None:
        self._options = options
        self._gateway = gateway
        self._addresses = addresses
        self._values = values
        self._tracer = tracer
        self._say = say
        self._gone: set[tuple[str, int]] = set()
        """Clients of other people that failed with so many sessions."""

    async def round(self, number: int) -> None:
        """Measure every row once. Raises ChildError."""
        options = self._options
        resident: dict[tuple[str, int], int] = {}
        for sessions in options.session_counts:
            for client in CLIENTS:
                todo = steps(options, client, sessions)
                if not todo or client.missing or (client.label, sessions) in self._gone:
                    continue
                who = f"{client.label}, {sessions} sessions"
                self._say(f"round {number} of {options.rounds}: {who}")
                try:
                    resident[client.label, sessions] = await self._client(
                        client, sessions, todo, number
                    )
                except ChildError as error:
                    if client.library is None or client is BARE_CLIENT:
                        raise
                    self._give_up(client, sessions, todo, str(error))
        self._memory(resident)
        await self._coordination(number)

    async def _client(
        self, client: ClientKind, sessions: int, todo: Sequence[Step], seed: int
    ) -> int:
        """Let a client meet its loads. Return its resident bytes before."""
        counts = list(accumulate(step.events for step in todo))
        async with client.run(self._addresses, sessions, counts) as running:
            await asyncio.sleep(self._options.settle_s)
            pid = running.pids[client.label]
            resident = readings.read(pid).rss_bytes
            if sessions == self._options.idle and client in IDLE_CLIENTS:
                await self._idle(client, pid)
            for step in todo:
                if step.traced:
                    await self._traced(client, running, step, seed)
                    continue
                moments = step.load in self._options.latency
                cost = await self._meet(running, step, seed, moments=moments)
                if step.measured:
                    self._add(client, step, cost)
        return resident

    async def _meet(
        self, running: Running, step: Step, seed: int, *, moments: bool = False
    ) -> Cost:
        load = step.load
        before = {name: readings.read(pid) for name, pid in running.pids.items()}
        sent = await self._gateway.ask(
            "pace", sessions=load.sessions, rate=load.rate, poisson=load.poisson,
            events=step.events, seed=seed, moments=moments,
        )  # fmt: skip
        if gone := sent.get("gone"):
            raise ChildError(f"{gone} of its {load.sessions} sessions are gone")
        if not moments:
            await running.came()
            found: list[float] = []
            after = {name: readings.read(pid) for name, pid in running.pids.items()}
        else:
            arrivals = await running.came(moments=True)
            after = {name: readings.read(pid) for name, pid in running.pids.items()}
            found = latencies_ms(sent["moments"], arrivals)
        used = {
            name: readings.used(pid, before[name], after[name])
            for name, pid in running.pids.items()
        }
        return Cost(used, sent["late_us"][1], found)

    async def _traced(self, client: ClientKind, running: Running, step: Step, seed: int) -> None:
        what = f"{client.label}, {CALLS}"
        if self._tracer is None:
            await self._meet(running, step, seed)
            self._values.add(step.load.label, what, None, NO_TRACER)
            return
        with tempfile.TemporaryDirectory() as folder:
            counting = Counting(self._tracer, running.pids[client.label], Path(folder) / "count")
            await counting.begin()
            await self._meet(running, step, seed)
            count = await counting.end()
        each = None if count is None else count / step.events
        self._values.add(step.load.label, what, each, NO_TRACER)

    async def _idle(self, client: ClientKind, pid: int) -> None:
        seconds = self._options.seconds
        before = readings.read(pid).cpu_s
        await asyncio.sleep(seconds)
        used = readings.read(pid).cpu_s - before
        self._values.add(f"{self._options.idle:,} {IDLE}", client.label, used / seconds * 1000)

    # -- into the table ------------------------------------------------------------------------

    def _add(self, client: ClientKind, step: Step, cost: Cost) -> None:
        options, load = self._options, step.load
        first = cost.used[client.label]
        us = first.cpu_s / step.events * 1e6
        if client is OURS and load in options.growth:
            self._values.add(GROWTH, load.label, us)
        if load not in (*options.loads, *options.latency):
            return
        if load in options.latency:
            self._add_way(latency_group(client, load), client, step, cost)
            return
        add, group = self._values.add, load.label
        if client is OURS:
            self._add_way(group, client, step, cost)
        else:
            add(group, client.label, us)
        if client in (OURS, BARE_CLIENT):
            each = None if first.switches is None else first.switches / step.events
            add(group, f"{client.label}, {SWITCHES}", each, NO_PROC)

    def _add_way(self, group: str, client: ClientKind, step: Step, cost: Cost) -> None:
        """Add what each process of our pipeline used, and how long events took through it."""
        add, first = self._values.add, cost.used[client.label]
        add(group, WORKER, first.cpu_s / step.events * 1e6)
        for kind in (readings.MAIN, readings.LIBZMQ, readings.OTHERS):
            cpu_s = first.by_thread.get(kind)
            each = None if cpu_s is None else cpu_s / step.events * 1e6
            add(group, f"{WORKER}, {kind}", each, NO_PROC)
        for process in (HUB, SUBSCRIBER):
            add(group, process, cost.used[process].cpu_s / step.events * 1e6)
        add(group, LATE, cost.late_us)
        if cost.latencies_ms:
            for part in QUANTILES:
                add(group, latency(part), quantile(cost.latencies_ms, part))

    def _give_up(self, client: ClientKind, sessions: int, todo: Sequence[Step], cause: str) -> None:
        """Take note that somebody else's client can't do it here; ours has to."""
        self._gone.add((client.label, sessions))
        for step in todo:
            self._values.fail(step.load.label, client.label, cause)
        if sessions == self._options.idle:
            for what in (client.label, f"{client.label}, {MEMORY}"):
                self._values.fail(f"{sessions:,} {IDLE}", what, cause)

    def _memory(self, resident: Mapping[tuple[str, int], int]) -> None:
        idle = self._options.idle
        for client in IDLE_CLIENTS:
            counts = sorted(sessions for label, sessions in resident if label == client.label)
            if counts[-1:] == [idle] and len(counts) > 1:
                more = resident[client.label, idle] - resident[client.label, counts[0]]
                each = more / (idle - counts[0]) / 1000
                self._values.add(f"{idle:,} {IDLE}", f"{client.label}, {MEMORY}", each)

    async def _coordination(self, number: int) -> None:
        options, add = self._options, self._values.add
        for shards in options.coordinated:
            self._say(f"round {number} of {options.rounds}: a coordinator of {shards:,} shards")
            cost = await coordination.coordinator_cost(self._addresses, shards, options.seconds)
            add(COORDINATOR, f"{shards:,} shards", cost.percent)
            add(COORDINATOR, f"status, {shards:,} shards", cost.status_ms)
            add(COORDINATOR, f"{shards:,} shards, {WATCHED}", cost.watched_percent)
            add(COORDINATOR, f"{shards:,} shards, {WATCHED}, {HTTP}", cost.http_percent)
        if options.ready is not None:
            shards, concurrency = options.ready
            self._say(f"round {number} of {options.rounds}: {shards} shards until they are ready")
            ratio = await coordination.ready_over_least(shards, concurrency)
            add(COORDINATOR, f"{shards} shards {READY}", ratio * 100)
