"""Each fault as a client meets it, and the session after it."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import zlib
from typing import Any

import aiohttp
import pytest

from tests.cluster.sandbox.gateway_probe import Bench, Closed, Probe, bench, eventually


async def resumed(b: Bench, probe: Probe) -> Probe:
    """Resume and check that every s after the last one read comes once, in order."""
    last = probe.seq or 0
    again = await b.resume(probe)
    await again.until("RESUMED")
    assert [row[0] for row in again.rows] == list(range(last + 1, last + 1 + len(again.rows)))
    return again


async def read_on(probe: Probe) -> None:
    while True:
        await probe.receive()


@pytest.mark.parametrize("how", ["rst", "fin", "mid_frame"])
@pytest.mark.parametrize("compress", [None, "zlib-stream"])
def test_a_cut_and_what_resume_brings(how: str, compress: str | None) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready(compress=compress)
            await b.control.fault(kind="cut", how=how, shard=0)
            await b.control.emit("MESSAGE_CREATE", count=5)
            assert await probe.closed() is None
            got = len(probe.rows)
            again = await resumed(b, probe)
            names = [row[1] for row in probe.rows[4:] + again.rows]
            assert names == ["MESSAGE_CREATE"] * 5 + ["RESUMED"]
            # Of the frame that was cut in two nothing was received as an event.
            assert got == (8 if how == "mid_frame" else 4)

    asyncio.run(scenario())


def test_a_cut_in_an_idle_connection_comes_too() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="cut", how="mid_frame")
            assert await probe.closed() is None

    asyncio.run(scenario())


def test_half_open_neither_reads_nor_writes_and_stays_resumable() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="half_open", shard=0)
            await b.control.emit("MESSAGE_CREATE", count=3)
            await probe.send(1, probe.seq)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(probe.websocket.receive(), 0.2)
            again = await resumed(b, probe)
            assert len(again.rows) == 4

    asyncio.run(scenario())


def test_a_half_open_connection_that_the_client_leaves_is_gone() -> None:
    async def scenario() -> None:
        async with bench() as b:
            left, stays = await b.ready(), await b.ready()
            await b.control.fault(kind="half_open")
            left.websocket.get_extra_info("socket").shutdown(socket.SHUT_WR)
            await eventually(lambda: len(b.sandbox.state.peers) == 1)
            assert {s.id: s.sink is None for s in b.sandbox.state.dispatcher.sessions.values()} == {
                left.session_id: True,
                stays.session_id: False,
            }

    asyncio.run(scenario())


def test_another_heartbeat_interval_for_those_who_come() -> None:
    async def scenario() -> None:
        async with bench(heartbeat_interval_ms=41_250) as b:
            for ms in (1234, 5678):
                await b.control.fault(kind="heartbeat_interval", ms=ms)
                await b.control.clear_faults()
                hello = await (await b.connect()).receive()
                assert hello["d"]["heartbeat_interval"] == ms

    asyncio.run(scenario())


def test_heartbeats_unanswered_and_answered_again() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="mute_heartbeats")
            await probe.send(1, probe.seq)
            await b.control.emit("TYPING_START")
            assert (await probe.receive())["t"] == "TYPING_START"
            await b.control.fault(kind="mute_heartbeats", on=False)
            await probe.send(1, probe.seq)
            assert (await probe.receive())["op"] == 11

    asyncio.run(scenario())


def test_op_1_op_7_and_op_9() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="op1", count=2)
            assert [await probe.receive() for _ in range(2)] == [
                {"t": None, "s": None, "op": 1, "d": None}
            ] * 2
            await b.control.fault(kind="op7", shard="random")
            assert (await probe.receive())["op"] == 7
            await probe.websocket.close(code=4000)
            probe = await resumed(b, probe)
            await b.control.fault(kind="op9", resumable=True)
            assert await probe.receive() == {"t": None, "s": None, "op": 9, "d": True}
            probe = await resumed(b, probe)
            await b.control.fault(kind="op9", resumable=False)
            assert (await probe.receive())["d"] is False
            await probe.send(2, b.identify())
            assert (await probe.receive())["t"] == "READY"

    asyncio.run(scenario())


def test_any_close_code() -> None:
    async def scenario() -> None:
        async with bench() as b:
            for code in (1000, 1001, 1011, 4000, 4009, 4999):
                probe = await b.ready()
                await b.control.fault(kind="close", code=code, shard=0)
                assert await probe.closed() == code

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["corrupt", "truncate"])
@pytest.mark.parametrize("compress", [None, "zlib-stream"])
def test_a_broken_stream_can_not_be_read_but_resumed(kind: str, compress: str | None) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready(compress=compress)
            await b.control.fault(kind=kind)
            await b.control.emit("MESSAGE_CREATE", count=20)
            # As text it is the client that closes, for bytes that are no UTF-8.
            with pytest.raises((zlib.error, ValueError, Closed)):
                await read_on(probe)
            await resumed(b, probe)

    asyncio.run(scenario())


def test_slow_and_stalled_sends_arrive_whole() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            loop = asyncio.get_running_loop()
            await b.control.fault(kind="stall", seconds=0.3)
            start = loop.time()
            await b.control.emit("TYPING_START", count=3)
            for _ in range(3):
                await probe.until("TYPING_START")
            assert loop.time() - start >= 0.25
            await b.control.fault(kind="slow", bytes_per_s=20_000.0, seconds=30.0)
            start = loop.time()
            await b.control.emit("MESSAGE_CREATE", count=10)
            size = len(probe.raw)
            for _ in range(10):
                await probe.until("MESSAGE_CREATE")
            sent = sum(len(m.data) for m in probe.raw[size:])
            assert loop.time() - start >= 0.5 * sent / 20_000
            rows = await b.control.ledger_dispatches()
            assert [(r["s"], r["name"], r["hash"]) for r in rows] == probe.rows
            await b.control.clear_faults()

    asyncio.run(scenario())


def test_refused_connections_come_back() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="refuse_connections", seconds=1.5)
            for url in (b.sandbox.info.gateway_url, b.sandbox.info.resume_url):
                with pytest.raises(aiohttp.ClientConnectorError):
                    await b.connect(url)
            await b.control.emit("TYPING_START")
            await probe.until("TYPING_START")  # who is there stays

            async def back(url: str) -> None:
                while True:
                    try:
                        await b.connect(url)
                    except aiohttp.ClientConnectorError:
                        await asyncio.sleep(0.02)
                    else:
                        return

            await asyncio.wait_for(back(b.sandbox.info.gateway_url), 20)
            await asyncio.wait_for(back(b.sandbox.info.resume_url), 20)

    asyncio.run(scenario())


def test_refused_connections_are_taken_again_when_faults_are_cleared() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.control.fault(kind="refuse_connections", seconds=600)
            await b.control.fault(kind="resume_host", mode="refuse", seconds=600)
            await b.control.clear_faults()
            for url in (b.sandbox.info.gateway_url, b.sandbox.info.resume_url):
                async with asyncio.timeout(5):
                    while True:
                        try:
                            await (await b.connect(url)).until(10)
                        except aiohttp.ClientConnectorError:
                            await asyncio.sleep(0.01)
                        else:
                            break

    asyncio.run(scenario())


def test_message_deflate_accepted() -> None:
    async def scenario() -> None:
        async with bench() as b:
            info, tls = b.sandbox.info, b.http
            plain = await tls.ws_connect(info.gateway_url, compress=15)
            assert plain.compress == 0  # refused as Discord refuses it
            await plain.close()
            await b.control.fault(kind="permessage_deflate")
            websocket = await tls.ws_connect(info.gateway_url + "/?v=10", compress=15)
            assert websocket.compress == 15
            probe = Probe(websocket, None)
            await probe.until(10)
            await probe.send(2, b.identify())
            for _ in range(3):
                await probe.until("GUILD_CREATE")
            await b.control.emit("MESSAGE_CREATE", count=30)
            for _ in range(30):
                await probe.until("MESSAGE_CREATE")

    asyncio.run(scenario())


def test_a_client_that_does_not_read_is_cut_and_may_resume() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            transport: Any = probe.websocket.get_extra_info("socket")
            assert isinstance(transport.fileno(), int)
            next(iter(b.sandbox.state.peers.values())).connection._max_outgoing = 100_000
            await b.control.fault(kind="stall", seconds=60.0)
            await b.control.emit("MESSAGE_CREATE", count=300)
            assert await probe.closed() is None
            again = await resumed(b, probe)
            assert len(again.rows) == 301
            counters = (await b.control.state())["counters"]
            assert counters["cut_for_not_reading"] == 1

    asyncio.run(scenario())


def _end_on_the_wire(port: int, ca_file: str, greeted: threading.Event) -> str:
    """Connect, read HELLO, then watch TCP below TLS (which hides a reset from its user)."""
    tls = ssl.create_default_context(cafile=ca_file)
    request = (
        "GET /?v=10 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(request.encode())
        received = b""
        while b"heartbeat_interval" not in received:
            received += secure.recv(4096)
        with socket.socket(fileno=os.dup(secure.fileno())) as raw:
            raw.settimeout(10)
            greeted.set()
            try:
                while raw.recv(4096):
                    pass
            except ConnectionResetError:
                return "rst"
    return "fin"


@pytest.mark.parametrize(("how", "seen"), [("rst", "rst"), ("fin", "fin"), ("mid_frame", "fin")])
def test_the_end_is_what_was_asked_for_down_to_tcp(how: str, seen: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            port = int(b.sandbox.info.gateway_url.rpartition(":")[2])
            greeted = threading.Event()
            watch = asyncio.ensure_future(
                asyncio.to_thread(_end_on_the_wire, port, b.sandbox.info.ca_file, greeted)
            )
            await eventually(greeted.is_set)
            await b.control.fault(kind="cut", how=how)
            assert await watch == seen

    asyncio.run(scenario())
