"""The control server: what it tells, what it refuses, and whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cluster.sandbox import SandboxControl
from cluster.sandbox.http.control_client import SandboxRefusedError
from tests.cluster.sandbox.gateway_probe import bench


def test_state_tells_rate_sessions_and_limits() -> None:
    async def scenario() -> None:
        async with bench(rate=1000) as b:
            probe = await b.ready()
            while b.sandbox.state.ticker.generated < 1000:
                await probe.receive()
            state = await b.control.state()
            assert state["traffic"]["rate"] == 1000
            assert 500 < state["traffic"]["achieved"] < 1500
            assert state["traffic"]["lag_s"] < 0.6
            (session,) = state["sessions"]
            assert session["connected"] is True
            assert session["shard_count"] == 1
            assert state["identifies"] == {
                "admitted": 1,
                "early": 0,
                "earliest_s": 0.0,
                "unavoidable": 1,
            }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("method", "body", "names"),
    [
        ("/emit", {"name": "NO_SUCH_EVENT"}, "NO_SUCH_EVENT"),
        ("/emit", {"name": "MESSAGE_CREATE", "guild_id": "1"}, "guild_id"),
        ("/emit", {"name": "MESSAGE_CREATE", "count": 0}, "count"),
        ("/emit", {"name": "MESSAGE_CREATE", "shard": 9}, "shard"),
        ("/emit", {"nam": "MESSAGE_CREATE"}, "nam"),
        ("/emit", [], "body"),
        ("/access", {"guild_id": "1", "bot_roles": []}, "guild_id"),
        ("/access", {"guild_id": "1", "role": "1"}, "role"),
        ("/access", [], "body"),
        ("/traffic", {"rate": -1}, "rate"),
        ("/traffic", {"mix": {"NO_SUCH_EVENT": 1}}, "mix"),
        ("/traffic", {"mix": {"MESSAGE_CREATE": "x"}}, "mix"),
    ],
)
def test_bad_control_requests_name_the_field(method: str, body: Any, names: str) -> None:
    async def scenario() -> None:
        async with bench() as b:
            with pytest.raises(SandboxRefusedError, match=names):
                await b.control._ask("POST", method, body)

    asyncio.run(scenario())


def test_a_body_that_is_nested_too_deep() -> None:
    async def scenario() -> None:
        async with bench() as b:
            headers = {"Authorization": f"Bearer {b.sandbox.info.control_token}"}
            url, body = b.sandbox.info.control_url + "/emit", b"[" * 5000 + b"]" * 5000
            async with b.http.post(url, headers=headers, data=body) as response:
                assert response.status == 400
                assert (await response.json())["error"].startswith("body")

    asyncio.run(scenario())


def test_the_control_server_has_its_own_token() -> None:
    async def scenario() -> None:
        async with bench() as b:
            for token in ("", b.token):
                async with SandboxControl(b.sandbox.info.control_url, token) as stranger:
                    with pytest.raises(SandboxRefusedError, match="Authorization"):
                        await stranger.state()

    asyncio.run(scenario())
