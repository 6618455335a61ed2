"""Clients that mean harm, or are broken, on raw sockets: a clear answer, and others are served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from coordinator.http.connections import (
    LEAST_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MOST_CONNECTIONS,
    UNREAD_S,
    Connections,
    Unread,
)
from coordinator.http.stream import MOST_READERS
from tests.coordinator.http.serving import PlayedCoordinator, served
from tests.coordinator.http.statuses import shard, status

TOKEN = "0123456789abcdef0123"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
STATUS = b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"
WITHIN_S = 20.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Wire:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer's code, headers and body."""
        async with asyncio.timeout(WITHIN_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def rest(self) -> bytes:
        """Return what still comes until the server closes."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read()

    async def is_cut(self) -> bool:
        with contextlib.suppress(ConnectionError):  # what was not read of ours resets it
            await self.rest()
        return True


@asynccontextmanager
async def wire(url: str, limit: int = 1 << 16) -> AsyncIterator[Wire]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=limit)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  # what is waited for is a matter of sockets
            await asyncio.sleep(0.01)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def many_shards() -> PlayedCoordinator:
    """One whose status is some MiB."""
    return PlayedCoordinator(status(shards=[shard(n) for n in range(16_384)]))


# -- how much is asked ----------------------------------------------------------------------------


def test_a_thousand_questions_are_one_for_the_coordinator() -> None:
    async def scenario() -> None:
        played = PlayedCoordinator()
        async with served(played) as url, wire(url) as one:
            began = time.monotonic()
            for _ in range(1000):
                await one.send(STATUS)
                assert (await one.answer())[0] == 200
            assert played.asked <= 1 + (time.monotonic() - began)

    run(scenario)


def test_requests_that_come_before_their_turn_are_answered_in_order() -> None:
    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send((HEALTH + STATUS) * 200)
            for _ in range(200):
                assert (await one.answer())[2] == b"ok\n"
                assert json.loads((await one.answer())[2])["name"] == "test"

    run(scenario)


# -- how many connections there are ----------------------------------------------------------------


def test_who_says_nothing_makes_room_for_who_does() -> None:
    async def scenario() -> None:
        connections = Connections(time.monotonic)
        async with served(connections=connections) as url:
            silent = [await asyncio.open_connection(*address(url)) for _ in range(300)]
            for _, writer in silent:
                writer.write(b"GET /healthz HTTP/1.1\r\nX: ")  # a head that never ends
            async with wire(url) as probe:
                await probe.send(HEALTH)
                assert (await probe.answer())[0] == 200
            assert len(connections) <= MOST_CONNECTIONS
            for _, writer in silent:
                writer.transport.abort()

    run(scenario)


class PlayedTransport:
    """A transport as the seats look at it."""

    def __init__(self, name: str, cut: list[str], waiting: int = 0) -> None:
        self.name, self.cut, self.waiting = name, cut, waiting

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, name: str) -> None:
        return None

    def abort(self) -> None:
        self.cut.append(self.name)


def test_who_makes_room_first() -> None:
    clock, cut = Clock(), list[str]()
    connections = Connections(clock, most=5)

    def opens(name: str, waiting: int = 0) -> tuple[Any, bool]:
        clock.now += 1
        one: Any = name  # it is looked at by identity alone
        transport: Any = PlayedTransport(name, cut, waiting)
        return one, connections.opened(one, transport)

    answered, busy = opens("answered")[0], opens("busy")[0]
    opens("silent")
    opens("silent, later")
    opens("does not read", waiting=1)
    with connections.answering(answered):
        pass
    with connections.answering(busy):
        for number in range(4):
            assert opens(f"new {number}")[1]
        assert cut == ["does not read", "answered", "silent", "silent, later"]
    full = Connections(clock, most=1)
    connections = full
    with full.answering(opens("busy")[0]):
        assert not opens("late")[1]


def test_a_rush_waits_to_be_let_in() -> None:
    async def scenario() -> None:
        async with served() as url:  # whose loop does not turn meanwhile
            rush = [socket.create_connection(address(url), timeout=0.5) for _ in range(100)]
            async with wire(url) as probe:
                await probe.send(HEALTH)
                assert (await probe.answer())[0] == 200
            for one in rush:
                one.close()

    run(scenario)


def test_where_all_are_busy_one_more_is_told_so() -> None:
    async def scenario() -> None:
        connections = Connections(time.monotonic, most=3)
        async with served(connections=connections) as url:
            async with wire(url) as a, wire(url) as b, wire(url) as c:
                for one in (a, b, c):
                    await one.send(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    await one.reader.readuntil(b"event: picture")
                async with wire(url) as late:
                    code, headers, body = await late.answer()
                    assert (code, headers["connection"]) == (503, "close")
                    assert b"busy" in body
                    assert await late.rest() == b""
            await until(lambda: not len(connections))
            async with wire(url) as probe:
                await probe.send(HEALTH)
                assert (await probe.answer())[0] == 200

    run(scenario)


def test_pages_leave_room_for_others() -> None:
    async def scenario() -> None:
        async with served() as url, ClientSession() as http:
            pages = [await http.get(url + "/stream") for _ in range(MOST_READERS)]
            assert {page.status for page in pages} == {200}
            more = await http.get(url + "/stream")
            assert more.status == 503
            assert f"{MOST_READERS} pages" in (await more.json())["error"]["cause"]
            assert (await http.get(url + "/healthz")).status == 200
            for page in pages:
                page.close()

    run(scenario)


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


# -- who does not read -----------------------------------------------------------------------------


def test_what_waits_is_timed_while_too_little_of_it_leaves() -> None:
    unread, much = Unread(), 3 * LEAST_BYTES
    assert not unread.is_over(0, 0.0)
    assert not unread.is_over(0, 100.0)  # nothing waited
    assert not unread.is_over(500, 100.0)
    assert not unread.is_over(much, 100.0 + UNREAD_S - 1)  # more waits: that is no progress
    assert unread.is_over(much, 100.0 + UNREAD_S)
    assert not unread.is_over(much - LEAST_BYTES, 100.0 + UNREAD_S)  # enough left
    assert not unread.is_over(much - LEAST_BYTES, 99.9 + 2 * UNREAD_S)
    assert not unread.is_over(0, 200.0)
    assert not unread.is_over(1, 200.0)


def test_a_byte_now_and_then_keeps_no_place() -> None:
    unread = Unread()
    assert not unread.is_over(60_000 + LEAST_BYTES, -1.0)
    told = [unread.is_over(60_000 - second, float(second)) for second in range(20)]
    assert told.index(True) == UNREAD_S, "what it took before is no credit"


@given(st.integers(LEAST_BYTES, 65_536), st.integers(1, 40), st.integers(0, 65_536))
def test_who_takes_enough_or_all_keeps_its_place(taken: int, steps: int, first: int) -> None:
    """taken: bytes in UNREAD_S, in so many steps; what waits is filled up in between."""
    unread, waiting = Unread(), first
    for step in range(4 * steps):
        now = step * UNREAD_S / (steps + 1)
        assert not unread.is_over(waiting, now)
        waiting = max(0, waiting - -(-taken // steps))
        assert not unread.is_over(waiting, now)
        if step % 3 == 2:
            waiting = 65_536


@pytest.mark.parametrize("path", ["/status", "/stream"])
def test_who_never_reads_is_cut_off_and_holds_little(path: str) -> None:
    async def scenario() -> None:
        clock = Clock()
        connections = Connections(clock)
        async with (
            served(many_shards(), connections=connections) as url,
            wire(url, limit=1024) as one,
        ):
            one.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await one.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 3)
            await until(lambda: len(connections) == 1)
            (seat,) = connections._seats.values()
            await until(lambda: seat.transport.get_write_buffer_size() > 0)
            connections.sweep()
            if path != "/stream":  # a picture is sent whole
                assert seat.transport.get_write_buffer_size() <= 256 * 1024
            async with wire(url) as other:
                await other.send(HEALTH)
                assert (await other.answer())[0] == 200
            clock.now += UNREAD_S
            connections.sweep()
            await until(lambda: not len(connections))

    run(scenario)


# -- what is no request ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",  # TLS
        b"\0" * 5000 + b"\r\n\r\n",
        b"GET /status HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nExpect: \xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * (MAX_HEADER_BYTES + 1) + b"\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n",
        b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"GET /status HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: rot13\r\n\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request_is_told_so(rubbish: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(rubbish)
            code, headers, body = await one.answer()
            assert code == 400
            assert headers["content-type"] == "application/json"
            assert "server" not in headers or "aiohttp" not in headers["server"]
            assert "HTTP/1.1" in json.loads(body)["error"]["cause"]
            assert await one.is_cut()

    with caplog.at_level(logging.INFO):
        run(scenario)
    assert not caplog.records  # a log that others can fill


def test_what_the_parser_fails_on_ends_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        connections = Connections(time.monotonic)
        async with served(connections=connections) as url:
            for _ in range(20):
                async with wire(url) as one:
                    await one.send(b"CONNECT \n\r\n")
                    assert await one.is_cut()
            await until(lambda: not len(connections))

    run(scenario)
    assert len(caplog.records) <= 5  # the 1st, 2nd, 4th, 8th and 16th


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\nx",
        b"Content-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
        b"Content-Length: 10\r\n\r\nx",  # and no more
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx",
        b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n",
    ],
)
def test_a_body_that_nobody_wants_holds_up_nothing(body: bytes) -> None:
    async def scenario() -> None:
        connections = Connections(time.monotonic)
        async with served(connections=connections) as url:
            async with wire(url) as one:
                await one.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + body)
                answer = await one.reader.readuntil(b"\r\n\r\n")
                assert b" 200 " in answer or b" 400 " in answer or b" 100 " in answer
            await until(lambda: not len(connections))

    run(scenario)


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /healthz HTTP/1.1\r\nX: y\r\n", HEALTH + b"GET /"],
    ids=["no", "half", "more"],
)
def test_a_head_that_does_not_come_is_not_waited_for(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.http.connections.IDLE_S", 0.05)

    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(sent)
            assert await one.is_cut()

    run(scenario)


def test_a_rest_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.http.connections.REST_S", 0.05)

    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(HEALTH[:-2] + b"Content-Length: 10\r\n\r\nx")
            assert (await one.answer())[0] == 200
            assert await one.is_cut()

    run(scenario)


def test_a_websocket_is_not_what_is_spoken_here() -> None:
    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(
                b"GET /stream HTTP/1.0\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" + b"\x81\x85" * 50_000
            )
            assert b" 200 " in await one.reader.readuntil(b"\r\n")
        async with served() as url, wire(url) as one:
            await one.send(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\n\r\n" + b"\x81\x85" * 50_000
            )
            assert (await one.answer())[2] == b"ok\n"
            assert (await one.answer())[0] == 400
            assert await one.is_cut()

    run(scenario)


# -- what there is not -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/page/",
        "/page/..",
        "/page/../routes.py",
        "/page/..%2froutes.py",
        "/page/%2e%2e/%2e%2e/__init__.py",
        "/page//etc/passwd",
        "/page/index.html%00.js",
        "//etc/passwd",
        "/status/",
        "/Status",
        "/page/" + "x" * 3000,
        "/%ff%fe",
        "/page/%ff",
    ],
)
def test_what_is_not_there_is_told_with_what_is(path: str) -> None:
    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            code, headers, body = await one.answer()
            assert code == 404
            assert "/status" in json.loads(body)["error"]["action"]
            assert "default-src 'none'" in headers["content-security-policy"]

    run(scenario)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("OPTIONS", "/status", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("POST", "/status", "GET, HEAD"),
        ("PUT", "/restart", "POST"),
        ("GET", "/restart", "POST"),
        ("HEAD", "/stream", "GET"),
        ("TRACE", "/healthz", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_have(method: str, path: str, allowed: str) -> None:
    async def scenario() -> None:
        async with served() as url, ClientSession() as http:
            response = await http.request(method, url + path)
            assert response.status == 405
            assert response.headers["Allow"] == allowed
            assert "Access-Control-Allow-Origin" not in response.headers

    run(scenario)


def test_a_page_of_another_name_is_refused() -> None:
    async def scenario() -> None:
        async with served() as url, wire(url) as one:
            await one.send(b"GET /status HTTP/1.1\r\nHost: rebound.example:7310\r\n\r\n")
            code, _, body = await one.answer()
            assert code == 421
            assert "localhost" in json.loads(body)["error"]["action"]

    run(scenario)
