"""How late the sandbox answers: what it hears comes in order, a latency after it was sent."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.sandbox.failures import Failures
from cluster.sandbox.gateway.latency import MOST_ON_THE_WAY, Line
from cluster.sandbox.options import SandboxOptions
from tests.cluster.sandbox.gateway_probe import Probe, bench, eventually
from tests.played_loop import play

LATENCY_S = 0.03
CLOCK_S = 0.002
"""How much too early a timer of an event loop may be."""


def line(latency_s: float = LATENCY_S) -> Line:
    return Line(latency_s, lambda heard: heard())


@given(
    gaps=st.lists(st.sampled_from([0.0, 0.001, LATENCY_S, 0.5]), max_size=30),
    latency_s=st.sampled_from([0.0, 0.001, LATENCY_S, 2.0]),
)
def test_each_message_is_heard_a_latency_after_it_was_sent(
    gaps: list[float], latency_s: float
) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        made, sent, heard = line(latency_s), [], []
        for number, gap in enumerate(gaps):
            await asyncio.sleep(gap)
            sent.append((number, round(loop.time() + latency_s, 6)))
            made.send(lambda n=number: heard.append((n, round(loop.time(), 6))))  # type: ignore[misc]
        await asyncio.sleep(latency_s + 1)
        assert heard == sent

    play(scenario)


def test_what_is_on_the_way_when_the_client_ends_is_heard_at_once() -> None:
    async def scenario() -> None:
        made, heard = line(), []
        for number in range(3):
            made.send(lambda n=number: heard.append(n))  # type: ignore[misc]
        assert heard == []
        made.hear_all()
        assert heard == [0, 1, 2]
        await asyncio.sleep(1)
        assert heard == [0, 1, 2]
        made.send(lambda: heard.append(3))
        await asyncio.sleep(1)
        assert heard == [0, 1, 2, 3]

    play(scenario)


def test_a_bug_in_one_answer_keeps_no_other_from_coming() -> None:
    async def scenario() -> None:
        failures, heard = Failures(), []
        made = Line(LATENCY_S, lambda one: failures.guard("answers", one))
        made.send(lambda: 1 // 0)  # type: ignore[arg-type]
        made.send(lambda: heard.append(1))
        await asyncio.sleep(1)
        assert heard == [1]
        assert failures.describe()["answers"]["count"] == 1

    play(scenario)


def test_a_client_that_floods_waits_for_room() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        made, heard = line(), []
        for number in range(2 * MOST_ON_THE_WAY):
            await made.room()
            made.send(lambda n=number: heard.append(n))  # type: ignore[misc]
            assert number - len(heard) < MOST_ON_THE_WAY
        assert loop.time() >= LATENCY_S
        await asyncio.sleep(1)
        assert heard == list(range(2 * MOST_ON_THE_WAY))

    play(scenario)


def test_what_the_gateway_answers_comes_a_latency_later() -> None:
    """HELLO, READY, heartbeat ACKs, chunks and RESUMED; two at once come together."""

    async def scenario() -> None:
        async with bench(latency_ms=1000 * LATENCY_S) as b:
            loop = asyncio.get_running_loop()

            async def late(probe: Probe, answer: str | int, *sent: tuple[int, Any]) -> None:
                begun = loop.time()
                for op, d in sent:
                    await probe.send(op, d)
                await probe.until(answer)
                assert loop.time() - begun >= LATENCY_S - CLOCK_S

            begun = loop.time()
            probe = await b.connect()
            await probe.until(10)
            assert loop.time() - begun >= LATENCY_S - CLOCK_S
            await late(probe, "READY", (2, b.identify()))
            await late(probe, 11, (1, probe.seq))
            guild_id = str(b.sandbox.world.guild_ids(0, 1)[0])
            members = {"guild_id": guild_id, "query": "", "limit": 1}
            await late(probe, "GUILD_MEMBERS_CHUNK", (8, members))
            again = await b.connect(probe.resume_url)
            await again.until(10)
            resume = {"token": b.token, "session_id": probe.session_id, "seq": probe.seq}
            await late(again, "RESUMED", (6, resume))
            for _ in range(3):
                await again.send(1, again.seq)
            kinds = [(await again.receive())["op"] for _ in range(3)]
            assert kinds == [11, 11, 11]

    asyncio.run(scenario())


def test_what_a_client_sent_before_it_left_is_heard() -> None:
    async def scenario() -> None:
        async with bench(latency_ms=60_000) as b:
            probe = await b.connect()
            await probe.send(2, b.identify())
            await probe.websocket.close(code=4000)
            await eventually(lambda: not b.sandbox.state.peers)
            assert [sent["op"] for sent in b.sandbox.state.commands] == [2]

    asyncio.run(scenario())


def test_the_default_is_the_latency_of_a_server_some_way_off() -> None:
    assert SandboxOptions().latency_ms == 30
