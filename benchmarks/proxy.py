"""What the gateway proxy costs: a cluster with real processes on a gateway that plays a recording,
and clients of its proxy that do as little as they can."""

from __future__ import annotations

import asyncio
import platform
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks import recording
from benchmarks.children import Child, ChildError, child, cpu_seconds, rss_bytes
from benchmarks.libraries import TOKEN
from benchmarks.real_rates.coordination import child_of, until_ready
from benchmarks.real_rates.run import paced_gateway
from benchmarks.results import Results, Row, machine, quantile, under
from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig, ProxyConfig
from cluster.control.client import ControlClient
from cluster.discord.intents import ALL_INTENTS
from cluster.own_process import raise_descriptor_limit

HOST: Final = "127.0.0.1"
COMPRESSIONS: Final = ("none", "zlib-stream")
MANY: Final = 20
"""Clients of a flood, beside one."""
MOST: Final = 200
LATENCY_RATE: Final = 1000.0
MOST_RATE: Final = 50.0
MAX_US: Final = 4.0
"""What is wanted of a client without compression in a flood."""
READY_S: Final = 60.0
FLOOD, IDLE, CROWD = "flood", "idle", f"{MOST} clients x {MOST_RATE:g}/s"
LATENCY: Final = f"1 client x {LATENCY_RATE:g}/s"

Say = Callable[[str], None]


class ProxyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    rounds: int = 3
    events: int = 20_000
    """Events of each flood."""
    seconds: float = 4.0
    """Seconds of what comes at a rate."""
    many: int = MANY
    most: int = MOST
    settle: float = 2.0
    """Seconds until what a start, or a client's begin or end, has left to do is done: a session may
    wait 1.5 s for the cache before it is told of its guilds."""
    folder: Path = recording.FOLDER

    @property
    def warm(self) -> int:
        """Events before those that are measured."""
        return max(recording.SEGMENT, self.events // 8 // recording.SEGMENT * recording.SEGMENT)


class Cluster(NamedTuple):
    """A cluster with one shard and a proxy, and what plays to it."""

    gateway: Child
    port: int
    events: str
    """The endpoint of its hub for subscribers."""
    worker: int
    """Its worker's pid."""
    proxy: int
    """Its proxy's pid."""
    settle: float
    """See ProxyOptions."""

    @asynccontextmanager
    async def clients(
        self, count: int, compression: str, counts: list[int], **further: Any
    ) -> AsyncIterator[Child]:
        """Run so many clients of the proxy, all of them ready. counts: of dispatches, at which
        they are to say so."""
        settings = {
            "host": HOST, "port": self.port, "token": TOKEN, "sessions": count,
            "compression": compression, "counts": counts, **further,
        }  # fmt: skip
        command = [sys.executable, "-m", "benchmarks.drivers.proxied"]
        async with child(f"{count} clients", command, settings) as made:
            answer = await made.line()
            if not answer.get("ready"):
                raise ChildError(f"a client of the proxy was not ready: {answer}")
            await asyncio.sleep(self.settle)
            yield made
        await asyncio.sleep(self.settle)

    def cpu_seconds(self) -> tuple[float, float]:
        """The CPU time of worker and proxy."""
        return cpu_seconds(self.worker), cpu_seconds(self.proxy)


@asynccontextmanager
async def cluster(
    gateway: Child, addresses: Mapping[str, Any], settle: float
) -> AsyncIterator[Cluster]:
    """Run a cluster with a proxy on a gateway. Raises ChildError."""
    with tempfile.TemporaryDirectory(prefix="dcgw-", dir="/tmp") as folder:
        port = _free_port()
        spec = CoordinatorSpec(
            name="benchmark",
            state_dir=f"{folder}/state",
            runtime_dir=f"{folder}/run/benchmark",
            token=TOKEN,
            shards="1",
            workers=1,
            api_url=addresses["api_url"],
            ca_file=addresses["ca_file"],
            intents=int(ALL_INTENTS),
            stop_seconds=5.0,
            http=HttpConfig(listen=""),
            # A client that comes next is to be nobody's heir.
            proxy=ProxyConfig(listen=f"{HOST}:{port}", keep_seconds=0.0),
        )
        command = [sys.executable, "-m", "benchmarks.real_rates.coordinator"]
        settings = {"spec": msgspec.to_builtins(spec), "played": False}
        env = {"DCGW_RUNTIME_DIR": str(Path(spec.runtime_dir).parent)}
        async with child("the coordinator", command, settings, env) as coordinator:
            await coordinator.line()
            async with ControlClient(spec.paths.control, timeout=READY_S) as control:
                await until_ready(control, 1)
            worker = child_of(coordinator.pid, "shard_worker")
            proxy = child_of(coordinator.pid, "cluster.proxy")
            yield Cluster(gateway, port, spec.paths.events, worker, proxy, settle)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as held:
        port: int = held.getsockname()[1]
        return port


async def run(options: ProxyOptions, say: Say) -> Results:
    """Measure everything. Raises ChildError."""
    raise_descriptor_limit()
    rows = declared(options)
    values = {row.name: row.values for row in rows}
    floods = 1 + 2 * len(COMPRESSIONS)
    needed = (options.events + options.warm) * floods
    say("the stream, made once")
    async with paced_gateway(needed, options.folder) as (gateway, addresses):
        for number in range(1, options.rounds + 1):
            prefix = f"round {number} of {options.rounds}: the proxy"
            async with cluster(gateway, addresses, options.settle) as made:
                await Flood(options, made, values).run(partial(_tell, say, prefix))
            async with cluster(gateway, addresses, options.settle) as made:
                say(f"{prefix}, latency")
                await _latency(options, made, values)
                say(f"{prefix}, {options.most} clients")
                await _crowd(options, made, values)
    stream = (
        f"the proxy: floods of {options.events:,} events, {options.seconds:g} s of each rate; "
        f"{options.rounds} rounds"
    )
    results = Results(machine(), platform.python_version(), stream, rows, base="worker")
    results.compare()
    return results


def _tell(say: Say, prefix: str, text: str) -> None:
    say(f"{prefix}, {text}")


def declared(options: ProxyOptions) -> list[Row]:
    """All rows in their order, without values."""
    worker = under(FLOOD, "worker")

    def row(group: str, what: str, unit: str, **further: Any) -> Row:
        return Row(under(group, what), unit, values=[], group=group, **further)

    rows = [
        row(FLOOD, "worker", "µs", base=worker),
        row(FLOOD, "proxy, no client", "µs", base=worker),
    ]
    for compression in COMPRESSIONS:
        aim = MAX_US if compression == "none" else None
        rows.append(row(FLOOD, f"proxy, 1 client, {compression}", "µs", base=worker))
        further = f"each further of {options.many} clients, {compression}"
        rows.append(row(FLOOD, further, "µs", base=worker, aim=aim))
    for what in ("to a Subscriber", "to the proxy's client", "added"):
        rows += [row(LATENCY, f"{what}, {name}", "ms", base="") for name in ("p50", "p99")]
    for compression in COMPRESSIONS:
        rows.append(row(IDLE, f"memory of a client, {compression}", "kB", base=""))
    for compression in COMPRESSIONS:
        rows.append(row(CROWD, f"proxy, {compression}", "% of a core", base=""))
        rows.append(row(CROWD, f"a dispatch, {compression}", "µs", base=""))
    return rows


class Flood:
    """The floods of one round, on one cluster: each goes on in the recording."""

    def __init__(
        self, options: ProxyOptions, cluster: Cluster, values: Mapping[str, list[float]]
    ) -> None:
        self._options = options
        self._cluster = cluster
        self._values = values
        self._played = 0

    async def run(self, say: Say) -> None:
        many = self._options.many
        say("a flood without a client")
        worker, alone = await self._without_client()
        self._add("worker", worker)
        self._add("proxy, no client", alone)
        for compression in COMPRESSIONS:
            say(f"a flood for a client, {compression}")
            one = await self._with_clients(1, compression)
            say(f"a flood for {many} clients, {compression}")
            all_of_them = await self._with_clients(many, compression)
            self._add(f"proxy, 1 client, {compression}", one)
            further = f"each further of {many} clients, {compression}"
            self._add(further, (all_of_them - one) / (many - 1))

    def _add(self, what: str, value: float) -> None:
        self._values[under(FLOOD, what)].append(value)

    async def _play(self, events: int) -> None:
        first, self._played = self._played, self._played + events
        await self._cluster.gateway.ask("play", shard=0, first=first, last=self._played)

    async def _without_client(self) -> tuple[float, float]:
        """CPU microseconds an event of worker and proxy, where nobody is connected."""
        events = self._options.events
        command = [sys.executable, "-m", "benchmarks.delivery"]
        counted = self._options.warm + events
        settings = {"role": "subscriber", "endpoint": self._cluster.events, "count": counted}
        async with child("the Subscriber", command, settings) as subscriber:
            await subscriber.line()
            await self._play(self._options.warm)
            await asyncio.sleep(self._options.settle)
            before = self._cluster.cpu_seconds()
            await self._play(events)
            if missed := (await subscriber.line()).get("missed"):
                raise ChildError(f"a Subscriber missed events: {missed}")
            await asyncio.sleep(self._options.settle)
            after = self._cluster.cpu_seconds()
        worker, proxy = ((b - a) / events * 1e6 for a, b in zip(before, after, strict=True))
        return worker, proxy

    async def _with_clients(self, count: int, compression: str) -> float:
        """CPU microseconds of the proxy for an event that goes to so many clients."""
        warm, events = self._options.warm, self._options.events
        counts = [warm * count, (warm + events) * count]
        async with self._cluster.clients(count, compression, counts) as clients:
            await self._play(warm)
            _counted(await clients.line(), counts[0])
            before = self._cluster.cpu_seconds()[1]
            await self._play(events)
            _counted(await clients.line(), counts[1])
            return (self._cluster.cpu_seconds()[1] - before) / events * 1e6


def _counted(answer: Mapping[str, Any], count: int) -> None:
    """Raise ChildError unless clients say that so many dispatches came."""
    if answer.get("count") != count:
        raise ChildError(f"clients of the proxy did not get {count:,} dispatches: {answer}")


async def _latency(
    options: ProxyOptions, cluster: Cluster, values: Mapping[str, list[float]]
) -> None:
    """Note how long events take to a Subscriber and to a client of the proxy."""
    events = int(LATENCY_RATE * options.seconds)
    command = [sys.executable, "-m", "benchmarks.real_rates.subscriber"]
    settings = {"endpoint": cluster.events, "counts": [events]}
    async with (
        child("the Subscriber", command, settings) as subscriber,
        cluster.clients(1, "none", [events], moments=True) as client,
    ):
        await subscriber.line()
        sent = await cluster.gateway.ask(
            "pace", sessions=1, rate=LATENCY_RATE, poisson=False, events=events, seed=1,
            moments=True,
        )  # fmt: skip
        _counted(await client.line(), events)
        _counted(await subscriber.line(), events)
        arrivals = {seq: ns for _, seq, ns in (await subscriber.ask("arrivals"))["arrivals"]}
        client.end_input()
        came = (await client.line())["moments"]
    begun = [(seq, ns) for _, seq, ns in sent["moments"]]
    found = {
        "to a Subscriber": [arrivals[seq] - ns for seq, ns in begun],
        "to the proxy's client": [at - ns for at, (_, ns) in zip(came, begun, strict=True)],
        "added": [at - arrivals[seq] for at, (seq, _) in zip(came, begun, strict=True)],
    }
    for what, late in found.items():
        late.sort()
        for name, part in (("p50", 0.5), ("p99", 0.99)):
            values[under(LATENCY, f"{what}, {name}")].append(quantile(late, part) / 1e6)


async def _crowd(
    options: ProxyOptions, cluster: Cluster, values: Mapping[str, list[float]]
) -> None:
    """Note what idle clients take, and what many clients take that get events at a rate."""
    events, most = int(MOST_RATE * options.seconds), options.most
    for compression in COMPRESSIONS:
        before = rss_bytes(cluster.proxy)
        async with cluster.clients(most, compression, [events * most]) as clients:
            each = (rss_bytes(cluster.proxy) - before) / most / 1000
            values[under(IDLE, f"memory of a client, {compression}")].append(each)
            used = cluster.cpu_seconds()[1]
            await cluster.gateway.ask(
                "pace", sessions=1, rate=MOST_RATE, poisson=False, events=events, seed=1
            )
            _counted(await clients.line(), events * most)
            used = cluster.cpu_seconds()[1] - used
            values[under(CROWD, f"proxy, {compression}")].append(used / options.seconds * 100)
            values[under(CROWD, f"a dispatch, {compression}")].append(used / events / most * 1e6)
