"""A subscriber's socket, on a real publisher."""

from __future__ import annotations

import asyncio
from pathlib import Path

import zmq

from cluster.subscriber.arrival import Arrival
from cluster.subscriber.hub_reader import HubReader
from cluster.wire import topic


class Reader:
    """What takes the messages, and says how much waits."""

    def __init__(self) -> None:
        self.waiting = 0
        self.taken: list[bytes] = []
        self.came = asyncio.Event()

    def take(self, message: bytes) -> None:
        self.came.set()
        if message == b"rubbish":
            raise topic.WireError("no message of ours")
        self.taken.append(message)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.taken) < count:
                self.came.clear()
                await self.came.wait()


def test_nothing_is_read_while_there_is_no_room(tmp_path: Path) -> None:
    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        hub = context.socket(zmq.XPUB)
        hub.bind(endpoint := f"ipc://{tmp_path}/e")
        reader = Reader()
        hub_reader = HubReader(
            context, [endpoint], None, topics=[b"a"], on_message=reader.take,
            waiting_bytes=lambda: reader.waiting, max_waiting=10, arrival=Arrival(),
        )  # fmt: skip
        assert await asyncio.to_thread(hub.recv) == b"\x01a"
        hub.send(b"a1")
        hub.send(b"b: not subscribed to")
        await reader.until(1)
        reader.waiting = 11
        hub.send(b"a2")
        async with asyncio.timeout(60):
            while not hub_reader.paused:  # noqa: ASYNC110  # the socket changes it
                await asyncio.sleep(0.01)
        assert reader.taken == [b"a1"]
        reader.waiting = 0
        hub_reader.resume()
        await reader.until(2)
        assert reader.taken == [b"a1", b"a2"]
        hub_reader.close()
        hub_reader.close()
        context.destroy(0)

    asyncio.run(run())


def test_it_reads_every_hub_and_other_ones_when_told_to(tmp_path: Path) -> None:
    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        endpoints = [f"ipc://{tmp_path}/{number}" for number in range(3)]
        hubs = [context.socket(zmq.XPUB) for _ in endpoints]
        for hub, endpoint in zip(hubs, endpoints, strict=True):
            hub.bind(endpoint)
        reader = Reader()
        hub_reader = HubReader(
            context, endpoints[:2], None, topics=[b""], on_message=reader.take,
            waiting_bytes=lambda: 0, max_waiting=10, arrival=Arrival(),
        )  # fmt: skip
        for number in (0, 1):
            assert await asyncio.to_thread(hubs[number].recv) == b"\x01"
            hubs[number].send(b"%d" % number)
        await reader.until(2)
        assert sorted(reader.taken) == [b"0", b"1"]
        hub_reader.connect([endpoints[1], endpoints[2]])
        assert hub_reader.endpoints == (endpoints[1], endpoints[2])
        assert await asyncio.to_thread(hubs[2].recv) == b"\x01", "what it takes holds there too"
        assert await asyncio.to_thread(hubs[0].recv) == b"\x00", "it is gone from here"
        for number, hub in enumerate(hubs):
            hub.send(b"%d again" % number)
        await reader.until(4)
        assert sorted(reader.taken[2:]) == [b"1 again", b"2 again"]
        assert not hubs[1].poll(0), "where it stays nothing has changed"
        hub_reader.close()
        context.destroy(0)

    asyncio.run(run())


def test_what_can_not_be_read_is_counted_and_the_next_is_read(tmp_path: Path) -> None:
    async def run() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        hub = context.socket(zmq.XPUB)
        hub.bind(endpoint := f"ipc://{tmp_path}/e")
        reader = Reader()
        hub_reader = HubReader(
            context,
            [endpoint],
            None,
            topics=[b""],
            on_message=reader.take,
            waiting_bytes=lambda: 0,
            max_waiting=10,
            arrival=Arrival(),
        )
        await asyncio.to_thread(hub.recv)
        for message in (b"rubbish", b"rubbish", b"a"):
            hub.send(message)
        await reader.until(1)
        assert hub_reader.refused == 2
        hub_reader.close()
        context.destroy(0)

    asyncio.run(run())
