"""What came out of a cluster, beside what the sandbox says went in."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import msgpack  # type: ignore[import-untyped]  # it carries no types
import zmq
import zmq.asyncio

from cluster.control import ControlClient
from cluster.endpoints.paths import cluster_paths
from cluster.sandbox import SandboxControl, SandboxInfo
from cluster.subscriber import Event, Gap, Item, Stalled, Subscriber
from cluster.wire.status import ClusterStatus, ShardStatus
from tests.e2e.home import Home
from tests.progress import progress

WITHIN_S = 60.0
"""How long what must come may take."""
BLANKED = ("READY", "SESSIONS_REPLACE")
"""The session id is blanked before they are journalled, so the bytes differ from what was sent."""

Row = tuple[int, int, str, str]
"""Shard, seq, name, hash of d ("" where it is blanked)."""
Reply = TypeVar("Reply")


def row_of(shard_id: int, seq: int, name: str, data: bytes) -> Row:
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return shard_id, seq, name, "" if name in BLANKED else digest


def row_of_ledger(row: dict[str, Any]) -> Row:
    return row["shard"], row["s"], row["name"], "" if row["name"] in BLANKED else row["hash"]


async def ledger(sandbox: SandboxControl) -> list[Row]:
    """What was dispatched, without what a RESUME sent once more."""
    return [row_of_ledger(r) async for r in sandbox.all_dispatches() if not r.get("replayed")]


async def eventually(
    ask: Callable[[], Awaitable[Reply]],
    holds: Callable[[Reply], bool],
    within_s: float = WITHIN_S,
) -> Reply:
    """Ask, again and again, until the answer is as it has to be; return that answer."""
    answer: Reply | None = None
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = await ask()
                if holds(answer):
                    progress()
                    return answer
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"not within {within_s:g} s: {answer}") from None


def control_of(home: Home) -> ControlClient:
    paths = cluster_paths("default", home.env)
    return ControlClient(paths.control, lock=paths.lock)


def sandbox_of(info: SandboxInfo) -> SandboxControl:
    return SandboxControl(info.control_url, info.control_token)


async def connected(sandbox: SandboxControl, count: int) -> None:
    """Wait until ``count`` sessions have a connection, which a fault can meet."""
    await eventually(sandbox.state, lambda s: sum(x["connected"] for x in s["sessions"]) >= count)


async def identified(sandbox: SandboxControl) -> int:
    """Count the identifies that were spent, those that came too early among them."""
    counts = (await sandbox.state())["identifies"]
    return int(counts["admitted"]) + int(counts["early"])


def reconnects(status: ClusterStatus) -> Counter[tuple[int, str]]:
    """(shard, cause) -> how often."""
    return Counter({
        (shard.shard_id, cause): count
        for shard in status.shards
        for cause, count in shard.reconnects.items()
    })  # fmt: skip


def shard_of(status: ClusterStatus, shard_id: int) -> ShardStatus:
    return next(shard for shard in status.shards if shard.shard_id == shard_id)


class Witness:
    """Counts the events that come."""

    def __init__(self, already: int = 0) -> None:
        """already: how many events were dispatched before it looks on."""
        self.already = already
        self.events = 0
        self._more = asyncio.Condition()

    def complaint(self) -> str:
        """A text on what else is known where events did not come."""
        return ""

    async def until(self, count: int) -> None:
        """Wait until ``count`` events came."""
        try:
            async with asyncio.timeout(WITHIN_S), self._more:
                await self._more.wait_for(lambda: self.events >= count)
        except TimeoutError:
            raise AssertionError(
                f"{self.events} events came, not {count}{self.complaint()}"
            ) from None
        progress()


async def all_dispatched(sandbox: SandboxControl, *witnesses: Witness) -> list[Row]:
    """Stop the world and wait until all that was dispatched has come to the witnesses; return it.

    A session may still be resumed meanwhile, and its RESUMED comes.
    """
    await sandbox.quiesce()
    while True:
        expected = await ledger(sandbox)
        for one in witnesses:
            await one.until(len(expected) - one.already)
        counts = [one.events for one in witnesses]
        same = len(await ledger(sandbox)) == len(expected)
        if same and counts == [one.events for one in witnesses]:
            return expected


class Seen(Witness):
    """What a Subscriber gave out, gathered beside the test."""

    subscriber: Subscriber

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []

    def complaint(self) -> str:
        return f"; {[item for item in self.items if not isinstance(item, Event)][:5]}"

    async def gather(self, subscriber: Subscriber) -> None:
        async for item in subscriber:
            async with self._more:
                self.items.append(item)
                self.events += isinstance(item, Event)
                self._more.notify_all()

    async def more(self, count: int) -> None:
        """Wait until ``count`` more events came."""
        await self.until(self.events + count)

    def check(self, expected: list[Row]) -> None:
        """Each dispatch came once, in order per shard, and nothing else came: no gap."""
        assert [item for item in self.items if isinstance(item, Gap)] == []
        events = [item for item in self.items if isinstance(item, Event)]
        received = [row_of(e.shard_id, e.seq, e.name, e.data) for e in events]
        assert Counter(received) == Counter(expected)
        for shard in {row[0] for row in expected}:
            seqs = [seq for shard_id, seq, *_ in received if shard_id == shard]
            assert seqs == list(range(1, len(seqs) + 1)), f"shard {shard} is out of order"

    @property
    def stalls(self) -> list[Stalled]:
        return [item for item in self.items if isinstance(item, Stalled)]


@asynccontextmanager
async def watching(home: Home, name: str | None = None) -> AsyncIterator[Seen]:
    """Gather everything that the cluster of this home delivers, from its first event on."""
    paths = cluster_paths("default", home.env)
    seen = Seen()
    async with Subscriber(
        paths.events, start="oldest", replay=paths.replay, control=paths.control, name=name
    ) as subscriber:
        seen.subscriber = subscriber
        task = asyncio.create_task(seen.gather(subscriber))
        try:
            yield seen
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class Raw(Witness):
    """Another witness: ZeroMQ and msgpack, nothing of ours. Its rows are as they come by wire."""

    def __init__(self, home: Home, already: int = 0, hubs: int = 1) -> None:
        super().__init__(already)
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.RCVHWM, 1_000_000)
        self._socket.subscribe(b"")
        for number in range(hubs):
            self._socket.connect(cluster_paths("default", home.env).events_of(number))
        self.rows: list[Row] = []
        self._joined = asyncio.Event()
        self._task = asyncio.create_task(self._read())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._context.destroy(0)

    async def joined(self) -> None:
        """Wait until something came: from then on everything does."""
        await asyncio.wait_for(self._joined.wait(), WITHIN_S)

    async def _read(self) -> None:
        while True:
            topic, _, payload = (await self._socket.recv()).partition(b"\0")
            name, shard, _ = topic.decode().rsplit(".", 2)
            self._joined.set()
            if not name.startswith("_"):
                async with self._more:
                    self.rows += [
                        row_of(int(shard), s, name, d) for s, d in msgpack.unpackb(payload)[11]
                    ]
                    self.events = len(self.rows)
                    self._more.notify_all()


def assert_same(one: list[Row], other: list[Row]) -> None:
    """Each row is as often in one as in the other; what differs is named, not printed whole."""
    rows, expected = Counter(one), Counter(other)
    assert not (rows - expected), f"too many: {list((rows - expected).items())[:5]}"
    assert not (expected - rows), f"missing: {list((expected - rows).items())[:5]}"
