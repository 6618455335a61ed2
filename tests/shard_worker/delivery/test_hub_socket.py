"""The way to a hub that is full, hangs up, comes back, or is none."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.wire import zmtp
from shard_worker.delivery.hub_socket import MOST_KEPT_BYTES, HubSocket
from tests.cluster.wire.test_zmtp import GREETING, READY, SUBSCRIBED
from tests.played_loop import play

WAIT_S = 60.0
CANCELLED = b"\x04\x07\x06CANCEL"


class PlayedHub:
    """Listens, and says and reads what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/hub"
        self.happened: list[str] = []
        """What the socket told of the hub."""
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.setblocking(False)
        self._listening.bind(f"{folder}/hub")
        self._listening.listen()
        self._stream = self._listening
        self.socket: HubSocket

    def connect(self, most_messages: int = 1000) -> HubSocket:
        self.socket = HubSocket(
            self.endpoint, most_messages,
            on_there=lambda: self.happened.append("there"),
            on_gone=lambda: self.happened.append("gone"),
            on_room=lambda: self.happened.append("room"),
        )  # fmt: skip
        self.socket.start(asyncio.get_running_loop())
        return self.socket

    async def let_in(self) -> None:
        """Take the next connection, and what it opens with."""
        loop = asyncio.get_running_loop()
        self.hang_up()
        self._stream, _ = await asyncio.wait_for(loop.sock_accept(self._listening), WAIT_S)
        assert await self.read(len(zmtp.OPENING)) == zmtp.OPENING

    async def say(self, data: bytes, until: Callable[[], bool] = lambda: True) -> None:
        await asyncio.get_running_loop().sock_sendall(self._stream, data)
        await holds(until)

    async def subscribe(self) -> None:
        await self.let_in()
        await self.say(GREETING + READY + SUBSCRIBED, lambda: self.socket.there)

    async def read(self, size: int) -> bytes:
        """Read so many bytes; less at the end of the stream."""
        data, loop = b"", asyncio.get_running_loop()
        while len(data) < size and (more := await self.read_some(size - len(data), loop)):
            data += more
        return data

    async def read_some(self, size: int, loop: asyncio.AbstractEventLoop) -> bytes:
        return await asyncio.wait_for(loop.sock_recv(self._stream, size), WAIT_S)

    def hang_up(self) -> None:
        if self._stream is not self._listening:
            self._stream.close()

    def close(self) -> None:
        self.hang_up()
        self._listening.close()


async def holds(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - what changes it is a socket
            await asyncio.sleep(0.001)


@asynccontextmanager
async def played_hub(folder: Path) -> AsyncIterator[PlayedHub]:
    hub = PlayedHub(folder)
    try:
        yield hub
    finally:
        hub.socket.close()
        hub.close()


def framed(*messages: bytes) -> bytes:
    return b"".join(zmtp.header(len(message)) + message for message in messages)


def test_it_is_there_when_it_has_subscribed_and_not_before(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.let_in()
            for data in (GREETING, READY, b"\x04\x07\x04PING\x00\x01"):
                await hub.say(data)
            assert await hub.read(7) == zmtp.pong(b""), "all that it said was heard"
            assert not way.there
            await hub.say(SUBSCRIBED, lambda: way.there)
            for message in (b"a", b"b" * 300, b""):
                assert way.send(message)
            way.flush()
            assert await hub.read(3 + 309 + 2) == framed(b"a", b"b" * 300, b"")
            many = [b"%d" % i for i in range(900)]
            assert all(map(way.send, many)), "more than a system call takes"
            way.flush()
            assert await hub.read(len(framed(*many))) == framed(*many)
            await hub.say(CANCELLED, lambda: not way.there)
            await hub.say(SUBSCRIBED, lambda: way.there)
            assert hub.happened == ["there", "gone", "there"]

    asyncio.run(run())


def test_a_full_pipe_keeps_a_bounded_rest_and_nothing_is_cut(tmp_path: Path) -> None:
    """One message is larger than what the kernel takes at once."""

    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect(most_messages=30)
            await hub.subscribe()
            messages = [b"%d" % i * 1000 for i in range(5000)]
            messages.insert(3, b"x" * 3_000_000)
            sent = 0
            while way.send(messages[sent]):
                sent += 1
            assert way.full
            assert way.there
            assert sent < len(messages) - 1000, "nobody reads, and it was never full"
            assert len(way._parts) <= 60
            assert way._bytes == sum(map(len, way._parts))
            for _ in range(3):
                way.flush()
                assert not way.send(messages[sent]), "full is full"
            got = await hub.read(len(framed(*messages[:sent])))
            await holds(lambda: "room" in hub.happened)
            assert way.send(messages[sent])
            way.flush()
            got += await hub.read(len(framed(messages[sent])))
            assert got == framed(*messages[: sent + 1])
            await hub.say(CANCELLED, lambda: not way.there)
            assert hub.happened.count("room") == 1, "no more than that is said of it"

    asyncio.run(run())


def test_what_is_kept_is_bounded_in_bytes_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect(most_messages=10**9)
            await hub.subscribe()
            while way.send(b"x" * 10_000):
                assert way._bytes <= MOST_KEPT_BYTES + 10_009
            assert way.full

    asyncio.run(run())


def test_the_rest_of_a_message_goes_with_its_hub(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.subscribe()
            while way.send(b"before" * 10_000):
                pass
            await hub.read(100)
            hub.hang_up()
            await holds(lambda: not way.there)
            assert not way.send(b"after")
            way.flush()
            await hub.subscribe()
            assert way.send(b"after")
            way.flush()
            assert await hub.read(7) == framed(b"after")
            assert hub.happened == ["there", "gone", "there"]

    asyncio.run(run())


def test_a_hub_that_is_gone_is_noticed_by_a_write(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.subscribe()
            hub.hang_up()
            way.send(b"a")
            way.flush()
            assert not way.there, "before the loop looks at the socket"
            assert hub.happened == ["there", "gone"]
            await hub.let_in()
            hub.hang_up()
            await hub.subscribe()
            assert [way._backoff.next(), way._failures] == [0.1, 0], "all is well again"

    asyncio.run(run())


def test_what_a_hub_said_that_is_gone_by_then_does_not_bring_it_back(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.let_in()

            def answer() -> None:
                way.send(b"a")
                way.flush()

            way._on_there = answer
            await hub.say(GREETING + READY + SUBSCRIBED + CANCELLED + SUBSCRIBED)
            hub.hang_up()
            await holds(lambda: "gone" in hub.happened)
            assert not way.there
            await hub.subscribe()

    asyncio.run(run())


@pytest.mark.parametrize(
    "odd",
    [
        GREETING + READY + b"\x04\x0d\x09SUBSCRIBEabc",
        GREETING + READY + SUBSCRIBED + b"\x00\x02\x02a" + SUBSCRIBED,
        GREETING + READY + SUBSCRIBED + b"\x04\x08\x06CANCELa",
        b"HTTP/1.1 400 Bad Request".ljust(64),
    ],
)
def test_who_is_no_hub_is_left_and_another_one_looked_for(tmp_path: Path, odd: bytes) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.let_in()
            await hub.say(odd)
            await hub.read(1)  # the end
            assert not way.there
            hub.happened.clear()
            await hub.subscribe()
            assert hub.happened == ["there"]

    asyncio.run(run())


def test_pings_of_a_hub_that_does_not_read_are_not_answered_for_ever(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.subscribe()
            while way.send(b"x" * 10_000):
                pass
            kept = way._bytes
            await hub.say(b"\x04\x07\x04PING\x00\x01" * 1000 + CANCELLED, lambda: not way.there)
            assert way._bytes == kept

    asyncio.run(run())


def test_who_closes_waits_until_the_hub_has_read_all(tmp_path: Path) -> None:
    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            way = hub.connect()
            await hub.subscribe()
            way.send(b"a" * 100_000)
            way.flush()
            closing = asyncio.create_task(asyncio.to_thread(way.close, WAIT_S))
            assert await hub.read(200_000) == framed(b"a" * 100_000), "and then the end"
            assert not closing.done()
            hub.hang_up()
            await closing

    asyncio.run(run())


def test_who_closes_waits_for_no_hub_that_is_none_or_is_full(tmp_path: Path) -> None:
    """Else this takes longer than a test may."""

    async def run() -> None:
        async with played_hub(tmp_path) as hub:
            hub.connect().close(3600)
            way = hub.connect()
            await hub.let_in()
            await hub.let_in()
            way.close(3600)
            way = hub.connect()
            await hub.subscribe()
            while way.send(b"a" * 10_000):
                pass
            way.close(3600)

    asyncio.run(run())


def test_it_tries_again_after_waits_that_double_up_to_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    class Nobody(socket.socket):
        def connect(self, _address: Any) -> None:
            tried.append(round(asyncio.get_running_loop().time(), 3))
            raise FileNotFoundError

    async def run() -> None:
        def never() -> None:
            raise AssertionError("nobody was there")

        way = HubSocket(f"ipc://{tmp_path}/no", 9, on_there=never, on_gone=never, on_room=never)
        way.start(asyncio.get_running_loop())
        await asyncio.sleep(4)
        way.close()
        await asyncio.sleep(4)
        assert tried == [0.0, 0.1, 0.3, 0.7, 1.5, 2.5, 3.5]

    monkeypatch.setattr(socket, "socket", Nobody)
    play(run)


class Stingy:
    """A stream that takes of each write what it is told to; then nothing for once."""

    def __init__(self, takes: list[int]) -> None:
        self.takes = takes
        self.taken = b""

    def sendmsg(self, parts: list[bytes]) -> int:
        take = self.takes.pop(0) if self.takes else 1 << 20
        if not take:
            raise BlockingIOError
        data = b"".join(parts)[:take]
        self.taken += data
        return len(data)

    def fileno(self) -> int:
        return 7


def nothing() -> None:
    """What happened is of no interest."""


class NoLoop:
    """Takes whatever is to be watched."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


@settings(max_examples=200, derandomize=True)
@given(
    st.lists(st.binary(max_size=400), max_size=30), st.lists(st.integers(0, 500)), st.integers(1, 9)
)
def test_whatever_the_kernel_takes_of_each_write(
    messages: list[bytes], takes: list[int], most: int
) -> None:
    way = HubSocket("", most, on_there=nothing, on_gone=nothing, on_room=nothing)
    stream = Stingy(takes)
    way.there, way._loop, way._stream = True, NoLoop(), stream  # type: ignore[assignment]  # stand in
    for message in messages:
        while not way.send(message):
            assert way.full
            assert way._bytes == sum(map(len, way._parts))
            way._on_writable()
        assert len(way._parts) <= 2 * most
    way.flush()
    while way.full:
        way._on_writable()
    assert stream.taken == framed(*messages)
    assert not way._bytes
    assert not way._parts
