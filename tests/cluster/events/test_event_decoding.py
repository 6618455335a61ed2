"""``decode``: classes, absent and null and empty, what is unknown, what is no event, texts."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from cluster.discord.intents import Capabilities
from cluster.events import (
    UNSET,
    GatewayEvent,
    GuildCreate,
    HeartbeatAck,
    MessageCreate,
    MessageDelete,
    MessageUpdate,
    ParseError,
    Ready,
    ReadySupplemental,
    Reconnect,
    SessionsReplace,
    TypingStart,
    UnknownEvent,
    UserConnectionsUpdate,
    decode,
    snowflake_time,
)
from cluster.events.base import DISPATCHES
from cluster.events.enums.channels import ChannelType
from cluster.events.enums.guilds import Permissions
from cluster.events.enums.messages import MessageFlags, MessageType
from cluster.events.enums.presences import Status
from cluster.sandbox.world.traffic import DIRECT_HANDLERS
from cluster.wire.batch import Event as Envelope
from shard_worker import Skipped
from shard_worker.client.event_queue import Received
from tests.cluster.events.event_samples import NAMES, sample, sample_json, world

AUTHOR = {"id": "852892297661906993", "username": "alien", "global_name": None}
MESSAGE: dict[str, Any] = {
    "id": "1172895842061799424",
    "channel_id": "1093681035205984337",
    "author": AUTHOR,
    "content": "hello",
    "timestamp": "2023-11-11T14:23:14.123000+00:00",
    "edited_timestamp": None,
    "tts": False,
    "mention_everyone": False,
    "mentions": [],
    "mention_roles": [],
    "attachments": [],
    "embeds": [],
    "pinned": False,
    "type": 0,
}


MEMBER = {"roles": [], "joined_at": "2023-01-01T00:00:00+00:00", "deaf": False, "mute": False}


def read(name: str, d: Any) -> Any:
    """Return an event all of which fits, or an error."""
    event = decode(name, json.dumps(d).encode())
    assert isinstance(event, ParseError) or event.misfits == ()
    return event


def test_every_event_of_the_sandbox_has_its_class_and_its_bytes() -> None:
    for name in NAMES:
        event = decode(name, sample(name))
        assert type(event) is DISPATCHES[name], str(event)
        assert (event.name, event.misfits) == (name, ())
        assert event.data is sample(name)


def test_a_message_and_what_stands_beside_it() -> None:
    match read("MESSAGE_CREATE", MESSAGE | {"guild_id": "41771983423143937", "member": MEMBER}):
        case MessageCreate(message=message, guild_id=41771983423143937, member=member):
            assert message.content == "hello"
            assert message.author.username == "alien"
            assert message.timestamp == datetime(2023, 11, 11, 14, 23, 14, 123_000, tzinfo=UTC)
            assert member is not UNSET
            assert member.roles == []
        case other:
            raise AssertionError(other)


def test_absent_null_and_empty_are_three_things() -> None:
    message = read("MESSAGE_CREATE", MESSAGE).message
    assert message.poll is UNSET
    assert not message.poll
    assert message.edited_timestamp is None
    assert message.attachments == []
    answered = read("MESSAGE_CREATE", MESSAGE | {"referenced_message": None}).message
    assert (message.referenced_message, answered.referenced_message) == (UNSET, None)


def test_an_edit_may_tell_a_part_only() -> None:
    edit = read("MESSAGE_UPDATE", {"id": "5", "channel_id": "6", "embeds": []})
    assert isinstance(edit, MessageUpdate)
    assert (edit.message.id, edit.message.content, edit.message.embeds) == (5, UNSET, [])


def test_ready_of_a_bot_and_of_a_user() -> None:
    d = {
        "v": 9,
        "user": AUTHOR,
        "session_id": "s",
        "resume_gateway_url": "wss://gateway.example",
        "guilds": [{"id": "1", "unavailable": True}],
    }
    bot = read("READY", d | {"shard": [0, 2], "user_settings": {}, "tutorial": None})
    assert isinstance(bot, Ready)
    assert ([guild.id for guild in bot.guilds], bot.shard) == ([1], (0, 2))
    merged = [[{"user_id": "3", "roles": ["7"], "joined_at": None}]]
    read_state = {"entries": [{"id": "9", "mention_count": 2}], "partial": False, "version": 4}
    guild = {"id": "1", "properties": {"id": "1", "name": "home"}, "data_mode": "full"}
    user = read(
        "READY", d | {"guilds": [guild], "merged_members": merged, "read_state": read_state}
    )
    assert isinstance(user, Ready)
    assert (user.guilds[0].name, user.guilds[0].details.name) == (UNSET, "home")
    assert user.merged_members
    assert user.merged_members[0][0].user_id == 3
    older = read("READY", d | {"read_state": read_state["entries"]})
    assert isinstance(older, Ready)
    assert older.read_state == user.read_state.entries  # type: ignore[union-attr]


@pytest.mark.parametrize("can", [0, int(sum(Capabilities)), *map(int, Capabilities)])
def test_what_a_user_client_of_the_sandbox_gets(can: int) -> None:
    made = world().user_ready(
        capabilities=can, large_threshold=50, session_id="s", sessions=["s"],
        resume_gateway_url="wss://gateway.example", shard=None, version=9,
    )  # fmt: skip
    ready = decode("READY", made.ready)
    assert isinstance(ready, Ready), str(ready)
    assert ready.misfits == ()
    assert len(ready.guilds) == 2
    assert all(guild.details.name for guild in ready.guilds)
    if made.supplemental is not None:
        supplemental = decode("READY_SUPPLEMENTAL", made.supplemental)
        assert isinstance(supplemental, ReadySupplemental), str(supplemental)
        assert supplemental.misfits == ()
    guild = decode("GUILD_CREATE", world().user_guild(ready.guilds[0].id, can, 50))
    assert isinstance(guild, GuildCreate), str(guild)
    assert guild.misfits == ()
    assert guild.guild.details.name == ready.guilds[0].details.name


def test_what_happens_in_direct_messages_has_its_class() -> None:
    for name in DIRECT_HANDLERS:
        for event in world().emit_direct(name):
            found = decode(event.name, event.data)
            assert (type(found), found.misfits) == (DISPATCHES[event.name], ())


def test_a_guild_in_an_outage_and_one_that_is_flat() -> None:
    assert isinstance(read("GUILD_CREATE", {"id": "1", "unavailable": True}), GuildCreate)
    guild = read("GUILD_CREATE", sample_json("GUILD_CREATE")).guild
    assert guild.details is guild
    assert guild.details.name


def test_an_array_and_a_payload_that_only_says_whose_it_is() -> None:
    session = sample_json("SESSIONS_REPLACE")[0]
    two = read("SESSIONS_REPLACE", [session, session])
    assert isinstance(two, SessionsReplace)
    assert len(two.sessions) == 2
    connections = read("USER_CONNECTIONS_UPDATE", {"user_id": "5"})
    assert isinstance(connections, UserConnectionsUpdate)
    assert (connections.user_id, connections.connection.name) == (5, UNSET)


def test_values_that_came_later_are_kept() -> None:
    message = read("MESSAGE_CREATE", MESSAGE | {"type": 999, "flags": 1 << 40 | 4}).message
    assert (message.type, message.type.name) == (999, "UNKNOWN_999")
    assert isinstance(message.type, MessageType)
    assert message.flags == 1 << 40 | 4
    assert message.flags & ~MessageFlags.SUPPRESS_EMBEDS == 1 << 40
    assert MessageFlags.SUPPRESS_EMBEDS in message.flags
    presence = read("PRESENCE_UPDATE", sample_json("PRESENCE_UPDATE") | {"status": "away"}).presence
    assert presence.status == "away"
    assert isinstance(presence.status, Status)
    assert str(presence.status) == "away"
    assert ChannelType(999) == 999
    assert Permissions(1 << 60 | 8) & Permissions.ADMINISTRATOR
    assert list(Permissions(1 << 60 | 8 | 16)) == [
        Permissions.ADMINISTRATOR,
        Permissions.MANAGE_CHANNELS,
    ]


def test_values_without_a_name_are_not_kept_by_their_class() -> None:
    known = len(MessageFlags._value2member_map_), len(MessageType._value2member_map_)
    for bit in range(200, 300):
        read("MESSAGE_CREATE", MESSAGE | {"type": bit, "flags": bit})
    assert (len(MessageFlags._value2member_map_), len(MessageType._value2member_map_)) == known


@pytest.mark.parametrize(
    "timestamp",
    [1_700_000_000, 1_700_000_000_000, 1_700_000_000.0, "1700000000", "2023-11-14T22:13:20+00:00"],
)
def test_a_time_that_is_a_number_is_a_time(timestamp: Any) -> None:
    typing = read("TYPING_START", {"channel_id": "1", "user_id": "2", "timestamp": timestamp})
    assert isinstance(typing, TypingStart)
    assert typing.timestamp == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_time_without_a_zone_is_utc() -> None:
    typing = read(
        "TYPING_START", {"channel_id": "1", "user_id": "2", "timestamp": "2023-11-14T22:13:20"}
    )
    assert typing.timestamp == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "year"),
    [(1e300, 9999), (-(10**30), 1), (0, 1970), (10**400, 9999), (-(10**400), 1), ("9" * 400, 9999)],
    ids=lambda value: str(value)[:9],
)
def test_an_activity_may_begin_at_any_time(start: float, year: int) -> None:
    activities = [{"name": "chess", "type": 0, "timestamps": {"start": start}}]
    presence = read("PRESENCE_UPDATE", {"user": {"id": "1"}, "activities": activities}).presence
    assert presence.activities[0].timestamps.start.year == year


def test_an_id_tells_when_it_was_made() -> None:
    made = datetime(2016, 4, 30, 11, 18, 25, 796_000, tzinfo=UTC)
    assert snowflake_time(175928847299117063) == made


def test_an_event_without_a_class() -> None:
    event = decode("SOMETHING_NEW", b'{"a":1}')
    assert event == UnknownEvent("SOMETHING_NEW", b'{"a":1}')
    assert event.data == b'{"a":1}'
    assert str(event) == "SOMETHING_NEW unknown, 7 bytes"


@pytest.mark.parametrize(
    ("name", "d", "path", "reason"),
    [
        ("TYPING_START", b'{"channel_id":"1","timestamp":1}', "$", "required field `user_id`"),
        ("TYPING_START", b'{"channel_id":"x"}', "$.channel_id", "Expected `int`, got `str`"),
        ("TYPING_START", b"[]", "$", "Expected `object`, got `array`"),
        ("TYPING_START", b"{", "$", "truncated"),
        ("TYPING_START", b'{"channel_id":"\xff"}', "$.channel_id", "Expected"),
        ("SESSIONS_REPLACE", b"[{},5]", "$[1]", "Expected `object`, got `int`"),
        ("CHANNEL_CREATE", b'{"id":"x","type":"y"}', "$.id", "Expected `int | null`, got `str`"),
        ("CHANNEL_CREATE", b'{"type":"y"}', "$", "required field `id`"),
        ("TYPING_START", b'{"x":' + b"[" * 10_000, "$", "recursion"),
        ("TYPING_START", b'{"channel_id":' + b"9" * 10_000 + b"}", "$.channel_id", "out of range"),
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_says_where_and_why(name: str, d: bytes, path: str, reason: str) -> None:
    error = decode(name, d)
    assert isinstance(error, ParseError), error
    assert (error.name, error.path, error.data) == (name, path, d)
    assert reason in error.reason
    assert str(error) == f"{name} does not fit at {path}: {error.reason}"


PARTIAL: list[tuple[str, dict[str, Any]]] = [
    ("MESSAGE_CREATE", {"author": {"id": "1", "username": "hook", "avatar": None}}),
    ("MESSAGE_CREATE", {"message_reference": {"channel_id": "5"}, "referenced_message": None}),
    ("MESSAGE_CREATE", {"referenced_message": {"id": "1", "channel_id": "5", "content": "x"}}),
    ("MESSAGE_CREATE", {"message_snapshots": [{"message": {"content": "forwarded"}}]}),
    ("MESSAGE_CREATE", {"member": {"roles": ["5"], "joined_at": None}, "nonce": 7}),
    ("MESSAGE_CREATE", {"mentions": [{"id": "1", "member": {"roles": []}}], "thread": {"id": "1"}}),
    ("MESSAGE_CREATE", {"embeds": [{}], "attachments": [{"id": "1", "description": None}]}),
    ("MESSAGE_CREATE", {"poll": {"answers": [{"answer_id": 1, "poll_media": {"text": "a"}}]}}),
    ("MESSAGE_CREATE", {"components": [{"type": 99, "new": 1}], "flags": None}),
    ("GUILD_CREATE", {"roles": [{"id": "1", "permissions": 8}], "channels": [{"id": "1"}]}),
    ("GUILD_CREATE", {"members": [{"user": {"id": "1"}}], "emojis": [{"id": None, "name": "x"}]}),
    ("GUILD_CREATE", {"voice_states": [{"user_id": "1", "session_id": "s"}], "presences": [{}]}),
    ("GUILD_CREATE", {"threads": [{"id": "1", "member": {"flags": 0}}], "version": 17}),
    ("INTERACTION_CREATE", {"data": {"resolved": {"members": {"5": {"roles": []}}}}}),
    ("INTERACTION_CREATE", {"member": {"user": {"id": "1"}, "permissions": "8"}, "type": 2}),
    ("CHANNEL_DELETE", {"type": 1, "recipients": [{"id": "1"}], "last_message_id": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "d"), PARTIAL, ids=lambda value: str(value)[:40])
def test_what_is_promised_may_be_missing_inside(name: str, d: dict[str, Any]) -> None:
    event = read(name, {"id": "1"} | d)
    assert type(event) is DISPATCHES[name], str(event)


def test_a_presence_may_have_the_id_of_its_user_only() -> None:
    presence = read("PRESENCE_UPDATE", {"user": {"id": "1"}}).presence
    assert (presence.user.id, presence.user.username, presence.status) == (1, UNSET, UNSET)


@pytest.mark.parametrize("d", [{}, {"id": None}, {"content": "x"}], ids=str)
def test_a_payload_without_its_id_is_none(d: dict[str, Any]) -> None:
    error = read("MESSAGE_CREATE", d)
    assert isinstance(error, ParseError)
    assert (error.path, error.reason) == ("$", "Object missing required field `id`")


def test_ops_that_are_events() -> None:
    for event, name in ((Reconnect(), "RECONNECT"), (HeartbeatAck(), "HEARTBEAT_ACK")):
        assert isinstance(event, GatewayEvent)
        assert (event.name, str(event), event.data) == (name, name, b"null")


SECRET = re.compile(r"token|session_id|^callback_(code|state)$|^(join|spectate|match)$")


def marked(value: Any, key: str = "") -> Any:
    """Return a JSON value with a mark in place of each text that is a credential."""
    if isinstance(value, dict):
        return {name: marked(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, key) for inner in value]
    return "CREDENTIAL" if isinstance(value, str) and SECRET.search(key) else value


def test_no_credential_deep_in_what_another_client_wrote_is_shown() -> None:
    inner = [[{"token": "CREDENTIAL", "b": 1}]]
    event = read("REMOTE_COMMAND", {"a": inner, "session_id": ["CREDENTIAL"]})
    assert "CREDENTIAL" not in repr(event)
    assert "'b': 1" in repr(event)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("MESSAGE_CREATE", b'{"id":"1","referenced_message":', b"}"),
        ("REMOTE_COMMAND", b'{"a":', b"}"),
    ],
)
def test_what_is_nested_deep_has_a_text(name: str, before: bytes, after: bytes) -> None:
    event = decode(name, before * 700 + b'{"id":"1"}' + after * 700)
    assert type(event) is DISPATCHES[name]
    assert repr(event).endswith(")")


def test_no_text_of_an_event_shows_a_credential() -> None:
    for name in NAMES:
        event = read(name, marked(sample_json(name)))
        assert type(event) is DISPATCHES[name], str(event)
        assert "CREDENTIAL" not in str(event)
        assert "CREDENTIAL" not in repr(event)
        assert "\n" not in str(event)
        assert len(str(event)) < 400


def test_the_text_of_d_has_one_name_everywhere() -> None:
    """An author who reads a cluster today and a client tomorrow changes nothing."""
    d = b'{"id":"5","channel_id":"6"}'
    received = Envelope.make("MESSAGE_DELETE", 0, 1, 1, 7, d, 0, "store")
    typed = [received.typed(), decode("MESSAGE_DELETE", d), decode("NEW", d), decode("READY", b"1")]
    assert [type(one) for one in typed] == [MessageDelete, MessageDelete, UnknownEvent, ParseError]
    assert received.data == Received(0, "MESSAGE_DELETE", 7, d, 1).data == d
    assert [one.data for one in typed] == [d, d, d, b"1"]
    for other in (Reconnect(), HeartbeatAck(), Skipped(first=1, last=2)):
        assert other.data == b"null"
