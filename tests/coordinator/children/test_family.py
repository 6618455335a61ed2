"""The processes beside the workers: in which order they begin."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from unittest import mock

import pytest

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig
from cluster.errors import ClusterError
from coordinator.children.family import REPLAY_WAIT_S, Children, start_http
from coordinator.children.http_server import HttpProcess
from coordinator.lifetime import Lifetime

WITHIN_S = 10.0


def played(name: str, did: list[str]) -> Any:
    """Return a child that notes what is done with it."""

    async def note(what: str) -> None:
        did.append(f"{name} {what}")

    child = mock.Mock()
    child.name = name
    child.start = lambda: note("starts")
    child.run = lambda: note("runs")
    child.close = lambda: note("closes")
    return child


def test_the_replay_server_starts_when_the_workers_have_greeted() -> None:
    async def scenario() -> None:
        did: list[str] = []
        asked, greeted = asyncio.Event(), asyncio.Event()

        async def workers_greeted(seconds: float) -> None:
            assert seconds == REPLAY_WAIT_S
            asked.set()
            await greeted.wait()

        replay, gate, http = (played(name, did) for name in ("replay", "gate", "HTTP"))
        ran = asyncio.Event()
        replay.run = mock.AsyncMock(side_effect=ran.set)
        lifetime = Lifetime()
        async with asyncio.timeout(WITHIN_S):
            await Children(replay, None, gate, http).begin(lifetime, workers_greeted)
            await asked.wait()
            assert not ran.is_set()
            assert did == ["gate starts", "gate runs", "HTTP runs"], "HTTP was started before"
            greeted.set()
            await ran.wait()
            await lifetime.close()

    asyncio.run(scenario())


def test_hubs_listen_before_others_connect_to_them() -> None:
    async def scenario() -> None:
        did: list[str] = []
        replay, gate, *hubs = (played(name, did) for name in ("replay", "gate", "hub 1", "hub 2"))
        replay.run = mock.AsyncMock()
        lifetime = Lifetime()
        async with asyncio.timeout(WITHIN_S):
            children = Children(replay, None, gate, None, hubs=tuple(hubs))
            await children.begin(lifetime, mock.AsyncMock())
            await lifetime.close()
        assert sorted(did[:2]) == ["hub 1 starts", "hub 2 starts"]
        assert did[2] == "gate starts"
        assert {"hub 1 closes", "hub 2 closes"} <= set(did)
        children.set_log_level("debug")
        hubs[1].set_log_level.assert_called_once_with("debug")

    asyncio.run(scenario())


def test_a_hub_that_can_not_start_leaves_no_other() -> None:
    async def scenario() -> None:
        did: list[str] = []
        replay, *hubs = (played(name, did) for name in ("replay", "hub 1", "hub 2"))
        hubs[1].start = mock.AsyncMock(side_effect=ClusterError("it can't listen"))
        lifetime = Lifetime()
        children = Children(replay, None, None, None, hubs=tuple(hubs))
        with pytest.raises(ClusterError, match="it can't listen"):
            await lifetime.begin(children.begin(lifetime, mock.AsyncMock()))
        assert "hub 1 closes" in did

    asyncio.run(scenario())


def spec(listen: str) -> CoordinatorSpec:
    return CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token="t", http=HttpConfig(listen=listen)
    )


def test_the_http_server_is_started_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    start, close = mock.AsyncMock(), mock.AsyncMock()
    monkeypatch.setattr(HttpProcess, "start", start)
    monkeypatch.setattr(HttpProcess, "close", close)

    async def scenario() -> None:
        async with AsyncExitStack() as parts:
            assert await start_http(spec(""), parts, lambda: 0.0) is None
            start.assert_not_awaited()
            assert await start_http(spec("127.0.0.1:1"), parts, lambda: 0.0) is not None
            start.assert_awaited_once()
            close.assert_not_awaited()
        close.assert_awaited_once()

    asyncio.run(scenario())
