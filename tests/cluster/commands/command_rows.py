"""Every command with arguments, the payload that it must be, and what the sandbox answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from cluster.commands import Commands, LobbyVoiceState, Subscription

Call = Callable[[Commands], Coroutine[Any, Any, Any]]
UUIDS = ("fe223885-211d-4826-ba7b-395373da4213", "2bf1c669-4710-4b76-8c99-76f918fd36fc")
EVERYTHING = {"typing": True, "threads": True, "activities": True, "member_updates": True}
USER = 852892297661906993


class Row(NamedTuple):
    """op and d are what must be sent; answers: events that the sandbox sends for it."""

    name: str
    call: Call
    op: int
    d: Any
    answers: tuple[str, ...] = ()


def rows(guild: int, text: int, voice: int) -> list[Row]:
    """guild: one that there is; text, voice: channels of it. Streams are in an order that makes
    sense; the account's id is in the keys as `USER`."""
    g, t, v = str(guild), str(text), str(voice)
    key = f"guild:{g}:{v}:{USER}"
    return [
        Row(
            "update_presence",
            lambda c: c.update_presence(
                "idle", activities=[{"name": "chess", "type": 3}], since=91_879_201, afk=True
            ),
            3,
            {
                "since": 91_879_201,
                "activities": [{"name": "chess", "type": 3}],
                "status": "idle",
                "afk": True,
            },
        ),
        Row(
            "update_voice_state",
            lambda c: c.update_voice_state(
                guild, voice, self_deaf=True, preferred_region="newark", flags=3
            ),
            4,
            {
                "guild_id": g,
                "channel_id": v,
                "self_mute": False,
                "self_deaf": True,
                "preferred_region": "newark",
                "flags": 3,
            },
            ("VOICE_STATE_UPDATE", "VOICE_SERVER_UPDATE"),
        ),
        Row("ping_voice_server", lambda c: c.ping_voice_server(), 5, None),
        Row(
            "request_guild_members",
            lambda c: c.request_guild_members(guild, query="a", limit=3, nonce="n1"),
            8,
            {"guild_id": g, "query": "a", "limit": 3, "nonce": "n1"},
            ("GUILD_MEMBERS_CHUNK",),
        ),
        Row(
            "request_call_connect",
            lambda c: c.request_call_connect(text),
            13,
            {"channel_id": t},
            ("CALL_CREATE",),
        ),
        Row(
            "guild_subscribe",
            lambda c: c.guild_subscribe(
                guild, Subscription(activities=False, members=[USER], channels={text: [(0, 99)]})
            ),
            14,
            {"guild_id": g}
            | EVERYTHING
            | {"activities": False, "members": [str(USER)], "channels": {t: [[0, 99]]}},
        ),
        Row(
            "bulk_guild_subscribe",
            lambda c: c.bulk_guild_subscribe([guild, guild + 1]),
            37,
            {"subscriptions": {g: EVERYTHING, str(guild + 1): EVERYTHING}},
        ),
        Row(
            "update_lobby_voice_states",
            lambda c: c.update_lobby_voice_states(
                [LobbyVoiceState(lobby_id=7, self_mute=True), LobbyVoiceState(lobby_id=8)]
            ),
            17,
            [
                {"lobby_id": "7", "self_mute": True, "self_deaf": False},
                {"lobby_id": "8", "self_mute": False, "self_deaf": False},
            ],
            ("LOBBY_VOICE_STATE_UPDATE", "LOBBY_VOICE_SERVER_UPDATE") * 2,
        ),
        Row(
            "ping_lobby_voice_server",
            lambda c: c.ping_lobby_voice_server(7),
            42,
            {"lobby_id": "7"},
            ("LOBBY_VOICE_SERVER_UPDATE",),
        ),
        Row(
            "create_stream",
            lambda c: c.create_stream("guild", voice, guild_id=guild),
            18,
            {"type": "guild", "guild_id": g, "channel_id": v, "preferred_region": None},
            ("STREAM_CREATE", "STREAM_SERVER_UPDATE"),
        ),
        Row(
            "watch_stream",
            lambda c: c.watch_stream(key),
            20,
            {"stream_key": key},
            ("STREAM_DELETE",),  # of somebody who streams nothing
        ),
        Row("ping_stream_server", lambda c: c.ping_stream_server(key), 21, {"stream_key": key}),
        Row(
            "set_stream_paused",
            lambda c: c.set_stream_paused(key, True),
            22,
            {"stream_key": key, "paused": True},
        ),
        Row("delete_stream", lambda c: c.delete_stream(key), 19, {"stream_key": key}),
        Row(
            "request_forum_unreads",
            lambda c: c.request_forum_unreads(guild, text, {5: 6, 7: None}),
            28,
            {
                "guild_id": g,
                "channel_id": t,
                "threads": [
                    {"thread_id": "5", "ack_message_id": "6"},
                    {"thread_id": "7", "ack_message_id": None},
                ],
            },
            ("FORUM_UNREADS",),
        ),
        Row(
            "remote_command",
            lambda c: c.remote_command("of nobody", {"type": "VOICE_STATE_UPDATE"}),
            29,
            {"target_session_id": "of nobody", "payload": {"type": "VOICE_STATE_UPDATE"}},
        ),
        Row(
            "get_deleted_entity_ids_not_matching_hash",
            lambda c: c.get_deleted_entity_ids_not_matching_hash(
                guild,
                channel_ids_hash=4294967295,
                role_ids_hash="12",
                emoji_ids_hash=0,
                sticker_ids_hash=0,
            ),
            30,
            {
                "guild_id": g,
                "channel_ids_hash": "4294967295",
                "role_ids_hash": "12",
                "emoji_ids_hash": "0",
                "sticker_ids_hash": "0",
            },
            ("DELETED_ENTITY_IDS",),
        ),
        Row(
            "request_soundboard_sounds",
            lambda c: c.request_soundboard_sounds([guild]),
            31,
            {"guild_ids": [g]},
            ("SOUNDBOARD_SOUNDS",),
        ),
        Row(
            "create_speed_test",
            lambda c: c.create_speed_test("us-east"),
            32,
            {"preferred_region": "us-east"},
            ("SPEED_TEST_CREATE", "SPEED_TEST_SERVER_UPDATE"),
        ),
        Row(
            "delete_speed_test",
            lambda c: c.delete_speed_test(),
            33,
            None,
            ("SPEED_TEST_DELETE",),
        ),
        Row(
            "request_last_messages",
            lambda c: c.request_last_messages(guild, [text]),
            34,
            {"guild_id": g, "channel_ids": [t]},
            ("LAST_MESSAGES",),
        ),
        Row(
            "search_recent_members",
            lambda c: c.search_recent_members(guild, nonce="n2"),
            35,
            {"guild_id": g, "query": "", "continuation_token": None, "nonce": "n2"},
            ("GUILD_MEMBERS_CHUNK",),
        ),
        Row(
            "request_channel_statuses",
            lambda c: c.request_channel_statuses(guild),
            36,
            {"guild_id": g},
            ("CHANNEL_STATUSES",),
        ),
        Row(
            "resync_guild_channels",
            lambda c: c.resync_guild_channels(guild, [text]),
            38,
            {"guild_id": g, "obfuscated_channel_ids": [t]},
            ("CHANNEL_SYNC",),
        ),
        Row(
            "request_channel_member_count",
            lambda c: c.request_channel_member_count(guild, text),
            39,
            {"guild_id": g, "channel_id": t},
            ("CHANNEL_MEMBER_COUNT_UPDATE",),
        ),
        Row(
            "qos_heartbeat",
            lambda c: c.qos_heartbeat(reasons=["foregrounded", "rtc_connected"]),
            40,
            {
                "seq": None,  # the session's own, when it is sent
                "qos": {"ver": 27, "active": True, "reasons": ["foregrounded", "rtc_connected"]},
            },
        ),
        Row(
            "update_time_spent_session_id",
            lambda c: c.update_time_spent_session_id(1_753_221_861_697, *UUIDS),
            41,
            {
                "initialization_timestamp": 1_753_221_861_697,
                "session_id": UUIDS[0],
                "client_launch_id": UUIDS[1],
            },
        ),
        Row(
            "request_channel_info",
            lambda c: c.request_channel_info(guild),
            43,
            {"guild_id": g, "fields": ["status", "voice_start_time"]},
            ("CHANNEL_INFO",),
        ),
    ]
