"""Whatever an event holds, no session's view breaks on it: that would end all sessions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.discord.event_names import EVENT_NAMES
from cluster.discord.intents import ALL_INTENTS, Intents
from cluster.proxy.view.known_guilds import KnownGuilds
from tests.cluster.proxy.view.events import OWN, a_view, entry

VIEWS: tuple[dict[str, Any], ...] = (
    {},
    {"intents": int(Intents.GUILDS)},
    {"intents": int(ALL_INTENTS & ~Intents.MESSAGE_CONTENT & ~Intents.GUILD_MEMBERS)},
    {"intents": int(Intents.GUILDS | Intents.DIRECT_MESSAGES), "shard_id": 1, "shard_count": 3},
)
FIELDS = (
    *("id", "guild_id", "unavailable", "guilds", "members", "presences", "voice_states", "user"),
    *("member_count", "large", "author", "mentions", "content", "poll", "referenced_message"),
    *("message_snapshots", "message", "added_members", "removed_member_ids", "user_id", "shard"),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.sampled_from([str(OWN), "5", "-5", str(2**64), "9" * 5000, "", "\ud800", "x"]),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
    ),
    max_leaves=12,
)
texts = st.one_of(
    st.dictionaries(st.sampled_from(FIELDS), values).map(lambda d: json.dumps(d).encode()),
    values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
    st.sampled_from([b"[" * 5000, b'{"a":' * 5000, b'{"id":"' + b"9" * 70 + b'"}']),
)


@given(st.sampled_from(sorted(EVENT_NAMES)), texts)
def test_any_event(name: str, data: bytes) -> None:
    shared = entry(name, data, 0, 2)
    for changes in VIEWS:
        view = a_view(KnownGuilds(OWN, [5]), **changes)
        tail = view.see(shared)
        if tail == b"":
            assert view.made_up(shared)
        elif tail is not None:
            assert tail.startswith(b',"op":0,"d":')
        KnownGuilds.of(view.state)


@pytest.mark.parametrize("name", ["GUILD_CREATE", "GUILD_DELETE"])
@pytest.mark.parametrize("guild_id", [-1, 2**64, 2**63 + 1, 0])
def test_a_guild_of_any_number(name: str, guild_id: int) -> None:
    for data in (b'{"id":"%d"}' % guild_id, b'{"id":%d}' % guild_id):
        view = a_view()
        view.see(entry(name, data))
        assert (guild_id in KnownGuilds.of(view.state)) == (
            name == "GUILD_CREATE" and 0 <= guild_id < 2**64
        )
