"""GUILD_CREATE of the stream, cut to what a session sees, beside the sandbox's for that session."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.proxy.view.guild_object import cut_guild, with_member_count
from cluster.sandbox.world import World
from tests.cluster.sandbox.world.worlds import MakeWorld

ALL = int(ALL_INTENTS)


def unordered(data: bytes) -> dict[str, Any]:
    d: dict[str, Any] = json.loads(data)
    for name in ("members", "presences"):
        d[name] = sorted(d[name], key=lambda one: str(one["user"]["id"]))
    return d


@pytest.fixture
def lively(make_world: MakeWorld) -> World:
    """A world with people in voice and of every presence."""
    world = make_world(members_per_guild=60, mix={"PRESENCE_UPDATE": 1, "VOICE_STATE_UPDATE": 1})
    for _ in range(400):
        world.step()
    return world


@pytest.mark.parametrize("intents", [ALL, ALL & ~Intents.GUILD_PRESENCES, int(Intents.GUILDS)])
@pytest.mark.parametrize("threshold", [50, 60, 250])
def test_it_is_what_the_sandbox_shows(lively: World, intents: int, threshold: int) -> None:
    own_id = lively.bot_user["id"]
    cut = 0
    for guild_id in lively.guild_ids(0, 1):
        whole = lively.guild_create(guild_id, intents=ALL, large_threshold=250)
        found = cut_guild(whole, intents, threshold, own_id)
        wanted = lively.guild_create(guild_id, intents=intents, large_threshold=threshold)
        assert unordered(found) == unordered(wanted)
        assert (found is whole) == (unordered(found) == unordered(whole))
        cut += found is not whole
    assert bool(cut) == (intents != ALL or threshold == 50)


def test_a_very_large_guild_shows_the_bot_and_who_is_in_voice() -> None:
    people = [{"user": {"id": str(number)}} for number in range(5)]
    guild: dict[str, Any] = {
        "member_count": 75_001,
        "large": True,
        "members": people,
        "presences": people[1:],
        "voice_states": [{"user_id": "3"}],
    }
    found = json.loads(cut_guild(json.dumps(guild).encode(), ALL, 250, "0"))
    assert found["members"] == [people[0], people[3]]
    assert found["presences"] == [people[3]]


@pytest.mark.parametrize("data", [b"", b"{", b'{"member_count":"x"}', b'{"members":7}'])
def test_what_can_not_be_read_is_left_as_it_is(data: bytes) -> None:
    assert cut_guild(data, 1, 50, "1") is data


def test_a_member_count_is_set_back(world: World) -> None:
    guild_id = world.guild_ids(0, 1)[0]
    data = world.guild_create(guild_id, intents=ALL, large_threshold=50)
    assert with_member_count(data, 0) is data
    count = json.loads(data)["member_count"]
    assert json.loads(with_member_count(data, -3)) == json.loads(data) | {"member_count": count - 3}
    assert json.loads(with_member_count(data, -1000))["member_count"] == 0
