"""Which intents let an event through, and what a session without MESSAGE_CONTENT sees."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster.discord.event_intents import DIRECT_INTENTS, GUILD_INTENTS
from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.sandbox.catalogue import catalogue
from cluster.sandbox.world import World, intents_of

NEEDS_NONE = [
    "READY",
    "RESUMED",
    "RATE_LIMITED",
    "INTERACTION_CREATE",
    "USER_UPDATE",
    "ENTITLEMENT_CREATE",
    "SUBSCRIPTION_UPDATE",
    "VOICE_SERVER_UPDATE",
    "APPLICATION_COMMAND_PERMISSIONS_UPDATE",
    "GUILD_MEMBERS_CHUNK",
    "SOUNDBOARD_SOUNDS",
    "CHANNEL_INFO",
]


def test_every_name_in_the_table_is_an_event() -> None:
    assert {*GUILD_INTENTS, *DIRECT_INTENTS} <= set(catalogue().events)


def test_every_intent_but_the_content_lets_something_through() -> None:
    used = 0
    for mask in (*GUILD_INTENTS.values(), *DIRECT_INTENTS.values()):
        used |= mask
    assert used == int(ALL_INTENTS & ~Intents.MESSAGE_CONTENT)


def test_official_events_without_an_intent_are_these() -> None:
    official = {name for name, event in catalogue().events.items() if event.official}
    free = {name for name in official if not intents_of(name, 1)}
    also = {
        f"{kind}_{what}"
        for kind in ("ENTITLEMENT", "SUBSCRIPTION")
        for what in ["CREATE", "UPDATE", "DELETE"]
    }
    assert free == {*NEEDS_NONE, *also}


@pytest.mark.parametrize(
    ("name", "guild", "direct"),
    [
        ("MESSAGE_CREATE", Intents.GUILD_MESSAGES, Intents.DIRECT_MESSAGES),
        ("MESSAGE_REACTION_ADD", Intents.GUILD_MESSAGE_REACTIONS, Intents.DIRECT_MESSAGE_REACTIONS),
        ("TYPING_START", Intents.GUILD_MESSAGE_TYPING, Intents.DIRECT_MESSAGE_TYPING),
        ("MESSAGE_POLL_VOTE_ADD", Intents.GUILD_MESSAGE_POLLS, Intents.DIRECT_MESSAGE_POLLS),
        ("CHANNEL_PINS_UPDATE", Intents.GUILDS, Intents.DIRECT_MESSAGES),
        ("THREAD_MEMBERS_UPDATE", Intents.GUILDS | Intents.GUILD_MEMBERS, 0),
    ],
)
def test_guild_and_direct_events_need_different_intents(
    name: str, guild: Intents, direct: Intents
) -> None:
    assert intents_of(name, 1) == int(guild)
    assert intents_of(name, None) == int(direct)


@pytest.mark.parametrize("name", sorted({*GUILD_INTENTS}))
def test_an_event_that_is_sent_carries_its_mask(world: World, name: str) -> None:
    for event in world.emit(name):
        if event.name != "THREAD_MEMBERS_UPDATE":
            assert event.intents == intents_of(event.name, event.guild_id), event


def test_thread_members_need_the_members_intent_unless_it_is_about_the_bot(world: World) -> None:
    events = [e for _ in range(30) for e in world.emit("THREAD_MEMBERS_UPDATE")]
    events += world.emit("THREAD_MEMBER_UPDATE")
    own = world.bot_user["id"]
    seen = set()
    for event in events:
        if event.name != "THREAD_MEMBERS_UPDATE":
            continue
        d = json.loads(event.data)
        about_bot = own in [*d["removed_member_ids"], *(m["user_id"] for m in d["added_members"])]
        seen.add(about_bot)
        assert bool(event.intents & Intents.GUILDS) == about_bot
        assert event.intents & Intents.GUILD_MEMBERS
    assert seen == {True, False}


def test_content_is_redacted_unless_it_concerns_the_bot(make_world: Any) -> None:
    world = make_world(mix={"MESSAGE_CREATE": 1.0})
    own = world.bot_user["id"]
    open_, closed, hidden = 0, 0, ("content", "embeds", "attachments", "components")
    for _ in range(12_000):
        event = world.step()
        if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            assert event.redacted is None
            continue
        d = json.loads(event.data)
        concerns = d["author"]["id"] == own or own in [user["id"] for user in d["mentions"]]
        if event.guild_id is None or concerns:
            assert event.redacted is None
            open_ += 1
            continue
        assert event.redacted is not None
        shown = json.loads(event.redacted)
        assert [shown[field] for field in hidden] == ["", [], [], []]
        assert "poll" not in shown
        assert "referenced_message" not in shown
        rest = {k: v for k, v in d.items() if k not in (*hidden, "poll", "referenced_message")}
        assert rest.items() <= shown.items()
        closed += 1
    assert open_ > 50
    assert closed > 5_000


def test_what_auto_moderation_caught_is_content(world: World) -> None:
    event = [*world.emit("AUTO_MODERATION_ACTION_EXECUTION")][-1]
    assert event.redacted is not None
    assert json.loads(event.data)["content"]
    assert not json.loads(event.redacted)["content"]
