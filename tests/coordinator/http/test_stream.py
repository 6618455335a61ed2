"""The page's stream, and who may have it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from cluster.errors import NotRunningError
from coordinator.http import snapshots, stream
from tests.coordinator.http.serving import PlayedCoordinator, served
from tests.coordinator.http.statuses import status

TOKEN = "0123456789abcdef0123"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "EVERY_S", 0.02)
    monkeypatch.setattr(snapshots, "FRESH_S", 0.01)


async def next_event(content: aiohttp.StreamReader) -> tuple[str, Any]:
    """Return the name and the data of the next event; comments are passed over."""
    name = ""
    while True:
        line = (await content.readline()).decode().strip()
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return name, json.loads(line.removeprefix("data: "))


def test_a_picture_comes_first_then_changes() -> None:
    async def scenario() -> None:
        coordinator = PlayedCoordinator(status(events=1))
        async with (
            asyncio.timeout(30),
            served(coordinator) as url,
            aiohttp.ClientSession() as session,
            session.get(f"{url}/stream") as answer,
        ):
            assert answer.content_type == "text/event-stream"
            name, data = await next_event(answer.content)
            assert (name, data["events"], len(data["shards"])) == ("picture", 1, 2)
            coordinator.answer = status(events=2)
            while "events" not in data or data["events"] != 2:
                name, data = await next_event(answer.content)
                assert name == "change"
                assert "shards" not in data
            coordinator.answer = NotRunningError("nobody answers")
            while name != "away":
                name, data = await next_event(answer.content)
            assert "nobody answers" in data
            coordinator.answer = status(events=3)
            while name != "change":
                name, data = await next_event(answer.content)
            assert data["events"] == 3

    asyncio.run(scenario())


def test_who_comes_while_nobody_answers_gets_the_whole_once_somebody_does() -> None:
    async def scenario() -> None:
        coordinator = PlayedCoordinator()
        async with (
            asyncio.timeout(30),
            served(coordinator) as url,
            aiohttp.ClientSession() as session,
            session.get(f"{url}/stream") as early,
        ):
            assert (await next_event(early.content))[0] == "picture"
            coordinator.answer = NotRunningError("nobody answers")
            while (await next_event(early.content))[0] != "away":
                pass
            async with session.get(f"{url}/stream") as late:
                assert (await next_event(late.content))[0] == "away"
                coordinator.answer = status(events=3)
                name = "away"
                while name == "away":
                    name, data = await next_event(late.content)
                assert (name, data["events"]) == ("picture", 3)

    asyncio.run(scenario())


def test_beyond_loopback_the_page_is_free_and_what_it_shows_is_not() -> None:
    async def scenario() -> None:
        async with (
            served(token=TOKEN, loopback=False) as url,
            aiohttp.ClientSession() as session,
        ):
            for path in ("/", "/page/page.js", "/page/page.css"):
                async with session.get(url + path) as answer:
                    assert answer.status == 200
                    assert "Set-Cookie" not in answer.headers
            # A browser would ask people itself for what is Basic.
            for method, path, scheme in (
                ("GET", "/stream", "Bearer"),
                ("POST", "/restart", "Bearer"),
                ("GET", "/status", "Basic"),
                ("GET", "/metrics", "Basic"),
            ):
                async with session.request(method, url + path) as answer:
                    assert answer.status == 401
                    assert answer.headers["WWW-Authenticate"].split()[0] == scheme
            headers = {"Authorization": f"Bearer {TOKEN}"}
            async with session.get(f"{url}/stream", headers=headers) as answer:
                assert (await next_event(answer.content))[0] == "picture"

    asyncio.run(scenario())
