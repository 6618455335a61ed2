"""What a member may do and view: the documentation's algorithm, for any roles and overwrites."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.sandbox.world.objects import channels as objects
from cluster.sandbox.world.permissions import (
    ADMINISTRATOR,
    ALL_PERMISSIONS,
    VIEW_CHANNEL,
    Viewer,
    channel_permissions,
    guild_permissions,
    hidden_channels,
)

Json = dict[str, Any]

GUILD, USER, STRANGER = "1", "50", "51"
ROLES = ("2", "3", "4")
SEND = 1 << 11

bits = st.sampled_from([0, VIEW_CHANNEL, SEND, VIEW_CHANNEL | SEND])
role_bits = st.one_of(bits, st.just(ADMINISTRATOR))
overwrites = st.lists(
    st.builds(
        lambda target, allow, deny: objects.overwrite(
            int(target), int(target in (USER, STRANGER)), allow=allow, deny=deny
        ),
        st.sampled_from([GUILD, *ROLES, USER, STRANGER]),
        bits,
        bits,
    ),
    max_size=5,
    unique_by=lambda one: one["id"],
)
roles = st.fixed_dictionaries(dict.fromkeys((GUILD, *ROLES), role_bits))
viewers = st.builds(
    Viewer,
    user_id=st.just(USER),
    guild_id=st.just(GUILD),
    roles=st.sets(st.sampled_from(ROLES)),
    owns_guild=st.sampled_from([False, False, False, True]),
    voice_channel_id=st.sampled_from([None, "100", "102"]),
)
channels = st.lists(
    st.tuples(
        st.sampled_from([objects.TEXT, objects.VOICE]),
        st.sampled_from([None, 200, 201]),
        overwrites,
    ),
    max_size=6,
)


def made(role_bits: dict[str, int]) -> list[Json]:
    return [{"id": role, "permissions": str(value)} for role, value in role_bits.items()]


def by_the_book(viewer: Viewer, role_bits: dict[str, int], channel: list[Json]) -> int:
    """The pseudocode of "Topics / Permissions", step by step."""
    if viewer.owns_guild:
        return ALL_PERMISSIONS
    permissions = role_bits[viewer.guild_id]
    for role in viewer.roles:
        permissions |= role_bits[role]
    if permissions & ADMINISTRATOR:
        return ALL_PERMISSIONS
    by_id = {one["id"]: one for one in channel}
    if (everyone := by_id.get(viewer.guild_id)) is not None:
        permissions &= ~int(everyone["deny"])
        permissions |= int(everyone["allow"])
    allow = deny = 0
    for role in viewer.roles:
        if (one := by_id.get(role)) is not None:
            allow |= int(one["allow"])
            deny |= int(one["deny"])
    permissions = permissions & ~deny | allow
    if (own := by_id.get(viewer.user_id)) is not None:
        permissions = permissions & ~int(own["deny"]) | int(own["allow"])
    return permissions


@given(viewers, roles, overwrites)
def test_permissions_in_a_channel(
    viewer: Viewer, role_bits: dict[str, int], channel: list[Json]
) -> None:
    base = guild_permissions(viewer, made(role_bits))
    assert channel_permissions(viewer, base, channel) == by_the_book(viewer, role_bits, channel)
    assert base == by_the_book(viewer, role_bits, [])


@given(viewers, roles, channels, st.tuples(overwrites, overwrites))
def test_what_is_hidden(
    viewer: Viewer,
    role_bits: dict[str, int],
    wanted: list[tuple[int, int | None, list[Json]]],
    of_categories: tuple[list[Json], list[Json]],
) -> None:
    """A channel without VIEW_CHANNEL that the member is not connected to; a category, if so is all
    that is in it."""
    guild = {
        200 + number: objects.channel(
            objects.CATEGORY, 200 + number, int(GUILD), "c", position=0, parent_id=None,
            overwrites=one,
        )
        for number, one in enumerate(of_categories)
    }  # fmt: skip
    for number, (kind, parent, one) in enumerate(wanted):
        guild[100 + number] = objects.channel(
            kind, 100 + number, int(GUILD), "c", position=1, parent_id=parent, overwrites=one
        )
    hidden = hidden_channels(viewer, made(role_bits), guild)

    def views(channel: Json) -> bool:
        return (
            bool(by_the_book(viewer, role_bits, channel["permission_overwrites"]) & VIEW_CHANNEL)
            or channel["id"] == viewer.voice_channel_id
        )

    for channel_id, channel in guild.items():
        inside = [c for c in guild.values() if c["parent_id"] == str(channel_id)]
        assert (channel_id not in hidden) == any(map(views, [channel, *inside]))
    if viewer.owns_guild or ADMINISTRATOR in [role_bits[r] for r in (GUILD, *viewer.roles)]:
        assert hidden == frozenset()


@given(
    st.sampled_from([0, 2, 4, 5, 13, 15]),
    st.integers(0, 1000),
    st.one_of(st.none(), st.integers(1, 1 << 63)),
    overwrites,
)
def test_an_obfuscated_channel_says_where_it_is_and_nothing_else(
    kind: int, position: int, parent: int | None, others: list[Json]
) -> None:
    channel = objects.channel(
        kind, 77, int(GUILD), "a secret", position=position, parent_id=parent, overwrites=others
    )
    secrets = {"topic": "a secret", "last_message_id": "999", "status": "a secret", "nsfw": True}
    channel |= {key: value for key, value in secrets.items() if key in channel}
    shown = objects.obfuscated(channel | {"flags": 1 << 4, "user_limit": 999, "bitrate": 999})
    kept = ("id", "type", "guild_id", "position", "parent_id")
    assert {key: shown[key] for key in kept} == {key: channel[key] for key in kept}
    assert (shown["name"], shown["flags"]) == ("___hidden___", 1 << 17)
    assert shown["permission_overwrites"] == [
        {"id": GUILD, "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)}
    ]
    said = json.dumps({key: value for key, value in shown.items() if key not in kept})
    assert "secret" not in said
    assert "999" not in said
    assert "true" not in said
