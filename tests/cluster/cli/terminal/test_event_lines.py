"""Events as lines for people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.cli.terminal.event_lines import line, summary
from cluster.sandbox.options import SandboxOptions
from cluster.sandbox.world import World

USER = {"id": "5", "username": "alice"}


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("MESSAGE_CREATE", {"author": USER, "content": "hello\nyou"}, "alice: hello you"),
        (
            "MESSAGE_CREATE",
            {"author": USER, "content": "", "embeds": [{}, {}]},
            "alice: (2 embeds)",
        ),
        ("MESSAGE_UPDATE", {"id": "1", "author": USER, "content": ""}, "alice: (no content)"),
        ("TYPING_START", {"user_id": "7", "channel_id": "9"}, "7 in channel 9"),
        (
            "TYPING_START",
            {"user_id": "5", "channel_id": "9", "member": {"user": USER}},
            "alice in channel 9",
        ),
        (
            "PRESENCE_UPDATE",
            {"user": {"id": "5"}, "status": "idle", "activities": [{"name": "chess"}]},
            "5 is idle, chess",
        ),
        (
            "MESSAGE_REACTION_ADD",
            {"user_id": "5", "message_id": "8", "emoji": {"name": "x"}},
            "5 x on message 8",
        ),
        ("GUILD_CREATE", {"name": "Home", "member_count": 40}, "Home, 40 members"),
        ("GUILD_CREATE", {"id": "1", "unavailable": True}, "unavailable"),
        ("GUILD_MEMBER_ADD", {"user": USER}, "alice"),
        ("GUILD_ROLE_CREATE", {"role": {"name": "mods"}}, "role mods"),
        ("CHANNEL_CREATE", {"id": "3", "name": "general"}, "general  id 3"),
        ("READY", {"user": USER, "guilds": [{}, {}]}, "as alice, 2 guilds"),
        ("SESSIONS_REPLACE", [{}, {}], "2 items"),
        ("SOMETHING_NEW", {}, ""),
    ],
)
def test_summaries(name: str, data: Any, text: str) -> None:
    assert summary(name, data) == text


def test_a_line() -> None:
    data = {"author": USER, "content": "hi", "guild_id": "197038439483310086"}
    words = line("MESSAGE_CREATE", 3, 1_700_000_000_123_000_000, data, None).plain.split()
    assert words[0].endswith(":20.123")
    assert words[1:] == ["3", "MESSAGE_CREATE", "197038439483310086", "alice:", "hi"]
    assert line("MESSAGE_CREATE", 3, 0, data, 40).cell_len == 40


@given(content=st.text())
def test_nobody_steers_the_terminal_by_what_he_writes(content: str) -> None:
    data = {"author": {"username": content}, "content": content, "guild_id": content}
    plain = line("MESSAGE_CREATE", 0, 0, data, None).plain
    assert all(character.isprintable() for character in plain)


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 3, 1.5, "x", [], [1], [{}], [[]], {}, {"user": 1}, {"name": []}, {"username": {}}]
)
KEYS = (
    "user",
    "member",
    "author",
    "content",
    "emoji",
    "activities",
    "role",
    "guilds",
    "name",
    "embeds",
)


@given(
    name=st.sampled_from(["MESSAGE_CREATE", "PRESENCE_UPDATE", "READY", "GUILD_ROLE_CREATE", "X"]),
    data=st.fixed_dictionaries(dict.fromkeys(KEYS, ODD)),
)
def test_a_server_of_its_own_mind_breaks_nothing(name: str, data: dict[str, Any]) -> None:
    assert isinstance(summary(name, data), str)


def test_every_event_of_the_sandbox_has_a_line() -> None:
    world = World(SandboxOptions(guilds=2), now=lambda: 1_700_000_000.0)
    for _ in range(500):
        event = world.step()
        data = json.loads(event.data)
        assert line(event.name, 0, 0, data, None).plain.split()[2] == event.name


def test_few_columns_are_left_to_what_matters() -> None:
    data = {"author": USER, "content": "hi", "guild_id": "197038439483310086"}
    assert line("MESSAGE_CREATE", 3, 0, data, 80).plain.split()[1:] == [
        "3",
        "MESSAGE_CREATE",
        "alice:",
        "hi",
    ]
