"""The sandbox as a whole: its traffic, its ledgers, its sessions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.sandbox import Sandbox, SandboxOptions
from cluster.sandbox.http.control_client import SandboxRefusedError
from cluster.sandbox.world import WorldEvent
from tests.cluster.sandbox.gateway_probe import bench, eventually


def test_a_burst_of_traffic_arrives_as_the_ledger_has_it() -> None:
    async def scenario() -> None:
        async with bench(guilds=12) as b:
            probes = [await b.ready(compress="zlib-stream", shard=[n, 3]) for n in range(3)]
            await b.control.traffic(rate=4000)
            while b.sandbox.state.ticker.generated < 2000:
                await probes[0].receive()
            counts = await b.control.quiesce()
            assert counts["world"] >= 2000
            rows = [row async for row in b.control.all_dispatches()]
            for shard, probe in enumerate(probes):
                while probe.seq != counts["last"][probe.session_id]:
                    await probe.receive()
                mine = [(r["s"], r["name"], r["hash"]) for r in rows if r["shard"] == shard]
                assert mine == probe.rows
            # Every event of the world has an intent that these sessions have: it came once.
            world = await b.control.ledger_world(limit=50_000)
            dispatched = [r["hash"] for r in rows if r["name"] not in ("READY", "GUILD_CREATE")]
            assert sorted(r["hash"] for r in world) == sorted(dispatched)

    asyncio.run(scenario())


def test_a_bug_in_the_world_is_shown_and_does_not_end_the_traffic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            step, steps = b.sandbox.world.step, 0

            def broken() -> WorldEvent:
                nonlocal steps
                steps += 1
                if steps % 3 == 0:
                    raise ZeroDivisionError("a bug")
                return step()

            b.sandbox.world.step = broken  # type: ignore[method-assign]  # the bug to be met
            await b.control.traffic(rate=1000)
            while len(probe.rows) < 100:
                await probe.receive()
            counts = await b.control.quiesce()
            failures = (await b.control.state())["failures"]["traffic"]
            assert failures["count"] >= 30
            assert failures["last"] == "ZeroDivisionError: a bug"
            # What had happened in the same tick before the bug has reached everybody.
            assert counts["world"] == b.sandbox.state.ticker.generated
            assert counts["dispatches"] == counts["world"] + 4

    asyncio.run(scenario())
    assert caplog.text.count("ZeroDivisionError: a bug") == 1


def test_the_world_goes_on_unseen() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.control.emit("MESSAGE_CREATE", count=3)
            assert [r["name"] for r in await b.control.ledger_world()] == ["MESSAGE_CREATE"] * 3
            assert await b.control.ledger_dispatches() == []

    asyncio.run(scenario())


def test_a_large_welcome_comes_in_chunks_and_no_event_overtakes_it() -> None:
    async def scenario() -> None:
        async with bench(guilds=150, rate=2000) as b:
            probe = await b.connect()
            await probe.send(2, b.identify())
            await probe.until("READY")
            created: set[str] = set()
            early = 0
            while len(created) < 150:
                payload = await probe.receive()
                if payload["t"] == "GUILD_CREATE":
                    created.add(payload["d"]["id"])
                elif "guild_id" in payload["d"]:
                    assert payload["d"]["guild_id"] in created
                    early += 1
            assert early

    asyncio.run(scenario())


def test_sessions_expire() -> None:
    async def scenario() -> None:
        async with bench(session_expiry_s=0.05) as b:
            probe = await b.ready()
            await probe.websocket.close(code=4000)
            await eventually(lambda: not b.sandbox.state.dispatcher.sessions)
            again = await b.resume(probe)
            assert (await again.until(9))["d"] is False

    asyncio.run(scenario())


def test_a_seq_from_the_future_and_a_stolen_session() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            again = await b.resume(probe)
            await again.until("RESUMED")
            assert await probe.closed() == 4000  # taken over
            ahead = await b.resume(probe, seq=100)
            assert await ahead.closed() == 4007
            unknown = await b.resume(probe, session_id="0" * 32)
            assert (await unknown.until(9))["d"] is False
            await unknown.send(2, b.identify())  # the same connection may go on
            await unknown.until("READY")

    asyncio.run(scenario())


def test_the_same_seed_makes_the_same_bot_and_world() -> None:
    async def seen(seed: int) -> tuple[str, Any]:
        async with bench(seed=seed) as b:
            return b.token, b.sandbox.world.guild_ids(0, 1)

    assert asyncio.run(seen(5)) == asyncio.run(seen(5))
    assert asyncio.run(seen(5)) != asyncio.run(seen(6))


def test_a_world_without_guilds() -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match=r"^rate: "):
            Sandbox(SandboxOptions(guilds=0, rate=1.0))
        async with bench(guilds=0) as b:
            probe = await b.ready()
            with pytest.raises(SandboxRefusedError, match="rate: nothing happens"):
                await b.control.traffic(rate=10)
            with pytest.raises(SandboxRefusedError, match="there is no"):
                await b.control.emit("TYPING_START")
            assert [name for _, name, _ in probe.rows] == ["READY"]

    asyncio.run(scenario())
