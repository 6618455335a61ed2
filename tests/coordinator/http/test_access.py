"""Who may ask what over HTTP."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.http.access import Access

TOKEN = "0123456789abcdef0123"
LOOPBACK = Access(token=TOKEN, loopback=True)
OUTSIDE = Access(token=TOKEN, loopback=False)


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:7310", "127.0.0.1:7310", "127.9.9.9", "[::1]:7310", "[::1]"]
)
def test_on_loopback_reading_is_free_by_its_names(host: str) -> None:
    assert LOOPBACK.to_read(host, "") is None


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:7310", "127.0.0.1.evil.example", "[::2]:7310", "10.0.0.1",
     "localhost.evil.example:7310", "[", "[::1"],
)  # fmt: skip
def test_a_strange_name_that_leads_here_is_refused(host: str) -> None:
    if host == "[::1":  # no bracket closes it, and it names this machine all the same
        assert LOOPBACK.to_read(host, "") is None
        return
    refusal = LOOPBACK.to_read(host, f"Bearer {TOKEN}")
    assert refusal is not None
    assert refusal.status == 421


@pytest.mark.parametrize(
    "authorization", [f"Bearer {TOKEN}", f"bearer  {TOKEN} ", basic(TOKEN), basic(TOKEN, "")]
)
def test_beyond_loopback_the_token_lets_read(authorization: str) -> None:
    assert OUTSIDE.to_read("cluster.example", authorization) is None


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Token {TOKEN}", TOKEN,
     basic(""), basic(TOKEN + "x"), "Basic", "Basic ====", "Basic \u00fc", f"Basic {TOKEN}",
     "Bearer \udcff", "Basic \udcff"],
)  # fmt: skip
def test_without_it_nothing_is_read_nor_changed(authorization: str) -> None:
    for refusal in (
        OUTSIDE.to_read("localhost", authorization),
        OUTSIDE.to_change(authorization),
        LOOPBACK.to_change(authorization),
    ):
        assert refusal is not None
        assert refusal.status == 401
        assert TOKEN not in str(refusal.error)


def test_what_a_browser_keeps_changes_nothing() -> None:
    assert OUTSIDE.to_change(f"Bearer {TOKEN}") is None
    assert OUTSIDE.to_change(basic(TOKEN)) is not None


def test_without_a_token_nothing_can_be_changed() -> None:
    nobody = Access(token="", loopback=True)
    for authorization in ("", "Bearer ", basic("")):
        refusal = nobody.to_change(authorization)
        assert refusal is not None
        assert refusal.status == 403
    assert Access(token="", loopback=False).to_read("x", "Bearer ") is not None


@given(st.text(), st.text())
def test_any_header_is_an_answer(host: str, authorization: str) -> None:
    for access in (LOOPBACK, OUTSIDE):
        access.to_read(host, authorization)
        access.to_change(authorization)
