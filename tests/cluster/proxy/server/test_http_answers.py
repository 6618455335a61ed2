"""Where the gateway is, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.proxy.server.http_answers import answer, gateway_url

URL = "ws://127.0.0.1:7320"


def asked(path: str, *, is_authorized: bool = False) -> tuple[int, dict[str, Any]]:
    found = answer(path, URL, 8, is_authorized=is_authorized)
    return found.status, json.loads(found.body)


@pytest.mark.parametrize("base", ["/api/v10", "/api/v9", "/api", "", "/v10"])
def test_the_gateway_is_here(base: str) -> None:
    assert asked(f"{base}/gateway") == (200, {"url": URL})
    assert asked(f"{base}/gateway?encoding=json") == (200, {"url": URL})
    status, bot = asked(f"{base}/gateway/bot", is_authorized=True)
    assert (status, bot["url"], bot["shards"]) == (200, URL, 8)
    limit = bot["session_start_limit"]
    assert set(limit) == {"total", "remaining", "reset_after", "max_concurrency"}
    assert limit["remaining"] == limit["total"] >= 1000
    assert limit["max_concurrency"] >= 16


def test_what_a_bot_is_told_needs_a_credential() -> None:
    assert asked("/api/v10/gateway/bot") == (401, {"message": "401: Unauthorized", "code": 0})


@pytest.mark.parametrize(
    "path", ["/", "", "/api/v10/users/@me", "/api/vx/gateway", "/gateways", "/api/v10/gateway/bots"]
)
def test_the_rest_is_at_discord(path: str) -> None:
    status, body = asked(path, is_authorized=True)
    assert (status, body["code"]) == (404, 0)
    assert "https://discord.com/api" in body["message"]


@given(st.text())
def test_any_path_has_an_answer(path: str) -> None:
    assert asked(path)[0] in (200, 401, 404)


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:7320", "[::1]:7320", "bots.example", "my_host:1"]
)
def test_a_client_is_told_the_host_by_which_it_came(host: str) -> None:
    assert gateway_url(host, tls=False) == f"ws://{host}"
    assert gateway_url(host, tls=True) == f"wss://{host}"


@pytest.mark.parametrize("host", ["", "a b", "a/b", "a@b", "host:port", 'a"b', "a\n", "::1", "é"])
def test_no_other_text_is_told(host: str) -> None:
    assert gateway_url(host, tls=False) == ""
