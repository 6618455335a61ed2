"""What the sandbox knows of every session, and which identifies it calls unavoidable."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cluster.sandbox.gateway_probe import Bench, bench, eventually


async def numbers(b: Bench) -> tuple[int, int]:
    counts = (await b.control.state())["identifies"]
    return counts["admitted"], counts["unavoidable"]


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"kind": "op9", "resumable": False}, "op 9"),
        ({"kind": "close", "code": 4003}, "closed"),
        ({"kind": "forget"}, "forgotten"),
    ],
)
def test_a_session_that_the_server_ends_is_lost(fault: dict[str, Any], cause: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await probe.send(1, probe.seq)
            await probe.until(11)
            assert not (await b.control.sessions())[0]["lost"]
            await b.control.fault(**fault)
            await b.ready()
            first, second = await b.control.sessions()
            assert (first["cause"], first["lost"]) == (cause, True)
            assert first["acknowledged"] == first["seq"] == 4
            assert first["ended_at"] <= second["opened_at"]
            assert await numbers(b) == (2, 2)

    asyncio.run(scenario())


def test_a_forgotten_session_is_refused_at_its_resume() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="forget")
            assert await probe.closed() is None
            again = await b.resume(probe)
            assert (await again.until(9))["d"] is False

    asyncio.run(scenario())


def test_who_could_have_resumed_spends_more_than_it_must() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await probe.send(1, probe.seq)
            await probe.until(11)
            await b.ready()
            assert await numbers(b) == (2, 1)

    asyncio.run(scenario())


def test_without_an_acknowledgement_ready_may_never_have_come() -> None:
    async def scenario() -> None:
        async with bench() as b:
            await b.ready()
            await b.ready()
            assert await numbers(b) == (2, 2)

    asyncio.run(scenario())


def test_what_was_acknowledged_is_not_asked_for_again() -> None:
    """Discord may forget it: a RESUME from below is the client's own loss."""

    async def scenario() -> None:
        async with bench(faults=[{"kind": "trim_on_heartbeat"}]) as b:
            probe = await b.ready()
            await probe.send(1, probe.seq)
            await probe.until(11)
            probe.seq = 2
            again = await b.resume(probe)
            assert (await again.until(9))["d"] is False
            (row,) = await b.control.sessions()
            assert (row["cause"], row["lost"]) == ("resumed below what it had acknowledged", False)

    asyncio.run(scenario())


def test_an_acknowledgement_of_what_was_not_sent_is_counted() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await probe.send(1, 1000)
            await probe.until(11)
            assert (await b.control.state())["counters"]["acknowledged_ahead"] == 1
            assert (await b.control.sessions())[0]["acknowledged"] == probe.seq

    asyncio.run(scenario())


def test_what_a_replay_skipped_is_written_down() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="replay_skips", count=2)
            last = probe.seq or 0
            await b.control.fault(kind="cut")
            await probe.closed()
            await b.control.emit("MESSAGE_CREATE", count=5)
            again = await b.resume(probe)
            await again.until("RESUMED")
            (row,) = await b.control.sessions()
            came = {s for s, *_ in again.rows}
            assert set(row["skipped"]) == set(range(last + 1, last + 7)) - came
            assert len(row["skipped"]) == 2

    asyncio.run(scenario())


def test_a_resumed_that_repeats_an_s_repeats_one_that_came() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.ready()
            await b.control.fault(kind="replay_skips", count=100)
            await b.control.fault(kind="resumed_seq", mode="repeat")
            await b.control.fault(kind="cut")
            await probe.closed()
            await b.control.emit("MESSAGE_CREATE", count=3)
            again = await b.resume(probe)
            resumed = await again.until("RESUMED")
            assert [s for s, *_ in again.rows] == [7, 7]
            assert resumed["s"] == 7
            assert (await b.control.sessions())[0]["skipped"] == [5, 6]

    asyncio.run(scenario())


def test_a_late_heartbeat_is_forgiven_for_as_long_as_the_options_say() -> None:
    async def scenario() -> None:
        async with bench(heartbeat_interval_ms=100, heartbeat_grace_s=0.1) as b:
            probe = await b.ready()
            assert await probe.closed() == 4009
            await eventually(lambda: not b.sandbox.state.peers)
            assert (await b.control.sessions())[0]["cause"] == "heartbeats missed"

    asyncio.run(scenario())
