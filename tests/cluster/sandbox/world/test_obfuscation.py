"""Channels that the bot can't view: how they are shown, what is told when that changes, and that
nothing is heard of what happens in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.discord.intents import ALL_INTENTS
from cluster.sandbox.sessions.user_view import FLAGS, UserView
from cluster.sandbox.world import World
from cluster.sandbox.world.objects.channels import ANNOUNCEMENT, CATEGORY, OBFUSCATED, TEXT, VOICE
from cluster.sandbox.world.permissions import ADMINISTRATOR, ALL_PERMISSIONS, VIEW_CHANNEL
from cluster.sandbox.world.state import Guild
from cluster.sandbox.world.traffic import HANDLERS
from tests.cluster.sandbox.dispatch_rig import Client, DispatchRig
from tests.cluster.sandbox.world.guild_model import GuildModel

Json = dict[str, Any]

CLOSED = {"type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)}


class Stage:
    """One guild, the bot's session, and what the bot heard."""

    def __init__(self, **options: Any) -> None:
        self.rig = DispatchRig(**({"guilds": 1} | options))
        self.world: World = self.rig.world
        self.id = self.world.guild_ids(0, 1)[0]
        self.guild: Guild = self.world.guild(self.id)
        self.client: Client = self.rig.client()
        self.shown: Json = next(d for name, d in self.client.read() if name == "GUILD_CREATE")

    def change(self, **request: Any) -> list[tuple[str, Any]]:
        """Change the access, and return what the bot heard."""
        self.rig.publish(self.world.change_access({"guild_id": str(self.id)} | request))
        return list(self.client.read())

    def emit(self, name: str) -> list[tuple[str, Any]]:
        self.rig.emit(name, self.id)
        return list(self.client.read())

    def overwrites(self, channel_id: str, *overwrites: Json) -> list[tuple[str, Any]]:
        return self.change(channel_id=channel_id, overwrites=list(overwrites))

    def close(self, channel_id: str) -> list[tuple[str, Any]]:
        return self.overwrites(channel_id, CLOSED | {"id": str(self.id)})

    def of_type(self, kind: int) -> list[Json]:
        return [channel for channel in self.guild.channels.values() if channel["type"] == kind]

    @property
    def hidden_channel(self) -> Json:
        """The one that is hidden from the start."""
        (channel_id,) = self.guild.hidden
        return self.guild.channels[channel_id]


def hidden(channels: list[Json]) -> set[str]:
    return {c["id"] for c in channels if c["flags"] & OBFUSCATED}


def updates(heard: list[tuple[str, Any]]) -> list[tuple[str, bool]]:
    """(channel id, whether it is hidden) of each CHANNEL_UPDATE."""
    return [(d["id"], bool(d["flags"] & OBFUSCATED)) for n, d in heard if n == "CHANNEL_UPDATE"]


def test_a_guild_has_a_channel_that_the_bot_cant_view() -> None:
    stage = Stage()
    secret = stage.hidden_channel
    (shown,) = (c for c in stage.shown["channels"] if c["flags"])
    assert shown["id"] == secret["id"]
    assert (shown["name"], shown["flags"]) == ("___hidden___", OBFUSCATED)
    assert shown["permission_overwrites"] == [CLOSED | {"id": str(stage.id)}]
    assert secret["name"] not in json.dumps(stage.shown)
    assert len(stage.shown["channels"]) == len(stage.guild.channels) == 8
    for options in ({"hidden_channels_per_guild": 0}, {"channels_per_guild": 1}):
        assert hidden(Stage(**options).shown["channels"]) == set()


def test_a_role_of_the_bot_opens_a_channel_and_closes_it() -> None:
    stage = Stage()
    secret = stage.hidden_channel
    held = list(stage.guild.member_list[0].data["roles"])
    (staff,) = (o["id"] for o in secret["permission_overwrites"] if o["allow"] != "0")
    (name, _), *heard = stage.change(bot_roles=[*held, staff])
    assert name == "GUILD_MEMBER_UPDATE"
    assert [n for n, _ in heard] == ["CHANNEL_UPDATE", "THREAD_LIST_SYNC"]
    assert heard[0][1] == secret
    (name, _), *heard = stage.change(bot_roles=held)
    assert name == "GUILD_MEMBER_UPDATE"
    assert updates(heard) == [(secret["id"], True)]
    assert len(heard) == 1


def test_permissions_of_a_role_open_and_close_channels() -> None:
    stage = Stage()
    secret, (bot_role,) = stage.hidden_channel, stage.guild.member_list[0].data["roles"]
    for permissions, opened in ((ADMINISTRATOR, True), (ALL_PERMISSIONS - ADMINISTRATOR, False)):
        (name, d), *heard = stage.change(role_id=bot_role, permissions=str(permissions))
        assert (name, d["role"]["permissions"]) == ("GUILD_ROLE_UPDATE", str(permissions))
        assert updates(heard) == [(secret["id"], not opened)]
    stage.change(role_id=bot_role, permissions="0")
    everyone = int(stage.guild.roles[stage.id]["permissions"])
    heard = stage.change(role_id=str(stage.id), permissions=str(everyone & ~VIEW_CHANNEL))
    others = set(stage.guild.channels) - {int(secret["id"])}
    assert updates(heard) == [(str(i), True) for i in stage.guild.channels if i in others]


def test_a_channel_that_is_closed_or_opened_is_updated_once() -> None:
    stage = Stage()
    channel = stage.of_type(TEXT)[0]
    assert updates(stage.close(channel["id"])) == [(channel["id"], True)]
    assert updates(stage.close(channel["id"])) == [(channel["id"], True)]
    bot = {"id": str(stage.world.application_id), "type": 1, "allow": "1024", "deny": "0"}
    heard = stage.overwrites(channel["id"], CLOSED | {"id": str(stage.id)}, bot)
    assert updates(heard) == [(channel["id"], False)]


def test_a_category_can_be_viewed_if_a_channel_in_it_can() -> None:
    stage = Stage()
    (category,) = stage.of_type(CATEGORY)
    inside = [c for c in stage.guild.channels.values() if c["parent_id"] == category["id"]]
    stage.close(category["id"])
    assert int(category["id"]) not in stage.guild.hidden
    for channel in inside[:-1]:
        stage.close(channel["id"])
    last = inside[-1]
    if int(last["id"]) in stage.guild.hidden:
        stage.overwrites(last["id"])
    heard = stage.close(last["id"])
    assert updates(heard) == [(last["id"], True), (category["id"], True)]
    heard = stage.overwrites(last["id"])
    assert updates(heard) == [(last["id"], False), (category["id"], False)]


def test_the_bot_views_the_voice_channel_that_it_is_connected_to() -> None:
    stage = Stage()
    (channel,) = stage.of_type(VOICE)
    move = {"guild_id": str(stage.id), "channel_id": channel["id"]}
    stage.rig.publish(stage.world.voice_state(move))
    list(stage.client.read())
    assert updates(stage.close(channel["id"])) == [(channel["id"], False)]
    stage.rig.publish(stage.world.voice_state(move | {"channel_id": None}))
    heard = list(stage.client.read())
    assert [name for name, _ in heard] == ["VOICE_STATE_UPDATE", "CHANNEL_UPDATE"]
    assert updates(heard) == [(channel["id"], True)]
    assert stage.world.voice_state(move) == []


def test_threads_come_and_go_with_their_channel() -> None:
    stage = Stage()
    stage.emit("THREAD_CREATE")
    (thread,) = stage.guild.threads.values()
    heard = stage.close(thread["parent_id"])
    assert [name for name, _ in heard] == ["CHANNEL_UPDATE"]
    shown = json.loads(
        stage.world.guild_create(stage.id, intents=int(ALL_INTENTS), large_threshold=50)
    )
    assert shown["threads"] == []
    (_, _), (name, d) = stage.overwrites(thread["parent_id"])
    assert (name, d["channel_ids"]) == ("THREAD_LIST_SYNC", [thread["parent_id"]])
    assert [one["id"] for one in d["threads"]] == [thread["id"]]


def test_a_category_is_hidden_once_all_that_could_be_viewed_in_it_is_deleted() -> None:
    stage = Stage()
    (category,) = stage.of_type(CATEGORY)
    left = next(c for c in stage.guild.channels.values() if c["type"] == ANNOUNCEMENT)
    for channel in list(stage.guild.channels.values()):
        if channel is not left:
            stage.close(channel["id"])
    while int(left["id"]) in stage.guild.channels:
        assert int(category["id"]) not in stage.guild.hidden
        heard = stage.emit("CHANNEL_DELETE")
    assert heard[-2:][0][1]["id"] == left["id"]
    assert updates(heard) == [(category["id"], True)]


def test_a_role_that_is_deleted_takes_its_view_along() -> None:
    stage = Stage()
    secret = stage.hidden_channel
    (staff,) = (o["id"] for o in secret["permission_overwrites"] if o["allow"] != "0")
    stage.change(bot_roles=[*stage.guild.member_list[0].data["roles"], staff])
    assert stage.guild.hidden == frozenset()
    while int(staff) in stage.guild.roles:
        heard = stage.emit("GUILD_ROLE_DELETE")
    assert [name for name, _ in heard] == ["GUILD_ROLE_DELETE", "CHANNEL_UPDATE"]
    assert updates(heard) == [(secret["id"], True)]


def test_nothing_is_heard_later_of_what_was_said_while_a_channel_was_hidden() -> None:
    stage = Stage(channels_per_guild=1)
    model = GuildModel(stage.shown)
    (channel,) = stage.of_type(TEXT)
    stage.close(channel["id"])
    for name in ("MESSAGE_CREATE", "INVITE_CREATE"):
        assert stage.emit(name) == []
    stage.overwrites(channel["id"])
    for name in ("MESSAGE_REACTION_ADD", "MESSAGE_DELETE", "INVITE_DELETE"):
        for event, d in stage.emit(name):
            model.apply(event, d)


HEARD_OF_INSIDE = [
    "MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "TYPING_START",
    "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE", "MESSAGE_REACTION_REMOVE_ALL",
    "MESSAGE_REACTION_REMOVE_EMOJI", "MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE",
    "CHANNEL_PINS_UPDATE", "WEBHOOKS_UPDATE", "INVITE_CREATE", "INVITE_DELETE", "THREAD_CREATE",
    "THREAD_UPDATE", "THREAD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE", "THREAD_DELETE",
    "THREAD_LIST_SYNC",
    "VOICE_CHANNEL_STATUS_UPDATE", "VOICE_CHANNEL_START_TIME_UPDATE", "VOICE_CHANNEL_EFFECT_SEND",
]  # fmt: skip


@pytest.mark.parametrize("name", HEARD_OF_INSIDE)
def test_of_what_happens_in_hidden_channels_the_bot_hears_nothing(name: str) -> None:
    """Where all are hidden the world goes on in them, and the user account hears of it."""
    stage = Stage()
    view = UserView(0, 250)
    view.subscribe({"guild_id": str(stage.id)} | dict.fromkeys(FLAGS, True))
    session = stage.rig.dispatcher.open(
        shard=0, shard_count=1, intents=int(ALL_INTENTS), version=9, large_threshold=250, user=view
    )
    user = session.sink = Client(session)
    assert name in {event for event, _ in stage.emit(name)}
    for role_id in (stage.id, *map(int, stage.guild.member_list[0].data["roles"])):
        stage.change(role_id=str(role_id), permissions="0")
    assert stage.guild.hidden == frozenset(stage.guild.channels)
    list(user.read())
    assert name not in {event for event, _ in stage.emit(name)}
    assert name in {event for event, _ in user.read()}


def test_the_user_account_is_shown_every_channel() -> None:
    stage = Stage()
    view = UserView(0, 250)
    session = stage.rig.dispatcher.open(
        shard=0, shard_count=1, intents=int(ALL_INTENTS), version=9, large_threshold=250, user=view
    )
    user = session.sink = Client(session)
    shown = json.loads(stage.world.user_guild(stage.id, 0, 250))
    assert hidden(shown["channels"]) == set()
    stage.overwrites(stage.hidden_channel["id"], CLOSED | {"id": str(stage.id)})
    ((name, d),) = user.read()
    assert (name, d) == ("CHANNEL_UPDATE", stage.hidden_channel)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        ({"bot_roles": ["999"]}, "999"),
        ({"role_id": "999", "permissions": "0"}, "999"),
        ({"channel_id": "999", "overwrites": []}, "999"),
    ],
)
def test_what_is_not_there_is_a_key_error(request_: Json, what: str) -> None:
    with pytest.raises(KeyError, match=what):
        Stage().change(**request_)


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"role_id": "1"},
        {"role_id": "1", "permissions": "0", "bot_roles": []},
        {"permissions": 5, "role_id": "1"},
        {"bot_roles": ["x"]},
        {"channel_id": "1", "overwrites": [{"id": "1", "type": 2}]},
        {"nonsense": 1},
    ],
)
def test_what_is_no_change_is_a_value_error(request_: Json) -> None:
    with pytest.raises(ValueError, match=r"."):
        Stage().change(**request_)


steps = st.one_of(
    st.tuples(st.just("emit"), st.sampled_from(sorted(set(HANDLERS) - {"RESUMED", "USER_UPDATE"}))),
    st.tuples(st.just("role"), st.tuples(st.integers(0, 4), st.sampled_from([0, 1024, 8]))),
    st.tuples(st.just("bot"), st.sets(st.integers(1, 4))),
    st.tuples(st.just("channel"), st.tuples(st.integers(0, 7), st.sets(st.integers(0, 5)))),
)


def requested(stage: Stage, kind: str, what: Any) -> Iterator[Json]:
    """Requests that a drawn step stands for; none where the world has no such role any more."""
    role_ids, channel_ids = list(stage.guild.roles), list(stage.guild.channels)
    if kind == "role" and what[0] < len(role_ids):
        yield {"role_id": str(role_ids[what[0]]), "permissions": str(what[1])}
    if kind == "bot":
        yield {"bot_roles": [str(role_ids[one]) for one in sorted(what) if one < len(role_ids)]}
    if kind == "channel" and what[0] < len(channel_ids):
        closed = [str(role_ids[one]) for one in sorted(what[1]) if one < len(role_ids)]
        made = [CLOSED | {"id": role_id} for role_id in closed]
        yield {"channel_id": str(channel_ids[what[0]]), "overwrites": made}


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, min_size=1, max_size=25))
def test_whatever_changes_the_bot_was_told_what_it_may_view(drawn: list[tuple[str, Any]]) -> None:
    """A client that applies what it hears believes at each step what GUILD_CREATE would show; of
    channels that it can't view it hears nothing else (GuildModel)."""
    stage = Stage(members_per_guild=4)
    model = GuildModel(stage.shown)
    for kind, what in drawn:
        if kind == "emit":
            heard = stage.emit(what)
        else:
            heard = [one for asked in requested(stage, kind, what) for one in stage.change(**asked)]
        for name, d in heard:
            model.apply(name, d)
        if stage.guild.unavailable:
            continue
        assert stage.guild.hidden == stage.guild.hidden_from_bot()
        data = stage.world.guild_create(stage.id, intents=int(ALL_INTENTS), large_threshold=250)
        shown = GuildModel(json.loads(data))
        assert model.threads.keys() == shown.threads.keys()
        assert hidden(list(model.channels.values())) == hidden(list(shown.channels.values()))
        for channel_id, channel in shown.channels.items():
            for key in ("name", "topic", "flags", "permission_overwrites"):
                assert model.channels[channel_id].get(key) == channel.get(key)
