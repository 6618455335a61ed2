"""A worker process with the real hub and a subscriber, both in this process."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import zmq
import zmq.asyncio

from benchmarks.recording import added, digest
from benchmarks.worker_process import COMMAND, WorkerProcess, worker_spec
from cluster.config.keys import ClusterKeys, JournalConfig
from cluster.config.worker_spec import WorkerSpec
from cluster.wire import topic, watermark
from cluster.wire.batch import decode_batch
from coordinator.hub.hub import Hub

MIB: Final = 1024 * 1024


class MeasuredWorker(WorkerProcess):
    """A worker process, seen from its coordinator and from a subscriber."""

    def __init__(self, folder: Path, spec: WorkerSpec, command: Sequence[str]) -> None:
        events = f"ipc://{folder}/events"
        super().__init__(spec, events, command)
        self._messages: list[bytes] = []
        self._reached: dict[int, int] = {}
        """Shard id -> seq up to which all has come out of the hub."""
        self._hub = Hub(
            zmq.Context(self.context),
            workers_endpoint=spec.hub_endpoint,
            subscribers_endpoint=events,
            subscriber_hwm=1_000_000,  # a busy machine is no reason to lose what is then counted
        )
        self._subscriber = self.context.socket(zmq.SUB)
        self._subscriber.setsockopt(zmq.RCVHWM, 1_000_000)
        self._subscriber.subscribe(b"")
        self._subscriber.connect(events)
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._reading = asyncio.create_task(self._read())
        await super().start()

    async def stop(self) -> None:
        await self.end()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._hub.close()
        self.context.destroy(0)

    async def out(self, seq: int) -> None:
        """Wait until every shard's events up to ``seq`` are at the subscriber."""
        await self.until(
            lambda: all(self._reached.get(plan.shard_id, -1) >= seq for plan in self.spec.shards)
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
                async with self.changed:
                    for row in watermark.decode(payload).shards:
                        self._reached[row.shard_id] = row.seq
                    self.changed.notify_all()


@asynccontextmanager
async def worker(
    gateway: Mapping[str, Any],
    *,
    shards: int = 1,
    journal_bytes: int = 256 * MIB,
    command: Sequence[str] = COMMAND,
) -> AsyncIterator[MeasuredWorker]:
    """Run a worker on this gateway; all of its shards are ready. It has ended when the context is
    left. command: Python's arguments that start it."""
    with tempfile.TemporaryDirectory(prefix="dcgw-") as folder:
        keys = ClusterKeys(journal=JournalConfig(bytes=journal_bytes), log_level="warning")
        spec = worker_spec(Path(folder), gateway, shards, keys)
        made = MeasuredWorker(Path(folder), spec, command)
        try:
            await made.start()
            yield made
        finally:
            await made.stop()
