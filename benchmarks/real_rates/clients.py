"""The clients that meet the same loads: our pipeline, a bare client, and other people's."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from benchmarks.children import Child, ChildError, child
from benchmarks.libraries import LIBRARIES, TOKEN, Library, trusting
from benchmarks.worker_process import WorkerProcess, worker_spec
from cluster.config.keys import ClusterKeys

WORKER, BARE = "worker", "bare client"
AT_ONCE: Final = "latency_ms 0"
HUB, SUBSCRIBER = "hub, a subscriber", "Subscriber"
TWILIGHT_RAW, DISCORD_PY, DISCORDJS = "twilight raw", "discord.py", "@discordjs/ws zlib-sync"
PEERS: Final = tuple(
    library for library in LIBRARIES if library.label in (TWILIGHT_RAW, DISCORD_PY, DISCORDJS)
)
WORKER_KEYS: Final = ClusterKeys(log_level="warning")

Arrival = tuple[int, int, int]
"""Shard id, seq, and nanoseconds of the monotonic clock."""


class Running(Protocol):
    """A client with all its sessions ready."""

    @property
    def pids(self) -> Mapping[str, int]:
        """Its processes by what they are; the one that holds the sessions by the client's label."""

    async def came(self, *, moments: bool = False) -> Sequence[Arrival]:
        """Wait until all events of the next load have come; return when each did, if moments are
        wanted. Raises ChildError."""


class ClientKind(NamedTuple):
    """A client that is measured."""

    label: str
    library: Library | None = None
    """What runs it; None: it is our pipeline."""
    keys: ClusterKeys = WORKER_KEYS
    """The configuration of our worker."""

    @property
    def missing(self) -> str:
        """Why it can't be run here; empty: it can."""
        return self.library.missing if self.library else ""

    def run(
        self, addresses: Mapping[str, Any], sessions: int, counts: Sequence[int]
    ) -> AbstractAsyncContextManager[Running]:
        """Run it with so many sessions, all of them ready. counts: how many events there were in
        all after each load."""
        if self.library is None:
            return _pipeline(self, addresses, sessions, counts)
        return _driver(self.library, addresses, sessions, counts)


OURS: Final = ClientKind(WORKER)
OURS_AT_ONCE: Final = ClientKind(
    f"{WORKER}, {AT_ONCE}", keys=msgspec.structs.replace(WORKER_KEYS, latency_ms=0)
)
"""The worker when it hands on each event as soon as it has come."""
BARE_CLIENT: Final = ClientKind(BARE, Library(BARE, "bare", "curl_cffi"))
CLIENTS: Final = (
    OURS,
    OURS_AT_ONCE,
    BARE_CLIENT,
    *(ClientKind(peer.label, peer) for peer in PEERS),
)


class Pipeline(NamedTuple):
    """A worker, the hub and a Subscriber, each a process."""

    pids: Mapping[str, int]
    subscriber: Child
    counts: list[int]

    async def came(self, *, moments: bool = False) -> Sequence[Arrival]:
        answer = await self.subscriber.line()
        if answer.get("count") != self.counts.pop(0):
            raise ChildError(f"the Subscriber did not get all events: {answer}")
        if not moments:
            self.subscriber.send({"do": "go on"})
            return ()
        arrivals: Sequence[Arrival] = (await self.subscriber.ask("arrivals"))["arrivals"]
        return arrivals


@asynccontextmanager
async def _pipeline(
    client: ClientKind, addresses: Mapping[str, Any], sessions: int, counts: Sequence[int]
) -> AsyncIterator[Running]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dcgw-")))
        events = f"ipc://{folder}/events"
        spec = worker_spec(folder, addresses, sessions, client.keys)
        command = [sys.executable, "-m", "benchmarks.delivery"]
        settings = {"role": "hub", "workers": spec.hub_endpoint, "events": events}
        hub = await stack.enter_async_context(child("the hub", command, settings))
        await hub.line()
        process = WorkerProcess(spec, events)
        stack.callback(process.context.destroy, 0)
        stack.push_async_callback(process.end)
        await process.start()
        command = [sys.executable, "-m", "benchmarks.real_rates.subscriber"]
        subscriber = await stack.enter_async_context(
            child("the Subscriber", command, {"endpoint": events, "counts": counts})
        )
        await subscriber.line()
        pids = {client.label: process.pid, HUB: hub.pid, SUBSCRIBER: subscriber.pid}
        yield Pipeline(pids, subscriber, list(counts))


class Driver(NamedTuple):
    """A client in a process of its own, which counts what its handler gets."""

    pids: Mapping[str, int]
    process: Child
    counts: list[int]

    async def came(self, *, moments: bool = False) -> Sequence[Arrival]:
        answer = await self.process.line()
        if answer != {"count": self.counts.pop(0)}:
            raise ChildError(f"a client did not count all events: {answer}")
        return ()


@asynccontextmanager
async def _driver(
    library: Library, addresses: Mapping[str, Any], sessions: int, counts: Sequence[int]
) -> AsyncIterator[Running]:
    settings = {
        **addresses,
        "token": TOKEN,
        "compression": library.compression,
        "counts": counts,
        "sessions": sessions,
    }
    command, env = library.command, trusting(addresses)
    async with child(library.label, command, settings, env) as process:
        assert (await process.line())["ready"]
        yield Driver({library.label: process.pid}, process, list(counts))
