"""Every close code where it belongs, over real connections."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.cluster.sandbox.gateway_probe import Closed, bench

Json = dict[str, Any]


def run_closed(code: int, payloads: list[Any], *, query: str = "", **options: Any) -> None:
    """Connect, read HELLO, send; the gateway must close with ``code``."""

    async def scenario() -> None:
        async with bench(**options) as b:
            probe = await b.connect(**({"query": query} if query else {}))
            if not query:
                await probe.until(10)
            for payload in payloads:
                if callable(payload):
                    payload = payload(b)
                if isinstance(payload, bytes):
                    await probe.websocket.send_bytes(payload)
                else:
                    await probe.websocket.send_str(
                        payload if isinstance(payload, str) else json.dumps(payload)
                    )
            assert await probe.closed() == code
            state = await b.control.state()
            assert state["closes"].get(str(code), 0) == 1 or state["connections"]

    asyncio.run(scenario())


def identify(**changes: Any) -> Any:
    return lambda b: {"op": 2, "d": b.identify(**changes)}


def without(key: str) -> Any:
    return lambda b: {"op": 2, "d": {k: v for k, v in b.identify().items() if k != key}}


CASES: list[tuple[str, int, list[Any], Json]] = [
    ("unknown op", 4001, [{"op": 99, "d": None}], {}),
    ("removed op", 4001, [{"op": 12, "d": None}], {}),
    ("op of the server", 4001, [{"op": 11, "d": None}], {}),
    ("no JSON", 4002, ["{"], {}),
    ("no object", 4002, ["[1]"], {}),
    ("no op", 4002, ["{}"], {}),
    ("op is no number", 4002, ['{"op":"1"}'], {}),
    ("op is true", 4002, ['{"op":true}'], {}),
    ("bytes that are no UTF-8", 4002, [b'{"op":1,"d":"\xff"}'], {}),
    ("nested too deep", 4002, ['{"op":1,"d":' + "[" * 1950 + "]" * 1950 + "}"], {}),
    ("over 4096 bytes", 4002, ['{"op":1,"d":null}' + " " * 4096], {}),
    ("far over 4096 bytes", 4002, ['{"op":1,"d":null}' + " " * 200_000], {}),
    ("heartbeat with a text", 4002, [{"op": 1, "d": "x"}], {}),
    ("presence before identify", 4003, [{"op": 3, "d": {}}], {}),
    ("wrong token", 4004, [identify(token="nonsense")], {}),
    ("identify twice", 4005, [identify(), identify()], {}),
    ("shard id over the count", 4010, [identify(shard=[2, 2])], {}),
    ("shard id below 0", 4010, [identify(shard=[-1, 2])], {}),
    ("shard count 0", 4010, [identify(shard=[0, 0])], {}),
    ("too few shards", 4011, [identify(shard=[0, 1])], {"require_shards": 2}),
    ("no shards", 4011, [identify()], {"require_shards": 2}),
    ("unknown intent", 4013, [identify(intents=1 << 40)], {}),
    ("negative intents", 4013, [identify(intents=-1)], {}),
    ("privileged intent", 4014, [identify(intents=2)], {"privileged_intents": 1 << 8}),
    ("intents missing", 4013, [without("intents")], {}),
    ("intents are a text", 4002, [identify(intents="1")], {}),
    ("properties missing", 4002, [without("properties")], {}),
    ("token missing", 4002, [without("token")], {}),
    ("d missing", 4002, [{"op": 2}], {}),
    ("shard of one", 4002, [identify(shard=[0])], {}),
    ("large_threshold out of bounds", 4002, [identify(large_threshold=251)], {}),
    ("resume malformed", 4002, [lambda b: {"op": 6, "d": {"token": b.token}}], {}),
]


@pytest.mark.parametrize(
    ("code", "payloads", "options"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_closes(code: int, payloads: list[Any], options: Json) -> None:
    run_closed(code, payloads, **options)


@pytest.mark.parametrize(
    ("query", "code"),
    [("v=8&encoding=json", 4012), ("v=x&encoding=json", 4012), ("v=10&encoding=etf", 4002)],
)
def test_what_it_does_not_speak(query: str, code: int) -> None:
    run_closed(code, [], query=query)


def test_the_121st_payload_in_a_minute_is_one_too_many() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.connect()
            for _ in range(121):
                await probe.send(1, None)
            assert await probe.closed() == 4008
            assert sum(1 for m in probe.raw if json.loads(m.data)["op"] == 11) == 120

    asyncio.run(scenario())


def test_a_missed_heartbeat_times_the_session_out() -> None:
    async def scenario() -> None:
        async with bench(heartbeat_interval_ms=50) as b:
            probe = await b.ready()
            assert await probe.closed() == 4009
            again = await b.resume(probe)
            assert (await again.until(9))["d"] is False

    asyncio.run(scenario())


def test_nothing_answers_after_the_close() -> None:
    async def scenario() -> None:
        async with bench() as b:
            probe = await b.connect()
            await probe.until(10)
            await probe.send(99, None)
            await probe.send(1, None)
            with pytest.raises(Closed):
                await probe.receive()

    asyncio.run(scenario())
