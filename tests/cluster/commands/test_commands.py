"""Every command: the payload that it makes, and what it refuses before anything is sent."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster.commands import (
    Command,
    CommandError,
    Commands,
    LobbyVoiceState,
    Subscription,
    Take,
    guilds,
    members,
    presence,
    raw,
    read,
    sessions,
    streams,
    subscriptions,
    voice,
)
from cluster.discord.limits import MAX_SENT_BYTES
from cluster.discord.opcodes import Op
from tests.cluster.commands.command_rows import EVERYTHING, UUIDS, Row, rows

GUILD, TEXT, VOICE = 41771983423143937, 127121515262115840, 1142105002492575794
ROWS = rows(GUILD, TEXT, VOICE)
SENT_BY_SESSION = {Op.HEARTBEAT, Op.IDENTIFY, Op.RESUME}
RECEIVED = {Op.DISPATCH, Op.RECONNECT, Op.INVALID_SESSION, Op.HELLO, Op.HEARTBEAT_ACK}


class Kept(Commands):
    """Keeps what would be sent, and answers requests for members with an empty chunk."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self._takes: list[Take] = []

    async def _send(self, command: Command) -> None:
        self.sent.append(command)
        d = json.loads(command.payload)["d"]
        for take in self._takes:
            chunk = {
                "guild_id": d["guild_id"],
                "members": [],
                "chunk_index": 0,
                "chunk_count": 1,
                "nonce": d["nonce"],
            }
            take("GUILD_MEMBERS_CHUNK", json.dumps(chunk).encode())

    @contextlib.asynccontextmanager
    async def _watch(self, take: Take) -> AsyncIterator[None]:
        self._takes.append(take)
        yield
        self._takes.remove(take)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_payload(row: Row) -> None:
    kept = Kept()
    asyncio.run(row.call(kept))
    assert [one.op for one in kept.sent] == [row.op]
    assert json.loads(kept.sent[0].payload) == {"op": row.op, "d": row.d}
    assert read(kept.sent[0].payload) == kept.sent[0]


def test_ids_in_an_activity_are_sent_as_strings() -> None:
    chess = {"name": "chess", "application_id": GUILD, "emoji": {"name": "a", "id": TEXT}}
    (sent,) = json.loads(presence.update_presence(activities=[chess]).payload)["d"]["activities"]
    assert sent["application_id"] == str(GUILD)
    assert sent["emoji"] == {"name": "a", "id": str(TEXT)}
    assert chess["emoji"] == {"name": "a", "id": TEXT}, "what was given is left as it was"


def test_each_op_that_a_client_may_send_has_its_method() -> None:
    assert {row.op for row in ROWS} == set(Op) - SENT_BY_SESSION - RECEIVED
    methods = {name for name in vars(Commands) if not name.startswith("_")} - {"raw"}
    assert methods == {row.name for row in ROWS}


@pytest.mark.parametrize(
    ("method", "function"),
    [
        (Commands.update_presence, presence.update_presence),
        (Commands.raw, raw),
        (Commands.bulk_guild_subscribe, subscriptions.bulk_guild_subscribe),
    ],
    ids=lambda one: one.__qualname__,
)
def test_a_method_shows_its_functions_parameters_and_docstring(
    method: Callable[..., object], function: Callable[..., object]
) -> None:
    itself, *parameters = inspect.signature(method).parameters.values()
    assert itself.name == "self"
    assert parameters == list(inspect.signature(function).parameters.values())
    assert inspect.signature(method).return_annotation is None
    assert method.__doc__ == function.__doc__
    assert method.__qualname__ == f"Commands.{function.__name__}"


BAD: list[tuple[str, Callable[[], object]]] = [
    ("status", lambda: presence.update_presence("away")),  # type: ignore[arg-type]
    ("since", lambda: presence.update_presence(since=-1)),
    ("afk", lambda: presence.update_presence(afk=1)),  # type: ignore[arg-type]
    ("activities", lambda: presence.update_presence(activities="chess")),  # type: ignore[arg-type]
    ("activities[1]", lambda: presence.update_presence(activities=[{"name": "a"}, 5])),  # type: ignore[list-item]
    ("activities[0].name", lambda: presence.update_presence(activities=[{"type": 0}])),
    ("activities[0].type", lambda: presence.update_presence(activities=[{"name": "a", "type": 9}])),
    ("activities", lambda: presence.update_presence(activities=[{"name": "a", "x": "y" * 4096}])),
    ("activities", lambda: presence.update_presence(activities=[{"name": "a", "x": object()}])),
    ("activities", lambda: presence.update_presence(activities=[{"name": "a", "x": "\ud800"}])),
    (
        "activities[0].emoji.id",
        lambda: presence.update_presence(activities=[{"name": "a", "emoji": {"id": "b"}}]),
    ),
    ("guild_id", lambda: voice.update_voice_state(-1, VOICE)),
    ("guild_id", lambda: voice.update_voice_state(1 << 64, VOICE)),
    ("guild_id", lambda: voice.update_voice_state(True, VOICE)),
    ("channel_id", lambda: voice.update_voice_state(GUILD, "x")),  # type: ignore[arg-type]
    ("self_mute", lambda: voice.update_voice_state(GUILD, VOICE, self_mute=None)),  # type: ignore[arg-type]
    ("flags", lambda: voice.update_voice_state(GUILD, VOICE, flags=-1)),
    ("preferred_regions", lambda: voice.update_voice_state(1, 2, preferred_regions="newark")),
    ("preferred_region", lambda: voice.create_speed_test("")),
    ("states", lambda: voice.update_lobby_voice_states([])),
    ("states[0]", lambda: voice.update_lobby_voice_states([7])),  # type: ignore[list-item]
    (
        "states[0].lobby_id",
        lambda: voice.update_lobby_voice_states([LobbyVoiceState(lobby_id=0)]),
    ),
    ("user_ids", lambda: members.request_guild_members(GUILD, user_ids=range(1, 102))),
    ("user_ids", lambda: members.request_guild_members(GUILD, user_ids=[])),
    ("user_ids", lambda: members.request_guild_members(GUILD, user_ids=[1], query="a")),
    ("user_ids[1]", lambda: members.request_guild_members(GUILD, user_ids=[1, "b"])),  # type: ignore[list-item]
    ("limit", lambda: members.request_guild_members(GUILD, query="a", limit=101)),
    ("limit", lambda: members.request_guild_members(GUILD, query="a", limit=0)),
    ("nonce", lambda: members.request_guild_members(GUILD, nonce="x" * 33)),
    ("nonce", lambda: members.request_guild_members(GUILD, nonce="\u00e4" * 17)),
    ("query", lambda: members.search_recent_members(GUILD, None)),  # type: ignore[arg-type]
    ("query", lambda: members.search_recent_members(GUILD, "\ud800")),
    ("continuation_token", lambda: members.search_recent_members(GUILD, continuation_token=0)),
    ("type", lambda: streams.create_stream("party", VOICE)),  # type: ignore[arg-type]
    ("guild_id", lambda: streams.create_stream("guild", VOICE)),
    ("stream_key", lambda: streams.watch_stream("guild:1:2")),
    ("paused", lambda: streams.set_stream_paused("call:1:2", "yes")),  # type: ignore[arg-type]
    ("guild_ids", lambda: guilds.request_soundboard_sounds("123")),  # type: ignore[arg-type]
    ("guild_ids", lambda: guilds.request_soundboard_sounds(range(GUILD, GUILD + 500))),
    ("channel_ids", lambda: guilds.request_last_messages(GUILD, range(1, 102))),
    ("threads", lambda: guilds.request_forum_unreads(GUILD, TEXT, {})),
    ("threads[5]", lambda: guilds.request_forum_unreads(GUILD, TEXT, {5: -1})),
    ("fields[0]", lambda: guilds.request_channel_info(GUILD, ["colour"])),  # type: ignore[list-item]
    (
        "role_ids_hash",
        lambda: guilds.get_deleted_entity_ids_not_matching_hash(
            GUILD, channel_ids_hash=1, role_ids_hash=1 << 32, emoji_ids_hash=1, sticker_ids_hash=1
        ),
    ),
    ("guild_ids[1]", lambda: subscriptions.bulk_guild_subscribe([GUILD, 0])),
    ("subscription.typing", lambda: subscriptions.guild_subscribe(GUILD, Subscription(typing=1))),  # type: ignore[arg-type]
    (
        "subscription.channels",
        lambda: subscriptions.guild_subscribe(GUILD, Subscription(channels=[5])),  # type: ignore[arg-type]
    ),
    (
        "subscription.channels[5]",
        lambda: subscriptions.guild_subscribe(GUILD, Subscription(channels={5: [(99, 0)]})),
    ),
    (
        "guild_ids",
        lambda: subscriptions.bulk_guild_subscribe(
            {GUILD: Subscription(members=list(range(1 << 60, (1 << 60) + 200)))}
        ),
    ),
    ("target_session_id", lambda: sessions.remote_command("", {})),
    ("target_session_id", lambda: sessions.remote_command("\ud800", {})),
    ("payload", lambda: sessions.remote_command("s", object())),
    ("reasons", lambda: sessions.qos_heartbeat(reasons=["foregrounded"] * 999)),
    ("reasons[0]", lambda: sessions.qos_heartbeat(reasons=["bored"])),  # type: ignore[list-item]
    ("session_id", lambda: sessions.update_time_spent_session_id(1, "x", "y")),
    ("op", lambda: raw(2, {})),
    ("op", lambda: raw(10, {})),
    ("op", lambda: raw(12, {})),
    ("op", lambda: raw(256, {})),
    ("op", lambda: raw("3", {})),  # type: ignore[arg-type]
    ("d", lambda: raw(44, {"a": "b" * MAX_SENT_BYTES})),
    ("d", lambda: raw(44, object())),
    ("payload", lambda: read(b"{")),
    ("op", lambda: read(b'{"op":6,"d":{"token":"x"}}')),
]


@pytest.mark.parametrize(("argument", "make"), BAD)
def test_what_is_wrong_is_named(argument: str, make: Callable[[], object]) -> None:
    with pytest.raises(CommandError) as refused:
        make()
    assert refused.value.argument == argument
    assert str(refused.value).startswith(argument)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("patience", [0, -1, "1", None, True, float("nan"), float("inf")])
def test_a_patience_that_is_none_is_refused_before_anything_is_sent(patience: Any) -> None:
    kept = Kept()
    with pytest.raises(CommandError, match=r"^patience is "):
        asyncio.run(kept.request_guild_members(GUILD, patience=patience))
    assert kept.sent == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: sessions.remote_command(b"a-session-id", {}),  # type: ignore[arg-type]
        lambda: sessions.update_time_spent_session_id(1, "a-session-id", UUIDS[1]),
        lambda: read(b'{"op":29,"d":{"target_session_id":"a-session-id"}'),
        lambda: raw(29, {"target_session_id": "a-session-id", "payload": object()}),
    ],
)
def test_a_session_id_is_in_no_error(make: Callable[[], object]) -> None:
    with pytest.raises(CommandError) as refused:
        make()
    assert "a-session-id" not in str(refused.value)


NEST = b'{"op":44,"d":' + b"[" * 2000 + b"]" * 2000 + b"}"


@given(st.binary() | st.builds(lambda a, b: NEST[:a] + b, st.integers(0, len(NEST)), st.binary()))
@example(NEST)
@example(b'{"op":44,"d":1e999}')
@example(b'{"op":44,"d":"\\ud800"}')
@example(b'{"op":44,"d":' + b"9" * 4000 + b"}")
def test_a_payload_of_another_process_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(CommandError):
        made = read(data)
        assert json.loads(made.payload)["op"] == made.op
        assert len(made.payload) <= MAX_SENT_BYTES


@given(
    st.dictionaries(
        st.integers(1, (1 << 64) - 1),
        st.builds(
            Subscription,
            typing=st.booleans(),
            members=st.lists(st.integers(1, (1 << 64) - 1), max_size=40),
        ),
        max_size=120,
    )
)
def test_bulk_subscriptions_are_split_without_loss(wanted: dict[int, Subscription]) -> None:
    made = subscriptions.bulk_guild_subscribe(wanted)
    assert all(len(one.payload) <= MAX_SENT_BYTES for one in made)
    parts = [json.loads(one.payload)["d"]["subscriptions"] for one in made]
    sent = [guild for part in parts for guild in part]
    assert sent == [str(guild) for guild in wanted]
    for part in parts:
        for guild, fields in part.items():
            assert fields["typing"] == wanted[int(guild)].typing
            ids = [str(one) for one in wanted[int(guild)].members]
            assert fields.get("members", []) == ids
    for one, two in itertools.pairwise(made):
        first = next(iter(json.loads(two.payload)["d"]["subscriptions"].values()))
        assert len(one.payload) + len(json.dumps(first)) + 25 > MAX_SENT_BYTES


def test_bulk_subscriptions_that_just_fit() -> None:
    """A guild alone, and a second one beside it, have room or miss it by a byte."""
    largest, counts = 0, set[int]()
    for digits in range(1, 20):
        for many in range(168, 180):
            ids = [10**18 + n for n in range(many)] + [10 ** (digits - 1)]
            first = Subscription(members=ids)
            alone = {"subscriptions": {str(GUILD): EVERYTHING | {"members": [str(i) for i in ids]}}}
            size = len(msgspec.json.encode({"op": 37, "d": alone}))
            if size > MAX_SENT_BYTES:
                with pytest.raises(CommandError, match=rf"alone is {size:,} bytes"):
                    subscriptions.bulk_guild_subscribe({GUILD: first})
                continue
            made = subscriptions.bulk_guild_subscribe({GUILD: first, GUILD + 1: Subscription()})
            largest = max(largest, *(len(one.payload) for one in made))
            counts.add(len(made))
    assert counts == {1, 2}
    assert largest == MAX_SENT_BYTES


@settings(max_examples=40)
@given(st.integers(-1, 300), st.recursive(st.none() | st.integers(0, 99) | st.text("ab"), st.lists))
def test_raw_takes_what_a_client_may_send_and_nothing_else(op: int, d: Any) -> None:
    removed = {12, 15, 16, 23, 24, 25, 26, 27}
    if 0 <= op <= 255 and op not in SENT_BY_SESSION | RECEIVED | removed:
        assert json.loads(raw(op, d).payload) == {"op": op, "d": d}
    else:
        with pytest.raises(CommandError, match=r"^op "):
            raw(op, d)


def test_a_payload_of_another_process_says_nothing_beside_op_and_d() -> None:
    smuggled = b'{"op":2,"d":{"token":"x"},"op":3,"s":1,"d":{"status":"dnd"}}'
    assert read(smuggled).payload == b'{"op":3,"d":{"status":"dnd"}}'
