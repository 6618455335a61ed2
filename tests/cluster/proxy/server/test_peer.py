"""What clients say, and what becomes of it: close codes, heartbeats, what waits for a session."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.gateway_server.refusal import Refused
from cluster.proxy.refusal import InvalidSession
from cluster.proxy.server.identifying import program_of
from cluster.proxy.server.peer import UNIDENTIFIED_S
from cluster.proxy.server.restarts import MOST_RESTARTS
from tests.cluster.proxy.server.rig import (
    SECRET,
    TOKEN,
    PlayedClock,
    PlayedSession,
    RawClient,
    Served,
    dispatch,
    identify_payload,
    served,
)
from tests.cluster.sandbox.gateway_probe import eventually

RESUME = {"op": 6, "d": {"token": TOKEN, "session_id": "s1", "seq": 1}}
BEAT = {"op": 1, "d": None}
ACK = {"t": None, "s": None, "op": 11, "d": None}


def play(scenario: Callable[[Served, PlayedClock], Awaitable[None]], **options: Any) -> None:
    """Run a scenario on a server whose clock is played."""

    async def run() -> None:
        clock = PlayedClock()
        options.setdefault("heartbeat_interval_ms", 1000)
        async with served(clock=clock, **options) as there:
            async with asyncio.timeout(20):
                await scenario(there, clock)

    asyncio.run(run())


def closed_with(*sent: Any, identified: bool = False) -> int:
    """Return the code with which a client is closed that sends this; bytes are sent as they
    are."""
    codes: list[int] = []

    async def scenario(there: Served, clock: PlayedClock) -> None:
        if identified:
            client = await RawClient.identified(there.port)
            await eventually(lambda: bool(there.commands.told))
        else:
            client = await RawClient.open(there.port)
        for payload in sent:
            if isinstance(payload, bytes):
                client.frame(1, payload)
            else:
                client.send(payload)
        codes.append(await client.close_code())
        await eventually(lambda: there.server.counts().closes == {codes[0]: 1})
        if identified:
            assert there.sessions.last.ended == [False]
            assert there.commands.told[-1] == ("detached", "s1", False)

    play(scenario)
    return codes[0]


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"op": 0, "d": None}, 4001),
        ({"op": 5, "d": None}, 4001),
        ({"op": 14, "d": {}}, 4001),
        ({"op": 40, "d": {"seq": 1}}, 4001),
        ({"op": 99, "d": None}, 4001),
        (b"", 4002),
        (b"{", 4002),
        (b"[]", 4002),
        (b"\xff", 4002),
        (b"[" * 4000, 4002),
        ({"d": None}, 4002),
        ({"op": "1"}, 4002),
        ({"op": True}, 4002),
        ({"op": 1, "d": "1"}, 4002),
        ({"op": 1, "d": -1}, 4002),
        ({"op": 1, "d": True}, 4002),
        ({"op": 3, "d": {}}, 4003),
        ({"op": 2, "d": None}, 4002),
        ({"op": 2, "d": {"token": 1}}, 4002),
        (identify_payload(token="no"), 4004),
        (identify_payload(properties=None), 4002),
        (identify_payload(shard=[9, 4]), 4010),
        (identify_payload(shard=[0, 1 << 40]), 4010),
        (identify_payload(intents=1 << 62), 4013),
        (identify_payload(intents=1 << 9), 4014),
        (identify_payload(presence=[]), 4002),
        ({"op": 6, "d": {"token": "no", "session_id": "s1", "seq": 1}}, 4004),
        ({"op": 6, "d": {"token": TOKEN, "session_id": "s1", "seq": "1"}}, 4002),
    ],
    ids=lambda value: str(value)[:60],
)
def test_close_codes_before_a_session(payload: Any, code: int) -> None:
    assert closed_with(payload) == code


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (identify_payload(), 4005),
        (RESUME, 4005),
        ({"op": 12, "d": None}, 4001),
        (b"null", 4002),
        (b'{"op":8,"d":"' + b"x" * 4096 + b'"}', 4002),
    ],
    ids=lambda value: str(value)[:60],
)
def test_close_codes_in_a_session(payload: Any, code: int) -> None:
    assert closed_with(payload, identified=True) == code


def test_a_client_that_sends_more_than_120_payloads_a_minute() -> None:
    assert closed_with(*[BEAT] * 121) == 4008
    assert closed_with(*[{"op": 3, "d": {}}] * 120, identified=True) == 4008  # IDENTIFY counts


def test_a_minute_later_it_may_send_again() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        for _ in range(2):
            for _ in range(120):
                client.send(BEAT)
            for _ in range(120):
                assert await client.payload() == ACK
            clock.now += 60.0

    play(scenario, heartbeat_interval_ms=120_000)


def test_heartbeats_that_were_asked_for_are_not_counted() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        await eventually(lambda: bool(there.sessions.begun))
        session = there.sessions.last
        for _ in range(150):
            session.outlet.request_heartbeat()
            session.outlet.request_heartbeat()  # of which only the first is sent
            assert await client.payload() == {"t": None, "s": None, "op": 1, "d": None}
            client.send({"op": 1, "d": 1})
            assert await client.payload() == ACK
        assert session.acknowledged == [1] * 150
        for _ in range(120):
            client.send(BEAT)
        assert await client.close_code() == 4008

    play(scenario)


def test_a_client_that_does_not_beat() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        await eventually(lambda: bool(there.sessions.begun))
        clock.now += 1.9
        client.send(BEAT)
        assert await client.payload() == ACK
        clock.now += 1.9
        client.send(BEAT)
        assert await client.payload() == ACK
        clock.now += 2.1
        assert await client.close_code() == 4009
        assert there.sessions.last.ended == [False]

    play(scenario)


def test_a_client_that_says_nothing() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        clock.now += 2.1
        assert await client.close_code() == 4009

    play(scenario)


def test_a_client_that_beats_and_never_identifies() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.greeted(there.port)
        clock.now += UNIDENTIFIED_S - 1
        client.send(BEAT)
        assert await client.payload() == ACK
        clock.now += 2
        assert await client.close_code() == 4009

    play(scenario, heartbeat_interval_ms=1_000_000)


def test_what_is_sent_after_ready_waits_for_the_session() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.gate.clear()
        client = await RawClient.identified(there.port)
        client.send({"op": 4, "d": {"guild_id": "1"}})
        client.send({"op": 1, "d": 1})
        client.send({"op": 8, "d": {"guild_id": "2"}})
        assert await client.payload() == ACK
        there.sessions.gate.set()
        await eventually(lambda: len(there.commands.told) == 3)
        assert there.commands.told == [
            ("identified", "s1"),
            ("received", "s1", 4, {"guild_id": "1"}),
            ("received", "s1", 8, {"guild_id": "2"}),
        ]
        # s = 1 was never given out by this session, so nothing of it is acknowledged.
        assert there.sessions.last.acknowledged == []

    play(scenario)


def test_a_session_hears_of_room_that_there_was_before_it_was_known() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.gate.clear()
        there.sessions.greeting = [dispatch("A", 2, text="x" * 1_000_000)] * 20
        client = await RawClient.identified(there.port)
        for _ in there.sessions.greeting:
            await client.read_frame()
        there.sessions.gate.set()
        await eventually(lambda: bool(there.sessions.begun and there.sessions.last.rooms))

    play(scenario)


def test_no_more_than_some_commands_wait() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.gate.clear()
        client = await RawClient.identified(there.port)
        for _ in range(2):
            clock.now += 60.0
            for _ in range(61):
                client.send({"op": 4, "d": {}})
            client.send(BEAT)
            opcode, data = await client.read_frame()
        assert (opcode, data[:2]) == (8, (4008).to_bytes(2, "big"))

    play(scenario, heartbeat_interval_ms=1_000_000)


def test_a_client_that_goes_while_it_identifies() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.gate.clear()
        client = await RawClient.identified(there.port)
        client.leave(1000)
        await there.emptied()
        there.sessions.gate.set()
        await eventually(lambda: bool(there.sessions.begun and there.sessions.last.ended))
        assert there.sessions.last.ended == [True]
        assert there.commands.told == []

    play(scenario)


@pytest.mark.parametrize(
    ("code", "over"), [(1000, True), (1001, True), (4000, False), (3000, False)]
)
def test_how_a_client_goes_says_whether_it_is_over(code: int, over: bool) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        await eventually(lambda: bool(there.commands.told))
        client.frame(8, code.to_bytes(2, "big"))
        assert await client.close_code() == code
        assert await client.rest() == b""
        assert there.sessions.last.ended == [over]
        assert there.server.counts().closes == {}

    play(scenario)


@pytest.mark.parametrize(
    ("refusal", "resumable"),
    [
        (None, False),
        (InvalidSession(resumable=True), True),
        (InvalidSession(resumable=False), False),
    ],
)
def test_a_session_that_cannot_be_resumed(refusal: Exception | None, resumable: bool) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.refusal = refusal
        client = await RawClient.greeted(there.port)
        client.send(RESUME)
        assert await client.payload() == {"t": None, "s": None, "op": 9, "d": resumable}
        assert there.server.counts().lost == (not resumable)
        there.sessions.refusal = None
        client.send({"op": 1, "d": 700})  # of the session that it had
        assert await client.payload() == ACK
        client.send(identify_payload(token=SECRET))
        assert (await client.payload())["t"] == "READY"
        assert there.server.counts().dispatched == 1
        await eventually(lambda: bool(there.commands.told))
        assert there.sessions.last.identify.client == "music"
        assert there.sessions.last.acknowledged == []

    play(scenario)


def test_compression_of_payloads_is_asked_for_with_each_identify() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.refusal = InvalidSession(resumable=False)
        client = await RawClient.greeted(there.port)
        client.send(identify_payload(compress=True))
        for name in ("READY", None):  # and op 9, which has none
            opcode, data = await client.read_frame()
            assert (opcode, json.loads(zlib.decompress(data))["t"]) == (2, name)
        there.sessions.refusal = None
        client.send(identify_payload())
        opcode, data = await client.read_frame()
        assert (opcode, json.loads(data)["t"]) == (1, "READY")

    play(scenario)


def test_a_program_that_is_started_again_and_again_is_told_to_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        staying = [await RawClient.identified(there.port) for _ in range(MOST_RESTARTS)]
        for _ in range(MOST_RESTARTS):
            (await RawClient.identified(there.port)).leave()
        await eventually(lambda: there.server.counts().connections == len(staying))
        another = await RawClient.identified(there.port, token=SECRET)
        other_shard = await RawClient.identified(there.port, shard=[1, 2])
        client = await RawClient.greeted(there.port)
        client.send(identify_payload())
        assert await client.payload() == {"t": None, "s": None, "op": 9, "d": False}
        clock.now += 5.0
        for each in (client, another, other_shard, *staying):
            each.send(BEAT)
        client.send(identify_payload())
        assert await client.payload() == ACK
        assert (await client.payload())["t"] == "READY"

    play(scenario, heartbeat_interval_ms=60_000)
    assert "a bot identifies again and again" in caplog.text


def test_intents_of_no_documentation_are_left_out() -> None:
    """interactions.py has bit 17 among all, and Discord takes it."""

    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.open(there.port)
        client.send(identify_payload(intents=1 | 1 << 17 | 1 << 26))
        await eventually(lambda: bool(there.commands.told))
        assert there.sessions.last.identify.intents == 1

    play(scenario)


@pytest.mark.parametrize("payload", [identify_payload(), RESUME])
@pytest.mark.parametrize(
    ("raised", "code"), [(Refused(4007, "Invalid seq."), 4007), (OSError, 4000)]
)
def test_a_session_that_is_refused(payload: Any, raised: Any, code: int) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        there.sessions.refusal = raised
        client = await RawClient.greeted(there.port)
        client.send(payload)
        assert await client.close_code() == code

    play(scenario)


@pytest.mark.parametrize(("raised", "code"), [(Refused(4002, "No."), 4002), (ValueError(), 4000)])
def test_a_command_that_is_refused(raised: Exception, code: int) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        there.commands.refusal = raised
        client.send({"op": 8, "d": {}})
        assert await client.close_code() == code

    play(scenario)


def test_an_acknowledgement_that_is_refused() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        await eventually(lambda: bool(there.sessions.begun))
        there.sessions.last.refusal = Refused(4007, "Invalid seq.")
        client.send({"op": 1, "d": 9})
        assert await client.close_code() == 4007

    play(scenario)


def test_a_session_that_closes_its_client_is_detached_before_it_goes_on() -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client = await RawClient.identified(there.port)
        await eventually(lambda: bool(there.commands.told))
        session: PlayedSession = there.sessions.last
        session.outlet.close(4000, "Another has the session.")
        assert session.ended == [False]
        session.send(b"never")
        session.outlet.request_heartbeat()
        assert session.outlet.waiting == 0
        assert await client.read_frame() == (
            8,
            (4000).to_bytes(2, "big") + b"Another has the session.",
        )

    play(scenario)


def test_a_fault_of_another_part_costs_one_client(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(there: Served, clock: PlayedClock) -> None:
        client, other = [await RawClient.identified(there.port) for _ in range(2)]
        await eventually(lambda: len(there.sessions.begun) == 2)
        session: PlayedSession = there.sessions.begun[0]
        session.fault = RuntimeError("made up")
        clock.now += 1.9
        other.send(BEAT)
        assert await other.payload() == ACK
        clock.now += 1.9
        await eventually(lambda: session.ended == [False])
        assert await client.close_code() == 4009
        assert there.commands.told[-1] == ("detached", "s1", False)
        clock.now += 1.9
        assert await other.close_code() == 4009
        client.leave()
        other.leave()
        await there.emptied()

    play(scenario)
    assert "made up" in caplog.text


def test_the_log_says_what_to_change_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert closed_with(identify_payload(token="a-token-of-another-bot")) == 4004
    assert closed_with(identify_payload(token=SECRET, intents=0b111 | 1 << 15)) == 4014
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert "closed with 4004: what it shows is neither the bot's token nor a secret of" in said
    assert "a-token-of-another-bot" not in said
    assert SECRET not in said


def test_the_log_names_the_intents_that_the_cluster_lacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert closed_with(identify_payload(token=SECRET, intents=1 << 15 | 1 << 1 | 1 << 4)) == 4014
    assert "client music asks for GUILD_INTEGRATIONS, MESSAGE_CONTENT, which the" in caplog.text


@pytest.mark.parametrize(
    ("properties", "program"),
    [
        ({"os": "linux", "browser": "discord.py", "device": "discord.py"}, "discord.py"),
        ({"$browser": "JDA"}, "JDA"),
        ({"browser": "", "device": "Eris"}, "Eris"),
        ({"browser": 7}, ""),
        ({"browser": "a\nb\x1b[2J"}, "ab[2J"),
        ({"browser": "x" * 5000}, "x" * 80),
        ({}, ""),
    ],
)
def test_a_library_by_its_properties(properties: dict[str, Any], program: str) -> None:
    assert program_of(properties) == program


@given(st.dictionaries(st.text() | st.just("browser"), st.text() | st.none()))
def test_any_properties_have_a_name_for_people(properties: dict[str, Any]) -> None:
    name = program_of(properties)
    assert len(name) <= 80
    assert name.isprintable()
    assert json.dumps(name)
