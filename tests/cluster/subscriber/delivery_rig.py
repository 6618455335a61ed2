"""Everything between a shard's pump and a subscriber, on real sockets: a writer, a journal, a
publisher, the hub and the replay server's own code in a thread of its own."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import zmq

from cluster.journal import Journal, JournalReader, ShardState
from cluster.journal.history import History
from cluster.subscriber import Subscriber
from cluster.wire.batch_writer import ShardWriter
from coordinator.hub.hub import Hub
from coordinator.replay.server import ReplayServer
from shard_worker.delivery.publisher import Publisher

STORE = "0123456789abcdef"


class DeliveryRig:
    """Everything between a shard's pump and a subscriber."""

    def __init__(self, folder: Path) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.workers, self.events = f"ipc://{folder}/h", f"ipc://{folder}/s"
        self.other_workers, self.other_events = f"ipc://{folder}/oh", f"ipc://{folder}/os"
        """Endpoints of another hub, while `several_hubs` makes it."""
        self.replay = f"ipc://{folder}/r"
        self.hub = Hub(
            self.context, workers_endpoint=self.workers, subscribers_endpoint=self.events
        )
        self.journal = Journal.open(
            folder / "slot-0", budget_bytes=4 << 20, slot=0, cluster=STORE, boot_id="boot"
        )
        self.publisher = Publisher(
            self.journal, endpoint=self.workers, hwm=1000, cluster=STORE, slot=0
        )
        self.publisher.start(asyncio.get_running_loop())
        # LMDB is opened once in a process, so the server reads through the writer's environment.
        history = History(folder, STORE, lambda where: _Shared(self.journal.env(), where))
        self.server = ReplayServer(self.replay, history, STORE, self.context)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()
        self.writers: dict[int, ShardWriter] = {}

    def writer(self, shard: int) -> ShardWriter:
        if shard not in self.writers:
            self.writers[shard] = ShardWriter(STORE, ShardState(shard_id=shard, shard_count=2))
            self.writers[shard].begin_epoch(1)
        return self.writers[shard]

    def emit(
        self, shard: int, *names: str, published: bool = True, data: bytes | None = None
    ) -> list[tuple[str, int]]:
        """One drain; not published: it gets lost on the way. data: each event's ``d``; None: it
        tells the seq."""
        writer = self.writer(shard)
        seq = writer.state.seq
        drain = [
            (name, seq + i, b'{"n":%d}' % (seq + i) if data is None else data)
            for i, name in enumerate(names, 1)
        ]
        messages = writer.drain(drain, 1)
        self.journal.append(shard, messages, writer.state)
        if not published:
            self.publisher._cursor = self.journal.last_record
        self.publisher.wake()
        return [(name, seq) for name, seq, _ in drain]

    def subscriber(self, **options: object) -> Subscriber:
        return Subscriber(self.events, replay=self.replay, **options)  # type: ignore[arg-type]  # passed on

    @contextmanager
    def several_hubs(self) -> Iterator[Callable[[Iterable[bytes]], None]]:
        """Have another hub, and give what publishes messages to it, when it is there."""
        hub = Hub(
            self.context, workers_endpoint=self.other_workers,
            subscribers_endpoint=self.other_events,
        )  # fmt: skip
        worker = self.context.socket(zmq.XPUB)
        worker.connect(self.other_workers)
        assert worker.recv() == b"\x01"

        def publish(messages: Iterable[bytes]) -> None:
            for message in messages:
                worker.send(message)

        try:
            yield publish
        finally:
            worker.close(0)
            hub.close()

    def unpublished(self, shard: int, *names: str) -> list[bytes]:
        """Journal one drain that somebody else publishes, and return its messages."""
        writer = self.writer(shard)
        seq = writer.state.seq
        drain = [(name, seq + i, b'{"n":%d}' % (seq + i)) for i, name in enumerate(names, 1)]
        messages = list(writer.drain(drain, 1))
        self.journal.append(shard, messages, writer.state)
        self.publisher._cursor = self.journal.last_record
        return messages

    def close(self) -> None:
        self.server.stop()
        self.thread.join()
        self.publisher.close()
        self.server.close()
        self.hub.close()
        self.journal.close()
        self.context.term()


class _Shared(JournalReader):
    def __init__(self, env: object, folder: Path) -> None:
        super().__init__(env, (folder / "data.mdb").stat().st_ino)  # type: ignore[arg-type]  # lmdb

    def close(self) -> None:
        """The environment is the writer's."""


@asynccontextmanager
async def delivery_rig() -> AsyncIterator[DeliveryRig]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        rig = DeliveryRig(Path(folder))
        try:
            yield rig
        finally:
            rig.close()
