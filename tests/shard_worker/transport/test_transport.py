"""The transport on real sockets: a server of `websockets`, and servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from cluster.discord.browser import browser
from shard_worker.transport import connection as connection_module
from shard_worker.transport import handshake
from shard_worker.transport.connection import PAUSE_BYTES, SLICE_MESSAGES
from shard_worker.transport.curl_options import UPLOAD_BYTES
from shard_worker.transport.moderation import Moderation
from shard_worker.transport.multi import Multi
from shard_worker.transport.transport import Transport

WAIT_S = 60.0
CHROME = (
    "Host Connection Pragma Cache-Control User-Agent Upgrade Origin Sec-WebSocket-Version "
    "Accept-Encoding Accept-Language Sec-WebSocket-Key Sec-WebSocket-Extensions"
)


class Receiver:
    """A receiver that keeps what comes."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.largest = 0
        self.connected = asyncio.Event()
        self.over: asyncio.Future[tuple[str, Any]] = asyncio.get_running_loop().create_future()

    def on_connected(self) -> None:
        self.connected.set()

    def on_connect_failed(self, cause: str, *, denied: bool) -> None:
        self.over.set_result(("denied" if denied else "failed", cause))

    def on_message(self, payload: bytes) -> None:
        self.on_messages([payload], [])

    def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
        self.messages += messages
        self.largest = max(self.largest, len(messages))

    def on_closed(self, code: int | None, cause: str) -> None:
        self.cause = cause
        self.over.set_result(("closed", code))

    def on_broken(self, cause: str) -> None:
        self.over.set_result(("broken", cause))

    async def end(self) -> tuple[str, Any]:
        return await asyncio.wait_for(self.over, WAIT_S)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    limit = asyncio.get_running_loop().time() + WAIT_S
    while not holds():
        assert asyncio.get_running_loop().time() < limit
        await asyncio.sleep(0.001)


def run(scenario: Callable[[Transport], Awaitable[None]]) -> None:
    async def main() -> None:
        transport = Transport()
        try:
            await scenario(transport)
        finally:
            await transport.close()

    uvloop.run(main())


@asynccontextmanager
async def server(
    handler: Callable[[ServerConnection], Awaitable[None]], **options: Any
) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, **options) as made:
        yield f"ws://127.0.0.1:{made.sockets[0].getsockname()[1]}/?v=10"


@asynccontextmanager
async def raw_server(
    answer: bytes, *, then_close: bool = True, reads: bool = True
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer every request with these bytes; yields the URL and the requests that come."""
    requests: list[bytes] = []
    kept: list[asyncio.Task[Any] | None] = []
    """Nothing else holds a handler whose reading is paused: the next collection would end it."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept.append(asyncio.current_task())
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        key = requests[-1].split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = handshake.accept(key).encode()
        writer.write(answer.replace(b"ACCEPT", accept))
        await writer.drain()
        if not reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
            await writer.wait_closed()
        if not then_close:
            await reader.read()
        writer.close()

    made = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{made.sockets[0].getsockname()[1]}/", requests
    finally:
        made.close()


UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: ACCEPT\r\n"
)


@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_both_ways_and_a_close(compression: str | None) -> None:
    async def handler(socket: ServerConnection) -> None:
        for n in range(3000):
            await socket.send(b"%d " % n * 20)
        await socket.send(b"large" * 1_000_000)
        for size in (0, 125, 126, 65_535, 65_536):
            assert await socket.recv() == "x" * size
        await (await socket.ping(b"are you there"))
        await socket.close(4009, "session timed out")

    async def scenario(transport: Transport) -> None:
        async with server(handler, compression=compression) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for size in (0, 125, 126, 65_535, 65_536):
                connection.send(b"x" * size)
            assert await receiver.end() == ("closed", 4009)
            assert receiver.messages == [b"%d " % n * 20 for n in range(3000)] + [
                b"large" * 1_000_000
            ]
            assert receiver.largest <= SLICE_MESSAGES
            plain, came = sum(map(len, receiver.messages)), transport.received_bytes
            assert came > plain if compression is None else 0 < came < plain / 10

    run(scenario)


def test_where_there_is_no_epoll_the_loop_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.setattr("shard_worker.transport.multi.EPOLL", False)
    test_messages_both_ways_and_a_close("deflate")
    test_a_silent_server_is_given_up(monkeypatch)


def test_what_waits_is_compressed_in_the_order_it_leaves() -> None:
    """Each message refers to those before it: one that overtakes must be compressed before them."""
    got: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            assert isinstance(message, str)
            got.append(message)
            if message.startswith("last"):
                await socket.close(4000)

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            assert connection._write_queue.compresses
            connection.send(bytes(range(32, 127)) * 3000)
            for n in range(20):
                connection.send(b"%d the same words" % n)
            connection.send(b"", urgent=True)
            connection.send(b"the same words, urgent", urgent=True)
            connection.send(b"last of the same words")
            assert await receiver.end() == ("closed", 4000)
        assert "the same words, urgent" in got[:2]
        assert [m for m in got if m[:1].isdigit()] == [f"{n} the same words" for n in range(20)]
        assert got[-1] == "last of the same words"
        assert len(got) == 24

    run(scenario)


def test_our_close_reaches_the_server() -> None:
    seen: list[int | None] = []

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()
        seen.append(socket.close_code)

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.close(4000)
            await asyncio.wait_for(connection.ended, WAIT_S)
        assert seen == [4000]
        assert not receiver.over.done(), "nothing is handed over after close()"

    run(scenario)


def test_who_leaves_gets_all_that_was_sent_before_the_answer() -> None:
    codes: list[int | None] = []

    async def handler(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            assert await socket.recv() == "leaves"
            for n in range(2000):
                await socket.send(b"%d " % n * 20)
        await socket.wait_closed()
        codes.append(socket.close_code)

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.send(b"leaves")
            await until(lambda: len(receiver.messages) > 100)
            connection.leave(1000)
            assert connection.closing, "the server's answer is not answered"
            connection.leave(1000)
            assert await receiver.end() == ("closed", 1000)
            count = len(receiver.messages)
            assert receiver.messages == [b"%d " % n * 20 for n in range(count)]
            await until(lambda: codes == [1000])
            assert connection.ended.done()

    run(scenario)


@pytest.mark.parametrize("breaks_off", [True, False])
def test_who_leaves_is_told_of_the_end_without_an_answer(
    breaks_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not breaks_off:
        monkeypatch.setattr(connection_module, "CLOSE_TIMEOUT_S", 0.01)

    async def scenario(transport: Transport) -> None:
        text = UPGRADED + b"\r\n" + b"\x81\x01a"
        async with raw_server(text, then_close=breaks_off, reads=False) as (url, _):
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.leave(1000)
            assert await receiver.end() == ("closed", None)
            if not breaks_off:
                assert receiver.cause == "no answer to a close within 0.01 s"

    run(scenario)


def test_what_is_larger_than_the_buffer_of_libcurl_leaves_whole() -> None:
    sent = [os.urandom(size * UPLOAD_BYTES // 2).hex().encode() for size in (1, 5, 2)]
    got: list[bytes] = []

    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            assert isinstance(message, str)
            got.append(message.encode())

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for message in sent:
                connection.send(message)
            await until(lambda: len(got) == len(sent))
        assert got == sent

    run(scenario)


def test_the_transfer_is_paused_while_nobody_parses() -> None:
    """A receiver that is slow makes the server wait: what is unparsed stays bounded."""

    async def handler(socket: ServerConnection) -> None:
        for _ in range(400):
            await socket.send(bytes(100_000))
        await socket.close(4000)

    async def scenario(transport: Transport) -> None:
        async with server(handler, compression=None) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            most = 0
            while not receiver.over.done():
                await asyncio.sleep(0)
                most = max(most, connection.pending)
            assert len(receiver.messages) == 400
            assert 0 < most < PAUSE_BYTES + 4 * 1024 * 1024

    run(scenario)


def test_a_heartbeat_goes_before_what_is_not_begun() -> None:
    got: list[str] = []

    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            assert isinstance(message, str)
            got.append(message)
            if message == "last":
                await socket.close(4000)

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for n in range(3):
                connection.send(b"%d" % n)
            connection.send(b"heartbeat", urgent=True)
            connection.send(b"last")
            await receiver.end()
        assert sorted(got) == sorted(["0", "1", "2", "heartbeat", "last"])
        assert got.index("heartbeat") <= 1
        assert got[-1] == "last"

    run(scenario)


def test_a_frame_s_fate_is_told_when_libcurl_has_it_and_not_before() -> None:
    got: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            got.put_nowait(message)

    async def scenario(transport: Transport) -> None:
        fates: list[bool] = []
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.send(b"identify", fate=fates.append)
            assert fates == []
            assert await asyncio.wait_for(got.get(), WAIT_S) == "identify"
            assert fates == [True]
            connection.send(b"dropped", fate=fates.append)
            connection.abort()
            assert fates == [True, False]
            connection.send(b"too late", fate=fates.append)
            assert fates == [True, False, False]

    run(scenario)


def test_a_frame_that_may_not_leave_when_libcurl_would_take_it_never_does() -> None:
    got: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def handler(socket: ServerConnection) -> None:
        async for message in socket:
            got.put_nowait(message)

    async def scenario(transport: Transport) -> None:
        fates: list[bool] = []
        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.send(b"resume", fate=fates.append, may_leave=lambda: False)
            connection.send(b"identify", fate=fates.append, may_leave=lambda: True)
            assert await asyncio.wait_for(got.get(), WAIT_S) == "identify"
            assert sorted(fates) == [False, True]

    run(scenario)


def test_the_handshake_is_chrome_s() -> None:
    async def scenario(transport: Transport) -> None:
        async with raw_server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n") as (url, requests):
            receiver = Receiver()
            transport.connect(url + "?v=10&encoding=json", receiver)
            assert await receiver.end() == ("failed", "the server answered 503 instead of 101")
        lines = requests[0].decode().split("\r\n")
        assert lines[0] == "GET /?v=10&encoding=json HTTP/1.1"
        fields = [line.partition(": ") for line in lines[1:] if line]
        assert [name for name, _, _ in fields] == CHROME.split()
        values = {name: value for name, _, value in fields}
        assert values["Origin"] == "https://discord.com"
        assert values["User-Agent"] == browser().user_agent
        assert values["Sec-WebSocket-Extensions"] == "permessage-deflate; client_max_window_bits"

    run(scenario)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "answered 401"),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", "answered 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "answered 200"),
        (UPGRADED.replace(b"ACCEPT", b"bm8=") + b"\r\n", "Sec-WebSocket-Accept"),
        (UPGRADED + b"Sec-WebSocket-Extensions: permessage-bzip2\r\n\r\n", "not offered"),
        (UPGRADED + b"Sec-WebSocket-Protocol: chat\r\n\r\n", "subprotocol"),
        (b"", ""),
        (b"garbage\r\n\r\n", ""),
    ],
)
def test_answers_that_are_no_websocket(answer: bytes, outcome: str) -> None:
    async def scenario(transport: Transport) -> None:
        async with raw_server(answer) as (url, _):
            receiver = Receiver()
            transport.connect(url, receiver)
            kind, cause = await receiver.end()
            assert kind == ("denied" if "401" in outcome else "failed")
            assert outcome in cause

    run(scenario)


@pytest.mark.parametrize(
    ("after", "outcome"),
    [
        (b"\x82\x05hello", ("closed", None)),  # ends without a close frame
        (b"\x82\x05hello\x82\x05he", ("closed", None)),  # in the midst of one
        (b"\x82\x05hello\x88\x00", ("closed", None)),
        (b"\x82\x05hello\x88\x02\x0f\xa4", ("closed", 4004)),
    ],
)
def test_what_came_before_the_end_is_delivered(after: bytes, outcome: tuple[str, Any]) -> None:
    async def scenario(transport: Transport) -> None:
        async with raw_server(UPGRADED + b"\r\n" + after) as (url, _):
            receiver = Receiver()
            transport.connect(url, receiver)
            assert await receiver.end() == outcome
            assert receiver.messages == [b"hello"]

    run(scenario)


def test_a_server_that_breaks_the_protocol() -> None:
    async def scenario(transport: Transport) -> None:
        async with raw_server(UPGRADED + b"\r\n\x82\x85....hello", then_close=False) as (url, _):
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            assert await receiver.end() == ("broken", "a server's frame is masked")
            connection.close(4000)
            await asyncio.wait_for(connection.ended, WAIT_S)

    run(scenario)


def test_nobody_there() -> None:
    async def scenario(transport: Transport) -> None:
        receiver = Receiver()
        transport.connect("ws://127.0.0.1:1/", receiver)
        kind, cause = await receiver.end()
        assert kind == "failed"
        assert "127.0.0.1" in cause
        assert "https://" not in cause

    run(scenario)


def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shard_worker.transport.connection.HANDSHAKE_TIMEOUT_S", 0.05)

    async def scenario(transport: Transport) -> None:
        async with raw_server(b"", then_close=False) as (url, _):
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            assert (await receiver.end())[0] == "failed"
            assert connection.ended.done()

    run(scenario)


def test_many_connections_open_and_close() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.send("hello")
        await socket.wait_closed()

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receivers = [Receiver() for _ in range(50)]
            connections = [transport.connect(url, receiver) for receiver in receivers]
            for receiver in receivers:
                await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for connection in connections:
                connection.close(4000)
            await transport.close()
            assert all(connection.ended.done() for connection in connections)

    run(scenario)


def test_an_idle_connection_leaves_the_loop_asleep() -> None:
    """libcurl's own lookups have left a socket that was readable for ever."""

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receivers = [Receiver() for _ in range(4)]
            for receiver in receivers:
                transport.connect(url.replace("127.0.0.1", "localhost"), receiver)
            for receiver in receivers:
                await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            iterations = 0
            until = asyncio.get_running_loop().time() + 0.5
            action = Multi.socket_action

            def counted(multi: Multi, fd: int, events: int) -> int:
                nonlocal iterations
                iterations += 1
                return action(multi, fd, events)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Multi, "socket_action", counted)
                await asyncio.sleep(until - asyncio.get_running_loop().time())
            assert iterations < 10

    run(scenario)


def test_a_server_that_asks_and_does_not_read() -> None:
    """Answers must not pile up for a server that takes none of them."""

    async def scenario(transport: Transport) -> None:
        async with raw_server(UPGRADED + b"\r\n", then_close=False, reads=False) as (url, _):
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for _ in range(500):
                connection.send(b"x" * 60_000)
                await asyncio.sleep(0)
            kind, cause = await receiver.end()
            assert (kind, cause) == ("broken", "256 frames wait, and the server does not read")
            assert len(connection._write_queue) <= 256
            connection.close(4000)
            await asyncio.wait_for(connection.ended, WAIT_S)

    run(scenario)


def test_many_pings_in_a_slice_are_answered_once() -> None:
    async def handler(socket: ServerConnection) -> None:
        pongs = [await socket.ping(b"%d" % n) for n in range(20)]
        await asyncio.gather(*pongs)  # a pong answers all pings before it (RFC 6455, 5.5.3)
        await socket.close(4000, "line one\nline two \x1b[2J")

    async def scenario(transport: Transport) -> None:
        async with server(handler) as url:
            receiver = Receiver()
            transport.connect(url, receiver)
            assert await receiver.end() == ("closed", 4000)
            assert receiver.cause == "line one\ufffdline two \ufffd[2J"

    run(scenario)


def test_a_refusal_without_end_is_cut() -> None:
    """An answer that is no WebSocket is not collected until the time-out."""

    async def scenario(transport: Transport) -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while not writer.is_closing():
                    writer.write(bytes(65_536))
                    await writer.drain()

        made = await asyncio.start_server(handle, "127.0.0.1", 0)
        receiver = Receiver()
        transport.connect(f"ws://127.0.0.1:{made.sockets[0].getsockname()[1]}/", receiver)
        kind, cause = await receiver.end()
        assert (kind, "answered 200" in cause) == ("failed", True)
        made.close()

    run(scenario)


def test_a_held_connection_reads_nothing_and_sends_all_the_same() -> None:
    """Nothing is lost of what waits: it comes in order, the close after it."""
    many, size = 2000, 4096

    async def scenario(transport: Transport) -> None:
        heard = asyncio.Event()
        stalled = asyncio.Event()

        async def handler(socket: ServerConnection) -> None:
            async def send() -> None:
                for number in range(many):
                    await socket.send(b"%d" % number + b"." * size)
                await socket.close(4001)

            sending = asyncio.create_task(send())
            assert await socket.recv() == "beat"
            heard.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(sending), 0.3)
            if not sending.done():  # eight megabytes fit into no buffer
                stalled.set()
            await sending

        class Holding(Receiver):
            def on_messages(self, messages: list[bytes], texts: list[int]) -> None:
                super().on_messages(messages, texts)
                if not stalled.is_set():
                    connection.hold()

        async with server(handler) as url:
            receiver = Holding()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.send(b"beat", urgent=True)
            await asyncio.wait_for(heard.wait(), WAIT_S)
            await asyncio.wait_for(stalled.wait(), WAIT_S)
            assert len(receiver.messages) <= SLICE_MESSAGES
            connection.go_on()
            assert await receiver.end() == ("closed", 4001)
            assert [int(m.partition(b".")[0]) for m in receiver.messages] == list(range(many))

    run(scenario)


def test_a_close_comes_after_what_was_sent_before_it() -> None:
    async def scenario(transport: Transport) -> None:
        got: list[str | bytes] = []
        closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        async def handler(socket: ServerConnection) -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    got.append(await socket.recv())
            closed.set_result(socket.close_code)

        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            for number in range(3):
                connection.send(b"%d" % number)
            connection.close(4000)
            assert await asyncio.wait_for(closed, WAIT_S) == 4000
            assert got == ["0", "1", "2"]

    run(scenario)


def test_a_held_connection_can_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's answer ends it, not the time-out for that answer."""
    monkeypatch.setattr("shard_worker.transport.connection.CLOSE_TIMEOUT_S", 6 * WAIT_S)

    async def scenario(transport: Transport) -> None:
        closed: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

        async def handler(socket: ServerConnection) -> None:
            await socket.wait_closed()
            closed.set_result(socket.close_code)

        async with server(handler) as url:
            receiver = Receiver()
            connection = transport.connect(url, receiver)
            await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            connection.hold()
            connection.close(4000)
            assert await asyncio.wait_for(closed, WAIT_S) == 4000
            await asyncio.wait_for(connection.ended, WAIT_S)

    run(scenario)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is Linux's")
def test_sockets_rest_while_all_sessions_are_settled_and_what_is_sent_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A rest of an hour: what comes waits for it, unless somebody can't wait."""
    monkeypatch.setattr(Moderation, "rest_ms", lambda *_: 3_600_000)

    async def scenario() -> None:
        got: asyncio.Queue[str | bytes] = asyncio.Queue()
        speakers: asyncio.Queue[ServerConnection] = asyncio.Queue()

        async def handler(socket: ServerConnection) -> None:
            speakers.put_nowait(socket)
            async for message in socket:
                got.put_nowait(message)

        transport = Transport(latency_ms=100)
        sockets = transport._multi._sockets
        assert sockets is not None

        async with server(handler) as url:
            receivers = [Receiver(), Receiver()]

            def came() -> int:
                return sum(len(receiver.messages) for receiver in receivers)

            first, second = (transport.connect(url, receiver) for receiver in receivers)
            for receiver in receivers:
                await asyncio.wait_for(receiver.connected.wait(), WAIT_S)
            speaker, other = await speakers.get(), await speakers.get()
            first.settled(True)
            await speaker.send(b"one is not settled")
            await other.send(b"one is not settled")
            await until(lambda: came() == 2)
            second.settled(True)
            await speaker.send(b"the last")
            await until(lambda: came() == 3)
            await until(lambda: sockets._rest is not None)
            first.send(b"heartbeat", urgent=True)
            assert await asyncio.wait_for(got.get(), WAIT_S) == "heartbeat"
            await speaker.send(b"unread")
            await asyncio.sleep(0.01)
            assert came() == 3
            first.send(b"command", command=True)
            assert sockets._rest is None, "its answer waits for nobody"
            assert await asyncio.wait_for(got.get(), WAIT_S) == "command"
            await until(lambda: came() == 4)
            sockets.waited_s = 0.25
            assert second.waited_s == 0.25
            second.settled(False)
            second.settled(True)
            sockets._awake_until = 0
            await speaker.send(b"and another")
            await until(lambda: came() == 5)
            await until(lambda: sockets._rest is not None)
            first.close(4000)
            first.settled(True)
            assert first in sockets._awake, "a close waits for nobody"
            second.close(4000)
            await asyncio.wait_for(first.ended, WAIT_S)
            await asyncio.wait_for(second.ended, WAIT_S)
            third = transport.connect(url, Receiver())
            assert third in sockets._awake
            third.abort()
            third.settled(False)
            assert not sockets._awake
        await transport.close()

    uvloop.run(scenario())
