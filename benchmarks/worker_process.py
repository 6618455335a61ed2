"""A real worker process, and the coordinator that is played to it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq
import zmq.asyncio

from benchmarks.children import ChildError
from cluster.config.keys import ClusterKeys
from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.discord.intents import ALL_INTENTS
from cluster.wire.link import (
    Hello,
    IdentifyGrant,
    IdentifyRequest,
    Out,
    Report,
    ShardPlan,
    ShardReport,
    Stop,
    Welcome,
    decode_from_worker,
    encode,
)
from coordinator.hub.last_out import LastOut

WAIT_S: Final = 60.0
TELL_OUT_S: Final = 1.0
"""Seconds between two words on what came out of the hub, as the coordinator says them. A worker
that hears nothing for some seconds greets anew, and then tells of each of its shards."""
COMMAND: Final = ("-m", "shard_worker")


class WorkerProcess:
    """One ``python -m shard_worker`` in slot 0, seen from its coordinator."""

    def __init__(self, spec: WorkerSpec, events: str, command: Sequence[str] = COMMAND) -> None:
        """It does not start before ``start``. events: the hub's endpoint for subscribers. command:
        Python's arguments."""
        self.spec = spec
        self._command = command
        self.reports: dict[int, ShardReport] = {}
        self.changed = asyncio.Condition()
        """Notified when something was heard of the worker."""
        self.context = zmq.asyncio.Context()
        self._grants = 0
        self._router = self.context.socket(zmq.ROUTER)
        self._router.bind(spec.link_endpoint)
        self._last_out = LastOut(zmq.Context(self.context), [events])
        self._coordinating: asyncio.Task[None] | None = None
        self._telling_out: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start the process, and return when all its shards are ready. Raises ChildError."""
        self._coordinating = asyncio.create_task(self._coordinate())
        self._telling_out = asyncio.create_task(self._tell_out())
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._command, stdin=asyncio.subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(encode_spec(self.spec))
        self._process.stdin.write_eof()
        await self.until(
            lambda: (
                len(self.reports) == len(self.spec.shards)
                and all(report.state == "ready" for report in self.reports.values())
            )
        )

    async def end(self) -> None:
        """End the process; what it says is heard no more."""
        if self._process is not None:
            await self._router.send_multipart([b"0", encode(Stop())])
            try:
                await asyncio.wait_for(self._process.wait(), WAIT_S)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):  # it ended just now
                    self._process.kill()
                await self._process.wait()
        tasks = [task for task in (self._coordinating, self._telling_out) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._last_out.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what was heard. Raises ChildError."""
        try:
            async with asyncio.timeout(WAIT_S), self.changed:
                await self.changed.wait_for(condition)
        except TimeoutError:
            states = {report.state for report in self.reports.values()}
            seqs = {report.seq for report in self.reports.values()}
            raise ChildError(f"the worker's shards are {states}, at {seqs}") from None

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
                case Report() as report:
                    async with self.changed:
                        self._keep(report)
                        self.changed.notify_all()

    async def _tell_out(self) -> None:
        """Play what else a coordinator says to a worker to which nothing happens."""
        self._last_out.start(asyncio.get_running_loop())
        while True:
            await asyncio.sleep(TELL_OUT_S)
            for sent_ns in self._last_out.slots.values():
                await self._router.send_multipart([b"0", encode(Out(sent_ns=sent_ns))])
            self._last_out.slots.clear()

    def _keep(self, report: Report) -> None:
        self.reports |= {shard.shard_id: shard for shard in report.shards}
        for counts in report.counts:
            self.reports[counts.shard_id] = msgspec.structs.replace(
                self.reports[counts.shard_id], seq=counts.seq, events=counts.events
            )


def worker_spec(
    folder: Path, gateway: Mapping[str, Any], shards: int, keys: ClusterKeys
) -> WorkerSpec:
    """Return what a worker is started with that has its sockets and its journal in this folder."""
    return WorkerSpec(
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
        config=keys,
    )
