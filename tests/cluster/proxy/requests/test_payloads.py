"""Payloads: what is passed on is what the client asked for, and never what Discord can't decode."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.discord.opcodes import Op
from cluster.proxy.refusal import Refused
from cluster.proxy.requests import payloads

EVERYTHING = int(ALL_INTENTS)


def sent(payload: bytes) -> Any:
    return msgspec.json.decode(payload)["d"]


@pytest.mark.parametrize(
    ("op", "d", "code"),
    [
        (0, None, 4001),
        (7, None, 4001),
        (12, None, 4001),
        (99, {}, 4001),
        (3, None, 4002),
        (3, [], 4002),
        (3, {"status": "sleepy"}, 4002),
        (3, {"activities": [{"type": 0}]}, 4002),
        (3, {"since": "now"}, 4002),
        (4, None, 4002),
        (4, {"guild_id": "one", "channel_id": None}, 4002),
        (4, {"guild_id": "1", "channel_id": "general"}, 4002),
        (4, {"guild_id": "1", "channel_id": None, "self_mute": "no"}, 4002),
        (8, [], 4002),
        (8, {"guild_id": ["1", "2"], "query": "", "limit": 0}, 4002),
        (8, {"guild_id": "1"}, 4002),
        (31, {}, 4002),
        (31, {"guild_ids": ["x"]}, 4002),
        (43, {"guild_id": "1"}, 4002),
        (14, {"guild_id": "1"}, 4001),
        (36, {"guild_id": "1"}, 4001),
    ],
)
def test_what_is_none_is_refused(op: int, d: Any, code: int) -> None:
    with pytest.raises(Refused) as refused:
        payloads.check_form(op, d)
    assert refused.value.code == code


def test_a_presence_is_passed_on_whole() -> None:
    activity = {"name": "chess", "type": 3, "state": "of 960", "emoji": {"name": "x", "id": 5}}
    d = {"since": None, "activities": [activity], "status": "dnd", "afk": True}
    payloads.check_form(3, d)
    made = payloads.presence(d)
    command = payloads.presence_command(made)
    assert command.op == Op.PRESENCE_UPDATE
    assert sent(command.payload) == d | {
        "activities": [activity | {"emoji": {"name": "x", "id": "5"}}]
    }
    assert sent(payloads.presence_command(payloads.presence({})).payload) == {
        "since": None,
        "activities": [],
        "status": "online",
        "afk": False,
    }


def test_a_presence_is_read_as_discord_reads_it() -> None:
    serenity = {
        "since": {"secs_since_epoch": 5, "nanos_since_epoch": 6}, "status": "idle", "afk": False,
        "activities": [{"name": "chess", "type": 0}],
    }  # fmt: skip
    discordgo = {
        "since": 0, "status": "", "afk": False,
        "activities": [
            {"name": "chess", "type": 0, "emoji": {"id": "", "name": ""}},
            {"name": "go", "type": 0, "emoji": {"id": "", "name": "x", "animated": False}},
            {"name": "tag", "type": 0, "emoji": {"id": "5", "name": "x"}},
        ],
    }  # fmt: skip
    for said in (serenity, discordgo):
        payloads.check_form(Op.PRESENCE_UPDATE, said)
    made = msgspec.json.decode(payloads.presence(serenity))
    assert (made["since"], made["activities"]) == (None, [{"name": "chess", "type": 0}])
    made = msgspec.json.decode(payloads.presence(discordgo))
    assert made["status"] == "online"
    assert [one.get("emoji") for one in made["activities"]] == [
        *(None, {"name": "x"}, {"id": "5", "name": "x"})
    ]
    wrong: tuple[Any, ...] = (None, [], {"activities": 5}, {"activities": [5]}, {"status": "no"})
    for d in wrong:
        with pytest.raises(Refused):
            payloads.check_form(Op.PRESENCE_UPDATE, d)


def test_a_presence_that_grows_too_large_is_refused() -> None:
    d = {"activities": [{"name": "x"}] * 250}  # without its "type" the client's is small enough
    assert len(msgspec.json.encode({"op": 3, "d": d})) < 4096
    payloads.check_form(3, d)
    with pytest.raises(Refused) as refused:
        payloads.presence(d)
    assert refused.value.code == 4002


def test_voice() -> None:
    joins = payloads.voice({"guild_id": 1, "channel_id": "2", "self_deaf": True})
    assert joins is not None
    assert (joins.guild_id, joins.channel_id) == (1, 2)
    assert sent(joins.command.payload) == {
        "guild_id": "1",
        "channel_id": "2",
        "self_mute": False,
        "self_deaf": True,
    }
    leaves = payloads.voice({"guild_id": "1", "channel_id": None})
    assert leaves is not None
    assert leaves.channel_id is None
    assert sent(payloads.leave(1).payload) == sent(leaves.command.payload)
    assert payloads.voice({"guild_id": None, "channel_id": "2"}) is None
    with pytest.raises(Refused):
        payloads.voice({"guild_id": 0, "channel_id": None})


MEMBERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"query": ""}, {"query": "", "limit": 0}),
    (
        {"query": "ab", "limit": 5, "presences": True},
        {"query": "ab", "limit": 5, "presences": True},
    ),
    ({"user_ids": "7"}, {"user_ids": ["7"]}),
    ({"user_ids": [7, "8"], "query": "x"}, {"user_ids": ["7", "8"]}),
    ({"user_ids": list(range(200))}, {"user_ids": [str(n) for n in range(100)]}),
    ({"query": "", "limit": 0, "presences": "yes"}, {"query": "", "limit": 0}),
]


@pytest.mark.parametrize(("asked", "passed"), MEMBERS)
def test_members(asked: dict[str, Any], passed: dict[str, Any]) -> None:
    d = asked | {"guild_id": [5], "nonce": 17}
    payloads.check_form(8, d)
    request = payloads.members(d, EVERYTHING)
    assert (request.guild_id, request.nonce) == (5, "17")
    command = payloads.members_command(request, "of the proxy")
    assert sent(command.payload) == passed | {"guild_id": "5", "nonce": "of the proxy"}


def test_members_by_intents() -> None:
    everybody = {"guild_id": "5", "query": "", "limit": 0, "presences": True}
    with pytest.raises(Refused) as refused:
        payloads.members(everybody, EVERYTHING & ~Intents.GUILD_MEMBERS)
    assert refused.value.code == 4014
    some = everybody | {"limit": 3}
    assert payloads.members(some, int(Intents.GUILD_PRESENCES)).fields["presences"] is True
    assert "presences" not in payloads.members(some, 0).fields


@pytest.mark.parametrize("wrong", [{"user_ids": ["me"]}, {"query": "", "limit": 1 << 40}])
def test_what_might_close_a_session_of_the_cluster_closes_the_client(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(Refused) as refused:
        payloads.members({"guild_id": "5"} | wrong, EVERYTHING)
    assert refused.value.code == 4002


def test_sounds_and_channel_info() -> None:
    assert payloads.sounds_asked({"guild_ids": ["3", 2, "3"]}) == [3, 2]
    assert sent(payloads.sounds_command([3, 2]).payload) == {"guild_ids": ["3", "2"]}
    guild_id, command = payloads.channel_info({"guild_id": "9", "fields": ["status", "secret"]})
    assert guild_id == 9
    assert sent(command.payload) == {"guild_id": "9", "fields": ["status"]}


NAMES = [
    "activities",
    "afk",
    "channel_id",
    "fields",
    "guild_id",
    "guild_ids",
    "limit",
    "name",
    "nonce",
    "presences",
    "query",
    "self_mute",
    "since",
    "status",
    "type",
    "user_ids",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 1 << 70) | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=8,
)


@given(st.sampled_from([3, 4, 8, 31, 43]), JSON)
def test_whatever_a_client_sends_is_passed_on_or_refused(op: int, d: Any) -> None:
    made: object
    try:
        payloads.check_form(op, d)
        if op == Op.PRESENCE_UPDATE:
            made = payloads.presence_command(payloads.presence(d))
        elif op == Op.VOICE_STATE_UPDATE:
            made = payloads.voice(d) or d.get("guild_id") is None
        elif op == Op.REQUEST_GUILD_MEMBERS:
            made = payloads.members_command(payloads.members(d, EVERYTHING), "n")
        elif op == Op.REQUEST_SOUNDBOARD_SOUNDS:
            made = payloads.sounds_command(payloads.sounds_asked(d))
        else:
            made = payloads.channel_info(d)
    except Refused as refused:
        made = refused.code == 4002
    assert made
