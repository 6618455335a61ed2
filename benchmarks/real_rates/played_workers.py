"""``python -m benchmarks.real_rates.played_workers``: workers that hold no sessions.

Each line on standard input is a worker's spec (base64 of msgpack). From then on that worker says
hello and reports once a second, as a real one does, that all of its shards are ready, and then how
many events they have, which grow by EVENTS_PER_S.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import time
from typing import Final

import zmq

import cluster
from cluster.config.worker_spec import WorkerSpec, decode_spec
from cluster.wire.link import (
    LINK_VERSION,
    Hello,
    Report,
    ShardCounts,
    ShardReport,
    ToWorker,
    Welcome,
)
from cluster.wire.states import SessionState
from shard_worker.coordinator_link import CoordinatorLink
from shard_worker.worker import REPORT_S

EVENTS_PER_S: Final = 5
HELLO_S: Final = 0.1
"""Seconds until hello is said again to a coordinator that has not answered."""


class PlayedWorker:
    """One worker, as its coordinator sees it."""

    def __init__(self, spec: WorkerSpec, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._spec = spec
        self._began = time.monotonic()
        self._welcome = asyncio.Event()
        self._link = CoordinatorLink(context, spec.link_endpoint, spec.slot, self._on_message)

    def _on_message(self, message: ToWorker) -> None:
        if isinstance(message, Welcome):
            self._welcome.set()

    async def run(self) -> None:
        """Say hello until it is heard, then report for ever."""
        while not self._welcome.is_set():
            self._link.send(self._hello())
            await asyncio.sleep(HELLO_S)
        self._link.send(self._report(self._shards(), []))
        while True:
            self._link.send(self._report([], self._counts()))
            await asyncio.sleep(REPORT_S)

    @property
    def _events(self) -> int:
        """How many events each shard has."""
        return int((time.monotonic() - self._began) * EVENTS_PER_S)

    def _counts(self) -> list[ShardCounts]:
        events = self._events
        return [ShardCounts(plan.shard_id, events + 1, events, 0.1) for plan in self._spec.shards]

    def _shards(self) -> list[ShardReport]:
        events = self._events
        return [
            ShardReport(
                shard_id=plan.shard_id, state=SessionState.READY, epoch=1, seq=events + 1,
                events=events, silent_s=0.1, session_age_s=60.0, heartbeat_ms=50.0, guilds=1000,
            )
            for plan in self._spec.shards
        ]  # fmt: skip

    def _hello(self) -> Hello:
        return Hello(
            version=LINK_VERSION, slot=self._spec.slot, pid=os.getpid(), started_at=time.time(),
            package_version=cluster.__version__, shard_count=self._spec.shard_count,
            shards=self._shards(),
        )  # fmt: skip

    def _report(self, shards: list[ShardReport], counts: list[ShardCounts]) -> Report:
        has = [plan.shard_id for plan in self._spec.shards]
        return Report(
            slot=self._spec.slot, has=has, shards=shards, counts=counts,
            cpu_seconds=time.process_time(), rss_bytes=1 << 26, events=len(has) * self._events,
            journal_bytes=1 << 28, journal_seconds=600.0, journalling=True, unpublished=0,
        )  # fmt: skip


async def main() -> None:
    """Play until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    playing = []
    while line := await reader.readline():
        worker = PlayedWorker(decode_spec(base64.b64decode(line)), context)
        playing.append(loop.create_task(worker.run()))
    for task in playing:
        task.cancel()
    await asyncio.gather(*playing, return_exceptions=True)
    context.destroy(0)


if __name__ == "__main__":
    asyncio.run(main())
