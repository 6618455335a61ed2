"""The HTTP server's spec, its URL, and its end."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiohttp import ClientSession

from cluster.config.coordinator_spec import CoordinatorSpec
from cluster.config.keys import HttpConfig
from coordinator.children.http_server import http_spec
from coordinator.http import server
from coordinator.http.server import HttpSpec
from tests.coordinator.http.serving import served

TOKEN = "0123456789abcdef0123"
WITHIN_S = 20.0


def spec_of(http: HttpConfig, port: int | None = None) -> HttpSpec:
    spec = CoordinatorSpec(
        name="t", state_dir="/s", runtime_dir="/r", token="t", http=http, http_token=TOKEN
    )
    return msgspec.json.decode(http_spec(spec, port), type=HttpSpec)


def test_what_it_is_told() -> None:
    spec = spec_of(HttpConfig())
    assert (spec.host, spec.port, spec.or_next, spec.loopback) == ("127.0.0.1", 7310, True, True)
    assert spec.token == TOKEN
    assert TOKEN not in repr(spec)
    spec = spec_of(HttpConfig(listen="[::]:80", ready_shards=3))
    assert (spec.host, spec.port, spec.or_next, spec.loopback) == ("::", 80, False, False)
    assert spec.ready_shards == 3


def test_one_that_is_started_again_listens_where_it_did() -> None:
    spec = spec_of(HttpConfig(), port=7312)
    assert (spec.port, spec.or_next) == (7312, True)


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
