"""READY: what is kept of it, and what others see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shard_worker.protocol.ready import BadReadyError, read_ready, without_session

values = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.just("sess:ion"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=12), values, max_size=5), st.booleans())
def test_ready_is_blanked_and_otherwise_the_same(more: dict[str, Any], user: bool) -> None:
    d = more | {"session_id": "sess:ion", "resume_gateway_url": "wss://r", "guilds": [{}, {}]}
    if user:
        d |= {"auth_token": "au.th", "sessions": [{"session_id": "sess:ion"}]}
        d |= {"analytics_token": "ana.lytics"}
    ready = read_ready(json.dumps(d).encode())
    assert (ready.session_id, ready.resume_url, ready.guilds) == ("sess:ion", "wss://r", 2)
    assert b"sess:ion" not in ready.blanked
    assert b"au.th" not in ready.blanked
    assert b"ana.lytics" not in ready.blanked
    assert ready.auth_token == ("au.th" if user else "")
    d["session_id"] = ""
    if user:
        d["auth_token"] = d["analytics_token"] = ""
    assert json.loads(ready.blanked) == json.loads(json.dumps(d).replace('"sess:ion"', '""'))


def test_ready_without_a_resume_url() -> None:
    assert read_ready(b'{"session_id":"s"}').resume_url == ""
    assert read_ready(b'{"session_id":"s","resume_gateway_url":null}').resume_url == ""


def test_ready_of_an_account_in_no_guild_and_of_one_with_half_a_surrogate_pair() -> None:
    assert read_ready(b'{"session_id":"s","guilds":null}').guilds == 0
    d = b'{"user":{"username":"a\\udc00"},"session_id":"s","guilds":[{}]}'
    found = read_ready(d)
    assert (found.session_id, found.guilds) == ("s", 1)
    assert found.blanked == b'{"user":{"username":"a\\ufffd"},"session_id":"","guilds":[{}]}'


@pytest.mark.parametrize(
    "d",
    [
        b"",
        b"null",
        b"{}",
        b'{"session_id":""}',
        b'{"session_id":1}',
        b'{"session_id":"s"',
        b'{"session_id":"s","guilds":5}',
        b'{"session_id":"' + b"s" * 1023 + b'"}',  # RESUME would not hold it
    ],
)
def test_a_ready_that_is_none(d: bytes) -> None:
    with pytest.raises(BadReadyError) as error:
        read_ready(d)
    assert "session_id" not in str(error.value)


def test_a_user_account_s_sessions_are_told_without_ours() -> None:
    data = b'[{"session_id":"ours"},{"session_id":"other"}]'
    assert without_session(data, "ours") == b'[{"session_id":""},{"session_id":"other"}]'
