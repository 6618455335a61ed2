"""Faults of the resume host, of replays and of sessions among each other."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.cluster.sandbox.gateway_probe import bench


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
            await b.control.fault(kind="resume_host", mode="refuse", seconds=60)
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


def test_a_client_that_says_goodbye_to_silence_stops_nobody_else() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="resume_host", mode="silent")
            silent = await b.connect(probe.resume_url)
            # The frame alone, with no wait for an answer that never comes.
            writer = silent.websocket._writer
            assert writer is not None
            await writer.close(4000)
            async with asyncio.timeout(4.0):
                await b.control.emit("TYPING_START")
                await probe.until("TYPING_START")

    asyncio.run(scenario())
