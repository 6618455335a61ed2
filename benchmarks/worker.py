"""A real worker process and all it needs: the real hub, a subscriber, a played coordinator."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import zmq
import zmq.asyncio

from benchmarks.children import ChildError
from benchmarks.recording import added, digest
from cluster.config.keys import ClusterKeys, JournalConfig
from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.discord.intents import ALL_INTENTS
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_batch
from cluster.wire.link import (
    Hello,
    IdentifyGrant,
    IdentifyRequest,
    Report,
    ShardPlan,
    ShardReport,
    Stop,
    Welcome,
    decode_from_worker,
    encode,
)
from coordinator.hub.hub import Hub

WAIT_S: Final = 60.0
MIB: Final = 1024 * 1024


class MeasuredWorker:
    """One ``python -m shard_worker`` in slot 0, seen from its coordinator and from a subscriber."""

    def __init__(self, folder: Path, spec: WorkerSpec) -> None:
        self.reports: dict[int, ShardReport] = {}
        self._spec = spec
        self._messages: list[bytes] = []
        self._reached: dict[int, int] = {}
        """Shard id -> seq up to which all has come out of the hub."""
        self._grants = 0
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._context = zmq.asyncio.Context()
        self._hub = Hub(
            zmq.Context(self._context),
            workers_endpoint=spec.hub_endpoint,
            subscribers_endpoint=f"ipc://{folder}/events",
            subscriber_hwm=1_000_000,  # a busy machine is no reason to lose what is then counted
        )
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(spec.link_endpoint)
        self._subscriber = self._context.socket(zmq.SUB)
        self._subscriber.setsockopt(zmq.RCVHWM, 1_000_000)
        self._subscriber.subscribe(b"")
        self._subscriber.connect(f"ipc://{folder}/events")
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process, and return when all its shards are ready."""
        self._tasks = [asyncio.create_task(self._coordinate()), asyncio.create_task(self._read())]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "shard_worker", stdin=asyncio.subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(encode_spec(self._spec))
        self._process.stdin.write_eof()
        await self.until(
            lambda: (
                len(self.reports) == len(self._spec.shards)
                and all(report.state == "ready" for report in self.reports.values())
            )
        )

    async def stop(self) -> None:
        """End the process, and close all sockets."""
        if self._process is not None:
            await self._router.send_multipart([b"0", encode(Stop())])
            try:
                await asyncio.wait_for(self._process.wait(), WAIT_S)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):  # it ended just now
                    self._process.kill()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._hub.close()
        self._context.destroy(0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what was heard. Raises ChildError."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            states = {report.state for report in self.reports.values()}
            raise ChildError(f"the worker's shards are {states}, {self._reached}") from None

    async def out(self, seq: int) -> None:
        """Wait until every shard's events up to ``seq`` are at the subscriber."""
        await self.until(
            lambda: all(self._reached.get(plan.shard_id, -1) >= seq for plan in self._spec.shards)
        )

    async def out_of(self, shard_id: int, seq: int) -> None:
        """Wait until one shard's events up to ``seq`` are at the subscriber."""
        await self.until(lambda: self._reached.get(shard_id, -1) >= seq)

    def arrived(self) -> tuple[int, int]:
        """Return how many events came since the last call, READY left out, and their digest."""
        digests = []
        for message in self._messages:
            name, _, payload = topic.split(message)
            if not name.startswith("_") and name != "READY":
                batch = decode_batch(payload)
                digests += [digest(name, entry.seq, entry.data) for entry in batch.events]
        self._messages.clear()
        return len(digests), added(digests)

    async def _read(self) -> None:
        while True:
            message = bytes(await self._subscriber.recv())
            if not message.startswith(b"_"):
                self._messages.append(message)
                continue
            name, _, payload = topic.split(message)
            if name == topic.WATERMARK:
                async with self._changed:
                    for row in watermark.decode(payload).shards:
                        self._reached[row.shard_id] = row.seq
                    self._changed.notify_all()

    async def _coordinate(self) -> None:
        """Play the coordinator: welcome the worker, grant every identify at once, keep its
        reports."""
        while True:
            _, data = await self._router.recv_multipart()
            match decode_from_worker(data):
                case Hello():
                    await self._router.send_multipart([b"0", encode(Welcome())])
                case IdentifyRequest(shard_id=shard_id):
                    self._grants += 1
                    grant = IdentifyGrant(shard_id=shard_id, grant_id=self._grants, epoch=1)
                    await self._router.send_multipart([b"0", encode(grant)])
                case Report(shards=shards):
                    async with self._changed:
                        self.reports = {shard.shard_id: shard for shard in shards}
                        self._changed.notify_all()


@asynccontextmanager
async def worker(
    gateway: Mapping[str, Any], *, shards: int = 1, journal_bytes: int = 256 * MIB
) -> AsyncIterator[MeasuredWorker]:
    """Run a worker on this gateway; all of its shards are ready. It has ended when the context is
    left."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        spec = WorkerSpec(
            slot=0,
            cluster="0123456789abcdef",
            boot_id="benchmark",
            shards=[ShardPlan(shard_id=n, shard_count=shards) for n in range(shards)],
            shard_count=shards,
            token="benchmark",
            intents=int(ALL_INTENTS),
            gateway_url=gateway["url"],
            ca_file=gateway["ca_file"],
            journal_dir=f"{folder}/journal",
            link_endpoint=f"ipc://{folder}/link",
            hub_endpoint=f"ipc://{folder}/hub",
            config=ClusterKeys(journal=JournalConfig(bytes=journal_bytes), log_level="warning"),
        )
        made = MeasuredWorker(Path(folder), spec)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()
