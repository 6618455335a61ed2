"""A worker process and all that it needs: a played coordinator, a played hub, a sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import zmq
import zmq.asyncio

from cluster.config.keys import ClusterKeys, JournalConfig
from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.discord.intents import ALL_INTENTS
from cluster.journal import JournalReader, RangeQuery
from cluster.sandbox import Sandbox, SandboxControl
from cluster.wire import topic
from cluster.wire.batch import decode_batch
from cluster.wire.link import (
    Checkpoint,
    FromWorker,
    Hello,
    IdentifyGrant,
    IdentifyRequest,
    IdentifySent,
    IdentifyUnused,
    Kept,
    KeptReport,
    Lease,
    Report,
    ShardPlan,
    ShardReport,
    Stop,
    ToWorker,
    Welcome,
    decode_from_worker,
    encode,
)
from cluster.wire.shard_state import ShardState
from tests.progress import progress

WAIT_S = 60.0
Event = tuple[int, int, int, str, str]
"""shard, epoch, s, name, hash of d."""


def worker_config(**keys: Any) -> ClusterKeys:
    """The configuration of a worker, with a small journal."""
    return ClusterKeys(journal=JournalConfig(bytes=16 * 1024 * 1024), **keys)


class Rig:
    """Starts and stops workers of slot 0; grants every identify; keeps what the hub receives."""

    def __init__(self, sandbox: Sandbox, shards: int, **spec: Any) -> None:
        self.sandbox = sandbox
        self.folder = tempfile.TemporaryDirectory(prefix="dcgw-")
        self.answering = True
        self.granting = True
        self.leasing = True
        """Reports that have a number are answered, and what they tell is kept."""
        self.pid = 0
        """Process id of the worker that has greeted last."""
        self.states: dict[int, ShardState] = {}
        """Where each shard is, as a coordinator on another host knows it."""
        self.reports: dict[int, ShardReport] = {}
        self.heard: list[FromWorker] = []
        self.messages: list[bytes] = []
        self.log = b""
        self._epochs: defaultdict[int, int] = defaultdict(int)
        self._grants = 0
        self._granted: set[int] = set()
        self._changed = asyncio.Condition()
        self._context = zmq.asyncio.Context()
        self._tasks: list[asyncio.Task[None]] = []
        self._shards = shards
        self._more = spec
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self.hub = self._context.socket(zmq.SUB)
        self.hub.setsockopt(zmq.SUBSCRIBE, b"")
        self.hub.setsockopt(zmq.RCVHWM, 0)
        self.hub.bind(self.endpoint("hub"))
        self._tasks = [asyncio.create_task(self._gather())]
        self.coordinator_comes()
        return self

    def coordinator_comes(self) -> None:
        """Begin to play a coordinator, which knows nothing of the one before."""
        self.router = self._context.socket(zmq.ROUTER)
        self.router.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self.router.bind(self.endpoint("link"))
        self._coordinating = asyncio.create_task(self._coordinate())
        self._tasks.append(self._coordinating)

    async def coordinator_goes(self) -> None:
        """End the coordinator as if it were killed."""
        self._coordinating.cancel()
        await asyncio.gather(self._coordinating, return_exceptions=True)
        self.router.close(0)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._context.destroy(0)
        self.folder.cleanup()

    @property
    def journal_dir(self) -> Path:
        return Path(self.folder.name) / "journal"

    def endpoint(self, name: str) -> str:
        return f"ipc://{self.folder.name}/{name}"

    def spec(self, **changes: Any) -> WorkerSpec:
        info = self.sandbox.info
        fields: dict[str, Any] = {
            "slot": 0,
            "cluster": "0123456789abcdef",
            "boot_id": "boot",
            "shards": [
                ShardPlan(shard_id=n, shard_count=self._shards, last_epoch=self._epochs[n])
                for n in range(self._shards)
            ],
            "shard_count": self._shards,
            "token": info.token,
            "intents": int(ALL_INTENTS),
            "gateway_url": info.gateway_url,
            "ca_file": info.ca_file,
            "journal_dir": str(self.journal_dir),
            "config": worker_config(),
            "link_endpoint": self.endpoint("link"),
            "hub_endpoint": self.endpoint("hub"),
        }
        return WorkerSpec(**(fields | self._more | changes))

    async def start(self, **changes: Any) -> None:
        """Start a worker; the one before must have ended."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shard_worker",
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdin is not None
        self.process.stdin.write(encode_spec(self.spec(**changes)))
        self.process.stdin.write_eof()
        self._tasks.append(asyncio.create_task(self._read_log(self.process)))

    async def exit_code(self) -> int:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), WAIT_S)

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self.log += line

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what was heard; a failure shows the worker's log."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"{self.reports}\n{self.log.decode()}") from None
        progress()

    async def ready(self) -> None:
        await self.until(
            lambda: (
                len(self.reports) == self._shards
                and all(r.state == "ready" for r in self.reports.values())
            )
        )

    async def reconnected(self, cause: str, times: int = 1) -> None:
        """Wait until every shard has lost a connection by this cause and is ready again."""
        await self.until(
            lambda: all(
                r.state == "ready" and r.reconnects.get(cause, 0) >= times
                for r in self.reports.values()
            )
        )

    def count(self, kind: type[FromWorker]) -> int:
        return sum(isinstance(message, kind) for message in self.heard)

    async def send(self, message: ToWorker) -> None:
        await self.router.send_multipart([b"0", encode(message)])

    async def stop(self, *, logout: bool = False) -> int:
        await self.send(Stop(logout=logout))
        return await self.exit_code()

    async def _coordinate(self) -> None:
        while True:
            sender, data = await self.router.recv_multipart()
            assert sender == b"0"
            message = decode_from_worker(data)
            self.heard.append(message)
            if isinstance(message, Hello):
                self.pid = message.pid
            if isinstance(message, Hello) and self.answering:
                await self.send(Welcome())
            elif isinstance(message, IdentifySent | IdentifyUnused):
                self._granted.discard(message.shard_id)
            elif (
                isinstance(message, IdentifyRequest)
                and self.granting
                and message.shard_id not in self._granted
            ):
                self._granted.add(message.shard_id)
                self._grants += 1
                self._epochs[message.shard_id] += 1
                await self.send(
                    IdentifyGrant(
                        shard_id=message.shard_id,
                        grant_id=self._grants,
                        epoch=self._epochs[message.shard_id],
                    )
                )
            elif isinstance(message, Checkpoint):
                self.states |= {state.shard_id: state for state in message.states}
            elif isinstance(message, Report):
                self._keep(message)
                if message.number and self.leasing:
                    await self.send(Lease(number=message.number))
                    kept = KeptReport(message.number, [])
                    await self.send(Kept(pid=self.pid, reports=[kept]))
            async with self._changed:
                self._changed.notify_all()

    def _keep(self, report: Report) -> None:
        known = self.reports | {shard.shard_id: shard for shard in report.shards}
        for counts in report.counts:
            if row := known.get(counts.shard_id):
                known[row.shard_id] = msgspec.structs.replace(
                    row, seq=counts.seq, events=counts.events, silent_s=counts.silent_s
                )
        self.reports = {shard: row for shard, row in known.items() if shard in report.has}
        for shard, row in self.reports.items():
            state = self.states.get(shard)
            if state is not None and row.epoch == state.epoch and row.seq > state.seq:
                # What there was of each name in between is not known.
                self.states[shard] = msgspec.structs.replace(
                    state, seq=row.seq, floor=row.seq, last={}
                )

    async def _gather(self) -> None:
        while True:
            self.messages.append(bytes(await self.hub.recv()))
            async with self._changed:
                self._changed.notify_all()

    async def caught_up(self) -> list[Event]:
        """Stop the traffic, wait until all that was dispatched came out at the hub, and return
        it."""
        async with SandboxControl(
            self.sandbox.info.control_url, self.sandbox.info.control_token
        ) as control:
            await control.quiesce()
        expected = self.dispatched()
        await self.until(lambda: self.published() >= expected)
        return sorted(expected)

    def published(self) -> set[Event]:
        """Return what came out at the hub, each event once."""
        return set(events(self.messages))

    def journalled(self) -> list[Event]:
        """Return what the journal holds, sorted; an event that it holds twice is there twice. The
        worker must have ended."""
        reader = JournalReader.open(self.journal_dir)
        try:
            return sorted(
                event
                for shard in range(self._shards)
                for epoch in range(1, self._epochs[shard] + 1)
                for event in events(self._read(reader, shard, epoch))
            )
        finally:
            reader.close()

    def _read(self, reader: JournalReader, shard: int, epoch: int) -> list[bytes]:
        messages: list[bytes] = []
        after, more = -1, True
        while more:
            reach = reader.read(RangeQuery(shard, self._shards, epoch, after))
            messages += reach.messages
            after, more = reach.reached, reach.more
        return messages

    def dispatched(self) -> set[Event]:
        """Return the sandbox's ledger: every dispatch, with the epoch that its session must
        have."""
        epochs: dict[tuple[int, str], int] = {}
        rows: set[Event] = set()
        for row in self.sandbox.ledger.dispatches(limit=1_000_000):
            shard = row["shard"]
            known = sum(1 for other, _ in epochs if other == shard)
            epoch = epochs.setdefault((shard, row["session"]), known + 1)
            rows.add((shard, epoch, row["s"], row["name"], _hash(row["name"], row["hash"])))
        return rows


def _hash(name: str, value: str) -> str:
    """Return the hash, or "" for events whose session id is blanked on the way."""
    return "" if name in ("READY", "SESSIONS_REPLACE") else value


def events(messages: Iterable[bytes]) -> list[Event]:
    """Return the events of batches, in their order."""
    out: list[Event] = []
    for message in messages:
        name, shard, payload = topic.split(message)
        if not name.startswith("_"):
            batch = decode_batch(payload)
            out += [
                (
                    shard,
                    batch.epoch,
                    entry.seq,
                    name,
                    _hash(name, hashlib.blake2b(entry.data, digest_size=8).hexdigest()),
                )
                for entry in batch.events
            ]
    return out
