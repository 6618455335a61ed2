"""Each fault as a client meets it, and the session after it."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import aiohttp
import pytest
from gateway_probe import Bench, Closed, Probe, bench

from cluster.sandbox.control_client import SandboxRefusedError
from cluster.sandbox.faults import KINDS, FaultError, parse
from cluster.sandbox.schedule import Schedule


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
            await b.control.fault(kind="refuse_connections", seconds=0.3)
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

            await asyncio.wait_for(back(b.sandbox.info.gateway_url), 5)
            await asyncio.wait_for(back(b.sandbox.info.resume_url), 5)

    asyncio.run(scenario())


def test_the_resume_host_can_be_dead_in_three_ways() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            await b.control.fault(kind="resume_host", mode="503", count=2)
            for _ in range(2):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await b.resume(probe)
                assert refused.value.status == 503
            await b.control.fault(kind="resume_host", mode="silent")
            silent = await b.connect(probe.resume_url)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(silent.websocket.receive(), 0.2)
            await b.control.fault(kind="resume_host", mode="refuse", seconds=0.5)
            with pytest.raises(aiohttp.ClientConnectorError):
                await b.resume(probe)
            again = await b.resume(probe, url=b.sandbox.info.gateway_url)
            await again.until("RESUMED")

    asyncio.run(scenario())


def test_a_replay_that_skips_and_a_resumed_that_repeats() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            await b.control.emit("TYPING_START", count=10)
            await b.control.fault(kind="replay_skips", count=4)
            await b.control.fault(kind="resumed_seq", mode="repeat")
            again = await b.resume(probe)
            await again.until("RESUMED")
            seqs = [row[0] for row in again.rows]
            assert len(seqs) == 7
            assert seqs[:-1] == sorted(set(seqs[:-1]))
            assert seqs[-1] == 14  # the last event's own, which may itself be among the skipped
            await b.control.emit("TYPING_START")
            assert (await again.receive())["s"] == 15
            await again.websocket.close(code=4000)
            once_more = await b.resume(again)
            assert (await once_more.until("RESUMED"))["s"] == 16

    asyncio.run(scenario())


def test_a_trimmed_and_a_short_buffer() -> None:
    async def scenario() -> None:
        async with bench(replay_events=10) as b:
            probe = await b.ready()
            await b.control.fault(kind="trim_on_heartbeat")
            await b.control.emit("TYPING_START", count=4)
            for _ in range(4):
                await probe.receive()
            await probe.send(1, 6)
            await probe.receive()
            await probe.websocket.close(code=4000)
            assert (await (await b.resume(probe, seq=5)).until(9))["d"] is False
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            await b.control.emit("TYPING_START", count=11)
            assert (await (await b.resume(probe)).until(9))["d"] is False

    asyncio.run(scenario())


def test_sessions_lag_each_other_and_lose_nothing() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.control.fault(kind="lag", max_s=0.2)
            probes = [await b.ready() for _ in range(3)]
            await b.control.emit("TYPING_START", count=20)
            counts = await b.control.quiesce()
            for probe in probes:
                while len(probe.rows) < 24:
                    await probe.receive()
                assert counts["last"][probe.session_id] == 24
            rows = await b.control.ledger_dispatches()
            first = {r["session"]: r["at"] for r in reversed(rows) if r["s"] == 5}
            assert max(first.values()) - min(first.values()) > 0.01

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


def test_faults_are_listed() -> None:
    async def scenario() -> None:
        async with bench(faults=[{"kind": "rest_429", "count": 2}]) as b:
            probe = await b.ready(shard=[0, 1])
            await b.control.fault(kind="op1", shard=0)
            await probe.until(1)
            first, second = await b.control.faults()
            assert first["kind"] == "rest_429"
            assert second["met"][0]["shard"] == 0
            with pytest.raises(SandboxRefusedError, match="how: one of rst, fin, mid_frame"):
                await b.control.fault(kind="cut", how="scissors")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ([], "kind"),
        ({}, "kind"),
        ({"kind": "earthquake"}, "kind"),
        ({"kind": []}, "kind"),
        ({"kind": "op7", "shard": -1}, "shard"),
        ({"kind": "op7", "shard": True}, "shard"),
        ({"kind": "op7", "shards": 1}, "shards"),
        ({"kind": "lag", "max_s": 1.5}, "max_s"),
        ({"kind": "lag", "max_s": float("nan")}, "max_s"),
        ({"kind": "close", "code": 4000.0}, "code"),
        ({"kind": "close", "code": 1006}, "code"),
        ({"kind": "close", "code": 5000}, "code"),
        ({"kind": "op9", "resumable": 1}, "resumable"),
        ({"kind": "rest_5xx", "status": 404}, "status"),
        ({"kind": "rest_429", "count": 0}, "count"),
    ],
)
def test_a_bad_fault_is_refused_by_its_field(spec: Any, field: str) -> None:
    with pytest.raises(FaultError, match=f"^{field}:|^a fault is an object with `{field}`"):
        parse(spec)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_defaults(kind: str) -> None:
    assert parse({"kind": kind}).keys() >= KINDS[kind].keys()


def test_a_schedule_is_its_seed() -> None:
    def first(seed: int) -> list[Any]:
        return [entry for entry, _ in zip(Schedule(seed), range(200), strict=False)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    for pause, fault in first(3):
        assert pause > 0
        parse(fault)
    assert {fault["kind"] for _, fault in first(3)} > {"cut", "op7", "op9", "half_open"}
