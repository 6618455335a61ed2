"""Payloads of IDENTIFY, RESUME and heartbeats."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.config.worker_spec import WorkerSpec, encode_spec
from cluster.discord.account import new_launch
from cluster.discord.browser import browser
from cluster.errors import ConfigError
from cluster.wire.link import ShardPlan
from shard_worker.__main__ import read_spec
from shard_worker.protocol.payloads import heartbeat, identify, resume

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
        read_spec(encode_spec(spec(kind="user", capabilities=1)))
    read_spec(encode_spec(spec(kind="user", capabilities=1, client_build_number=1)))


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
