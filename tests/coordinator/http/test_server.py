"""The HTTP server's spec, its URL, and its end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest
from aiohttp import ClientSession

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig
from cluster.wire.start_outcome import StartOutcome
from coordinator.children.http_server import HttpProcess, http_spec
from coordinator.http import metrics, server
from coordinator.http.server import HttpSpec
from tests.coordinator.http.serving import served

TOKEN = "0123456789abcdef0123"
WITHIN_S = 20.0


def cluster_spec(http: HttpConfig) -> CoordinatorSpec:
    return CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token="t", http=http, http_token=TOKEN
    )


def spec_of(http: HttpConfig) -> HttpSpec:
    return msgspec.json.decode(http_spec(cluster_spec(http)), type=HttpSpec)


def test_what_it_is_told() -> None:
    spec = spec_of(HttpConfig())
    assert (spec.host, spec.port, spec.or_next, spec.loopback) == ("127.0.0.1", 7310, True, True)
    assert spec.token == TOKEN
    assert TOKEN not in repr(spec)
    spec = spec_of(HttpConfig(listen="127.0.0.1:7310"))
    assert (spec.port, spec.or_next) == (7310, False), "who gives a port means that one"
    spec = spec_of(HttpConfig(listen="[::]:80", ready_shards=3))
    assert (spec.host, spec.port, spec.or_next, spec.loopback) == ("::", 80, False, False)
    assert spec.ready_shards == 3


def test_one_that_is_started_again_listens_where_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[HttpSpec] = []

    async def start(name: str, module: str, spec: bytes, log: Path) -> tuple[Any, StartOutcome]:
        told.append(msgspec.json.decode(spec, type=HttpSpec))
        return mock.Mock(), StartOutcome(ready=True, listens="http://127.0.0.1:7312/")

    monkeypatch.setattr("coordinator.children.http_server.start_child", start)

    async def scenario() -> None:
        process = HttpProcess(cluster_spec(HttpConfig()), time.monotonic, 1.0)
        assert process.url == ""
        await process._start_one()
        assert process.url == "http://127.0.0.1:7312/"
        await process._start_one()

    asyncio.run(scenario())
    assert [(spec.port, spec.or_next) for spec in told] == [(7310, True), (7312, True)]


def test_metrics_are_made_once_for_all_who_ask_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    render = mock.Mock(side_effect=metrics.render)
    monkeypatch.setattr(metrics, "render", render)

    async def scenario() -> None:
        async with served() as url, ClientSession() as http:
            for number in range(8):
                text = await http.get(url + "/metrics", headers={"Accept": f"x/{number}"})
                assert text.headers["Content-Type"].startswith("text/plain")
                accept = {"Accept": f"Application/openmetrics-text; version=1.{number}.x\udcf7;q=1"}
                other = await http.get(url + "/metrics", headers=accept)
                assert other.headers["Content-Type"].startswith("application/openmetrics-text")
                assert (await other.text()).endswith("# EOF\n")

    asyncio.run(scenario())
    statuses = {id(call.args[0]) for call in render.mock_calls}
    assert render.call_count == 2 * len(statuses)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1/"),
        ("0.0.0.0", "http://127.0.0.1:1/"),
        ("::", "http://[::1]:1/"),
        ("::1", "http://[::1]:1/"),
        ("10.1.2.3", "http://10.1.2.3:1/"),
    ],
)
def test_a_browser_on_this_host_finds_it(host: str, url: str) -> None:
    assert server._url(host, 1) == url


def test_an_open_page_does_not_delay_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SHUTDOWN_S", 10 * WITHIN_S)

    async def scenario() -> None:
        async with ClientSession() as http, asyncio.timeout(WITHIN_S):
            async with served() as url:
                page = await http.get(url + "/stream")
                await page.content.readuntil(b"picture")
            assert (await page.content.read()).endswith(b"\n\n")  # and it was told no half event

    asyncio.run(scenario())


def test_an_error_of_ours_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> str:
        raise ValueError("a secret detail")

    monkeypatch.setattr("coordinator.http.routes.not_ready", fails)

    async def scenario() -> None:
        async with served() as url, ClientSession() as http:
            for _ in range(3):
                answer = await http.get(url + "/readyz")
                assert answer.status == 500
                assert (await answer.json())["error"]["action"] == "see http.log"

    asyncio.run(scenario())
    assert [record.message for record in caplog.records] == [
        "a request failed (1 times so far)", "a request failed (2 times so far)",
    ]  # fmt: skip
    assert "a secret detail" in caplog.text
