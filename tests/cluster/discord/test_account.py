"""Op 2 of a bot and of a user client, and what can't be one."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.account import IdentifyAccount, new_launch
from cluster.discord.browser import browser
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.errors import ConfigError

USER = IdentifyAccount.from_options(capabilities=53607934, client_build_number=369195)
LAUNCH = new_launch(bytes(range(16)))
MOD_BITS = (119, 108, 100, 91, 84, 75, 61, 55, 48, 38, 24, 11)


def test_a_bot_s_identify() -> None:
    d = IdentifyAccount.from_options(intents=513, large_threshold=50).identify(
        "t", browser(), LAUNCH, (1, 4)
    )
    assert (d["token"], d["intents"], d["shard"], d["large_threshold"]) == ("t", 513, [1, 4], 50)
    assert set(d["properties"]) == {"os", "browser", "device"}
    assert not {"capabilities", "client_state", "presence"} & set(d)


def test_a_user_client_s_identify_is_the_web_client_s() -> None:
    ours = browser()
    d = USER.identify("t", ours, LAUNCH, (0, 1))
    assert list(d) == [
        "token",
        "capabilities",
        "properties",
        "presence",
        "compress",
        "client_state",
    ]
    assert d["capabilities"] == 53607934
    assert d["presence"] == {"status": "unknown", "since": 0, "activities": [], "afk": False}
    properties = d["properties"]
    assert properties["client_build_number"] == 369195
    assert properties.items() >= ours.properties().items()
    assert properties["client_launch_id"] == LAUNCH
    assert len(json.dumps(d)) < MAX_SENT_BYTES // 2


def test_rest_and_gateway_say_the_same() -> None:
    ours = browser()
    rest = json.loads(base64.b64decode(USER.super_properties(ours, LAUNCH)))
    gateway = USER.identify("t", ours, LAUNCH, None)["properties"]
    assert gateway.items() - {"is_fast_connect": False}.items() == rest.items()


def test_what_a_user_may_choose() -> None:
    presence = {"status": "idle", "since": 0, "activities": [], "afk": True}
    account = IdentifyAccount.from_options(
        capabilities=1, client_build_number=1, presence=presence, large_threshold=60
    )
    d = account.identify("t", browser(), LAUNCH, None)
    assert (d["presence"], d["large_threshold"]) == (presence, 60)


@given(st.binary(min_size=16, max_size=16))
def test_the_ids_of_a_run_are_uuids_and_tell_of_no_modification(random: bytes) -> None:
    launch = new_launch(random)
    said = USER.properties(browser(), launch)
    assert uuid.UUID(launch).version == 4
    signature = uuid.UUID(said["launch_signature"]).int
    assert not any(signature >> bit & 1 for bit in MOD_BITS)
    assert len({launch, said["launch_signature"], said["client_heartbeat_session_id"]}) == 3
    assert said == USER.properties(browser(), launch), "the same in every process"


def test_a_bot_says_what_it_can_do_only_if_it_was_given_that() -> None:
    for able, said in ((None, None), (0, None), (1 << 15, 1 << 15)):
        account = IdentifyAccount.from_options(intents=1, capabilities=able)
        d = account.identify("t", browser(), new_launch(), (0, 1))
        assert (account.kind, d.get("capabilities")) == ("bot", said)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"intents": 1, "client_build_number": 1}, "intents and client_build_number are given"),
        ({}, "neither intents nor capabilities"),
        ({"client_build_number": 5}, "neither intents nor capabilities"),
        ({"capabilities": 1}, "client_build_number is not set"),
        ({"capabilities": 1, "client_build_number": -1}, "client_build_number is -1"),
        ({"intents": True}, "intents is True"),
        ({"intents": 1 << 53}, "intents is 9007199254740992"),
        ({"capabilities": "all", "client_build_number": 5}, "capabilities is 'all'"),
    ],
)
def test_what_is_refused_names_the_argument(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        IdentifyAccount.from_options(**given)
