"""What a session sees of single events, by its intents and its shard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.discord.event_intents import GUILD_INTENTS
from cluster.discord.event_names import EVENT_NAMES
from cluster.discord.intents import Intents
from cluster.proxy.entry import GAP
from cluster.proxy.interfaces import ANSWERS
from tests.cluster.proxy.view.events import OWN, a_view, entry


@pytest.mark.parametrize("name", ["RESUMED", "READY", GAP, "_anything", *sorted(ANSWERS)])
def test_what_is_none_of_a_clients_is_not_seen(name: str) -> None:
    assert a_view().see(entry(name, b'{"guilds":[]}')) is None


def test_an_event_that_nobody_knows_needs_no_intent() -> None:
    new = entry("SOMETHING_NEW", b'{"guild_id":"4194304"}', 1, 2)
    assert a_view(intents=0).see(new) == new.tail
    assert [a_view(shard_id=i, shard_count=3).see(new) is not None for i in range(3)] == [
        *(False, True, False)
    ]


def test_every_known_event_has_its_place() -> None:
    """Of the events that no list names, a bot hears whatever its intents are."""
    silent = a_view(intents=0)
    free = {name for name in EVENT_NAMES if silent.see(entry(name, b"{}")) is not None}
    named = {*GUILD_INTENTS, *ANSWERS, "READY", "RESUMED"}
    assert free == EVENT_NAMES - named


@pytest.mark.parametrize("own", [True, False])
def test_the_bots_own_member_needs_no_intent(own: bool) -> None:
    user = {"id": str(OWN) if own else "7", "username": str(OWN)}
    made = entry("GUILD_MEMBER_UPDATE", json.dumps({"guild_id": "1", "user": user}).encode())
    assert a_view(intents=0).see(made) == (made.tail if own else None)
    assert a_view(intents=int(Intents.GUILD_MEMBERS)).see(made) == made.tail


@pytest.mark.parametrize(
    ("d", "own"),
    [
        ({"added_members": [{"user_id": "7"}, {"user_id": str(OWN)}]}, True),
        ({"removed_member_ids": [str(OWN)]}, True),
        ({"removed_member_ids": ["7"], "id": str(OWN)}, False),
        ({"added_members": None, "removed_member_ids": None, "id": str(OWN)}, False),
        ({"added_members": 5, "id": str(OWN)}, False),
        ({}, False),
    ],
)
def test_who_is_in_a_thread_needs_the_members_intent(d: dict[str, Any], own: bool) -> None:
    made = entry("THREAD_MEMBERS_UPDATE", json.dumps(d | {"guild_id": "1"}).encode())
    assert a_view(intents=int(Intents.GUILDS)).see(made) == (made.tail if own else None)
    assert a_view(intents=0).see(made) is None
    assert a_view(intents=int(Intents.GUILD_MEMBERS)).see(made) == made.tail


def test_a_direct_message_has_its_content_and_a_guilds_has_not() -> None:
    both = int(Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES)
    direct = entry("MESSAGE_CREATE", b'{"content":"x","author":{"id":"7"}}')
    guild = entry("MESSAGE_CREATE", b'{"guild_id":"1","content":"x","author":{"id":"7"}}')
    assert a_view(intents=both).see(direct) == direct.tail
    redacted = b',"op":0,"d":{"guild_id":"1","content":"","author":{"id":"7"}}}'
    first, second = (a_view(intents=both).see(guild) for _ in range(2))
    assert first == redacted
    assert first is second  # worked out once
    assert a_view(intents=both | Intents.MESSAGE_CONTENT).see(guild) == guild.tail
    assert a_view(intents=int(Intents.GUILD_MESSAGES)).see(direct) is None
    assert a_view(intents=int(Intents.DIRECT_MESSAGES)).see(guild) is None
    forwarded = b'{"content":"","message_reference":{"guild_id":"1"}}'
    assert a_view(intents=int(Intents.DIRECT_MESSAGES)).see(entry("MESSAGE_CREATE", forwarded))


def test_shards_of_another_count_go_by_the_guild_and_of_the_same_by_the_shard() -> None:
    guild = 5 << 22
    made = entry("CHANNEL_CREATE", b'{"guild_id":"%d"}' % guild, 1, 4)
    for count in range(1, 9):
        seen = [i for i in range(count) if a_view(shard_id=i, shard_count=count).see(made)]
        assert seen == [5 % count]
    strange = entry("CHANNEL_CREATE", b"no JSON", 3, 4)
    assert a_view(shard_id=3, shard_count=4).see(strange) == strange.tail
    assert a_view(shard_id=0, shard_count=2).see(entry("CHANNEL_CREATE", b'{"guild_id":[]}', 1, 4))


@pytest.mark.parametrize("data", [b'{"guild_id":"x"}', b'{"guild_id":"%b"}' % (b"9" * 5000)])
def test_a_guild_id_that_is_none_is_taken_for_no_guild(data: bytes) -> None:
    assert a_view(shard_id=0, shard_count=3).see(entry("CHANNEL_CREATE", data, 1, 2))
