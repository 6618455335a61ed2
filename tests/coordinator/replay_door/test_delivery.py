"""A Subscriber asks the door, behind which are two hosts, each with the replay server that it has,
over real journals, and a shard that moved from one to the other."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import zmq

from cluster.journal import Journal, ShardState
from cluster.journal.history import History
from cluster.subscriber import Event, Gap, Item, Subscriber
from cluster.subscriber.chain.shard_chain import PATIENCE
from cluster.wire import replay, watermark
from cluster.wire.batch_writer import ShardWriter
from cluster.wire.states import GapReason, HostState
from coordinator.replay.server import ReplayServer
from tests.coordinator.replay_door.door_rig import WITHIN_S, DoorRig, door_rig, id_of
from tests.coordinator.replay_door.shard_world import STORE


class RealHost:
    """A host's journals and its replay server, and the way there."""

    def __init__(self, rig: DoorRig, folder: Path, name: str) -> None:
        self.name = name
        self._rig = rig
        endpoint = f"ipc://{folder}/{name}"
        history = History(folder / "journal" / name, STORE)
        self._server = ReplayServer(endpoint, history, STORE, rig.plain)
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()
        self._way = rig.context.socket(zmq.DEALER)
        self._way.connect(endpoint)
        self._back = asyncio.ensure_future(self._pass_back())
        self._sent: set[asyncio.Future[Any]] = set()
        self.comes()

    def comes(self) -> None:
        """Let it be here."""
        self._rig.host(self.name, self._pass_on)

    def goes(self, state: HostState) -> None:
        """Let it be away, or given up: nothing comes from it, and nothing gets there."""
        self._rig.host(self.name, None, state)

    def _pass_on(self, question: replay.Request) -> None:
        token = question.id.to_bytes(8, "big")
        sent = asyncio.ensure_future(
            self._way.send_multipart([token, replay.encode(question)])
        )  # fmt: skip
        self._sent.add(sent)
        sent.add_done_callback(self._sent.discard)

    async def _pass_back(self) -> None:
        while True:
            frames: list[Any] = await self._way.recv_multipart()
            await self._rig.gate.socket.send_multipart([id_of(self.name).encode(), *frames])

    async def close(self) -> None:
        self._back.cancel()
        await asyncio.gather(self._back, return_exceptions=True)
        self._server.stop()
        await asyncio.to_thread(self._thread.join)
        self._server.close()
        self._way.close(0)


class Cluster:
    """The door, its hosts, and where events are published."""

    def __init__(self, rig: DoorRig, folder: Path) -> None:
        self.rig = rig
        self._folder = folder
        self._events = f"ipc://{folder}/e"
        self.hub = rig.plain.socket(zmq.PUB)
        self.hub.bind(self._events)
        self.writer = ShardWriter(STORE, ShardState(shard_id=0, shard_count=1))
        self.writer.begin_epoch(1)
        self.hosts: dict[str, RealHost] = {}
        self._telling = asyncio.ensure_future(self._tell())

    def receive(self, host: str, *drains: int) -> None:
        """Let a host's worker receive drains of so many events, and go away again."""
        journal = Journal.open(
            self._folder / "journal" / host / "slot-0", budget_bytes=1 << 20, slot=0,
            cluster=STORE, boot_id="boot",
        )  # fmt: skip
        for count in drains:
            first = self.writer.state.seq + 1
            events = [("A", first + i, b"%d" % (first + i)) for i in range(count)]
            messages = self.writer.drain(events, 1)
            journal.append(0, messages, self.writer.state)
            journal.flush()
        journal.close()

    async def _tell(self) -> None:
        """Tell subscribers how far the shard is, as a worker does."""
        while True:
            now = self.writer.state
            row = watermark.Row(0, 1, now.epoch, now.before, now.seq, -1, [*now.last.items()])
            self.hub.send(watermark.encode(STORE, 0, 1, True, [row]))
            await asyncio.sleep(0.05)

    def serve(self, *hosts: str) -> None:
        """Let the replay servers of hosts run."""
        self.hosts |= {name: RealHost(self.rig, self._folder, name) for name in hosts}

    def subscriber(self, start: Any = "oldest") -> Subscriber:
        return Subscriber(self._events, replay=self.rig.endpoint, start=start)

    async def close(self) -> None:
        self._telling.cancel()
        await asyncio.gather(self._telling, return_exceptions=True)
        for host in self.hosts.values():
            await host.close()
        self.hub.close(0)


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        async with door_rig() as rig:
            made = Cluster(rig, Path(folder))
            try:
                yield made
            finally:
                await made.close()


async def take(subscriber: Subscriber, count: int) -> list[Item]:
    async with asyncio.timeout(WITHIN_S):
        return [await anext(subscriber) for _ in range(count)]


def told(items: list[Item]) -> list[tuple[int, int]]:
    """Return where the events are, (epoch, seq), and of a gap (-1, its first seq)."""
    assert all(isinstance(item, Event | Gap) for item in items), items
    return [
        (item.epoch, item.seq) if isinstance(item, Event) else (-1, item.first)
        for item in items
        if isinstance(item, Event | Gap)
    ]


async def asked_often(c: Cluster) -> None:
    """Wait until what is missing was asked for once more than it would be before it is given up."""
    c.rig.gate.asked.clear()
    async with asyncio.timeout(WITHIN_S):
        while (  # noqa: ASYNC110
            sum(isinstance(question, replay.RangeRequest) for _, question in c.rig.gate.asked)
            <= PATIENCE
        ):
            await asyncio.sleep(0.01)


def test_a_shard_that_moved_is_read_from_both_hosts_and_waits_for_the_one_that_is_away() -> None:
    async def run() -> None:
        async with cluster() as c:
            c.receive("a", 3, 2)
            c.receive("b", 1, 4)
            c.writer.begin_epoch(2)
            c.receive("b", 3)
            c.serve("a", "b")
            first, second = [(1, seq) for seq in range(10)], [(2, seq) for seq in range(3)]
            expected = [*first, (-1, 10), *second]  # the session was lost between
            async with c.subscriber() as subscriber:
                assert told(await take(subscriber, 14)) == expected

            c.hosts["a"].goes(HostState.AWAY)
            await c.rig.looked()
            async with c.subscriber() as subscriber:
                items = asyncio.ensure_future(take(subscriber, 14))
                await asked_often(c)
                assert subscriber.progress().events == 0, "it waits, and nothing is gone"
                c.hosts["a"].comes()
                assert told(await items) == expected

            c.hosts["a"].goes(HostState.GONE)
            await c.rig.looked()
            async with c.subscriber() as subscriber:
                assert told(await take(subscriber, 9)) == expected[5:], "the oldest that is held"

    asyncio.run(run())


def test_what_only_a_host_had_that_is_given_up_is_a_gap() -> None:
    async def run() -> None:
        async with cluster() as c:
            c.receive("a", 3)
            c.receive("b", 1)
            c.serve("a", "b")
            async with c.subscriber() as subscriber:
                assert told(await take(subscriber, 4)) == [(1, seq) for seq in range(4)]
                saved = subscriber.position
            saved["shards"][0][-1] = 0
            c.hosts["a"].goes(HostState.AWAY)
            await c.rig.looked()
            async with c.subscriber(start=saved) as subscriber:
                items = asyncio.ensure_future(take(subscriber, 2))
                await asked_often(c)
                assert not items.done()
                assert subscriber.progress().gaps == 0
                c.hosts["a"].goes(HostState.GONE)
                gap, event = await items
                assert isinstance(gap, Gap)
                assert (gap.first, gap.last, gap.reason) == (1, 2, GapReason.GONE)
                assert told([event]) == [(1, 3)]

    asyncio.run(run())
