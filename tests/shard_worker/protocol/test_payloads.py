"""Payloads, READY, URLs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.account import new_launch
from cluster.discord.browser import browser
from cluster.errors import ConfigError
from cluster.wire.link import ShardPlan, WorkerSpec, encode
from shard_worker.__main__ import read_spec
from shard_worker.protocol.payloads import (
    BadReadyError,
    gateway_url,
    heartbeat,
    identify,
    read_ready,
    resume,
    without_session,
)
from shard_worker.transport.curl_options import address_of

TOKEN = "secret.token"


def spec(**changes: Any) -> WorkerSpec:
    fields: dict[str, Any] = {
        "slot": 3,
        "cluster": "c",
        "boot_id": "b",
        "shards": [],
        "shard_count": 1,
        "token": TOKEN,
        "intents": 513,
        "gateway_url": "wss://gateway.discord.gg",
        "journal_dir": "j",
        "link_endpoint": "l",
        "hub_endpoint": "h",
    }
    fields["shard_count"] = 1
    return WorkerSpec(**(fields | changes))


def test_identify() -> None:
    payload = json.loads(identify(spec(), ShardPlan(shard_id=2, shard_count=8), TOKEN))
    assert payload["op"] == 2
    d = payload["d"]
    assert (d["token"], d["intents"], d["shard"]) == (TOKEN, 513, [2, 8])
    assert d["properties"]["browser"] == d["properties"]["device"] == "dcgw-cluster"
    assert d["properties"]["os"]
    assert "presence" not in d
    presence: dict[str, Any] = {"status": "idle", "activities": [], "since": None, "afk": False}
    shard = ShardPlan(shard_id=0, shard_count=1)
    payload = json.loads(identify(spec(presence=presence), shard, TOKEN))
    assert payload["d"]["presence"] == presence


def test_a_user_account_identifies_without_intents_and_shard() -> None:
    user = spec(
        kind="user", intents=0, capabilities=1021, client_build_number=9, launch=new_launch()
    )
    shard = ShardPlan(shard_id=0, shard_count=1)
    d = json.loads(identify(user, shard, "renewed"))["d"]
    assert (d["token"], d["capabilities"]) == ("renewed", 1021)
    assert d["properties"]["client_launch_id"] == user.launch
    assert d["properties"]["browser_user_agent"] == browser().user_agent
    assert not {"intents", "shard"} & set(d)


def test_a_spec_that_can_t_identify_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="client_build_number is not set"):
        read_spec(encode(spec(kind="user", capabilities=1)))
    read_spec(encode(spec(kind="user", capabilities=1, client_build_number=1)))


def test_a_user_account_s_sessions_are_told_without_ours() -> None:
    data = b'[{"session_id":"ours"},{"session_id":"other"}]'
    events = [("SESSIONS_REPLACE", 1, data), ("MESSAGE_CREATE", 2, b'{"content":"ours"}')]
    assert without_session(events, "ours") == [
        ("SESSIONS_REPLACE", 1, b'[{"session_id":""},{"session_id":"other"}]'),
        events[1],
    ]


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(spec())
    assert "secret" not in f"{[spec()]}"


def test_small_payloads() -> None:
    assert heartbeat(-1) == b'{"op":1,"d":null}'
    assert heartbeat(0) == b'{"op":1,"d":0}'
    assert json.loads(resume("t", "s", 7)) == {
        "op": 6,
        "d": {"token": "t", "session_id": "s", "seq": 7},
    }


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


def test_urls() -> None:
    assert gateway_url("wss://gateway.discord.gg", 10, "zlib-stream") == (
        "wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream"
    )
    assert gateway_url("ws://localhost:8080/proxy?x=1", 9, "") == (
        "ws://localhost:8080/proxy?v=9&encoding=json"
    )
    for bad in (
        *("ws://gateway.discord.gg", "http://localhost", "gateway.discord.gg", "wss://"),
        *("wss://h:99999", "wss://h:0", "wss://h:x", "wss://[::1", "wss://:443"),
    ):
        with pytest.raises(ConfigError):
            gateway_url(bad, 10, "")


@given(st.one_of(st.text(max_size=30), st.from_regex(r"wss?://[^/]{0,12}(:[0-9]{1,6})?/?")))
def test_a_server_s_url_is_usable_or_refused(url: str) -> None:
    """READY brings one: it must not end the worker, which would resume with it again."""
    try:
        made = gateway_url(url, 10, "")
    except ConfigError:
        return
    host, port = address_of(made)
    assert host
    assert 0 < port < 65_536
