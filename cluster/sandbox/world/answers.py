"""What user accounts ask for over the gateway, and the events that answer them.

Source: the unofficial documentation, "Gateway Events": each send event says what it fires. A guild
or channel that does not exist is answered by nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from cluster.discord.opcodes import Op
from cluster.sandbox.world.objects import channels as objects
from cluster.sandbox.world.requests import search_recent_members
from cluster.sandbox.world.scene import Scene
from cluster.sandbox.world.state import Guild, Json, encode

MOST_STREAMS: Final = 100
_MOST_MESSAGES: Final = 100
_VOICE_TYPES: Final = (objects.VOICE, objects.STAGE)
_REGION: Final = "us-east"


class UserRequest(NamedTuple):
    """A request of the user account's, and what is needed to answer it."""

    d: Any
    """The request's ``d``, whose form was checked."""
    scene: Scene
    guild_of: Callable[[int], Guild | None]
    user_id: str
    """The id of the account that asks."""
    streams: dict[str, Json]
    """Stream key -> stream."""

    @property
    def guild(self) -> Guild | None:
        return self.guild_of(int(self.d["guild_id"]))


NamedEvent = tuple[str, bytes]
"""An event's name and its ``d``."""


def _call(request: UserRequest) -> list[NamedEvent]:
    data = {
        "channel_id": request.d["channel_id"],
        "message_id": str(request.scene.clock.snowflake()),
        "region": _REGION,
        "ringing": [],
        "voice_states": [],
    }
    return [("CALL_CREATE", encode(data))]


def _lobbies(request: UserRequest) -> list[NamedEvent]:
    made: list[NamedEvent] = []
    for state in request.d:
        shown = {
            "lobby_id": state["lobby_id"],
            "channel_id": state["lobby_id"],
            "user_id": request.user_id,
            "session_id": f"{request.scene.draw.getrandbits(128):032x}",
            "deaf": False,
            "mute": False,
            "self_deaf": state["self_deaf"],
            "self_mute": state["self_mute"],
            "self_video": state.get("self_video", False),
            "suppress": False,
        }
        made += [("LOBBY_VOICE_STATE_UPDATE", encode(shown)), _lobby_server(request, state)]
    return made


def _lobby_server(request: UserRequest, state: Json) -> NamedEvent:
    return "LOBBY_VOICE_SERVER_UPDATE", encode(
        {"lobby_id": state["lobby_id"]} | _server(request.scene)
    )


def _server(scene: Scene) -> Json:
    return {
        "token": f"{scene.draw.getrandbits(64):016x}",
        "endpoint": f"rtc-{int(scene.draw.random() * 100)}.example.com:443",
    }


# -- streams -------------------------------------------------------------------------------------


def _stream_create(request: UserRequest) -> list[NamedEvent]:
    d, guild = request.d, ""
    if d.get("guild_id") is not None:
        guild = f"{d['guild_id']}:"
    key = f"{d['type']}:{guild}{d['channel_id']}:{request.user_id}"
    if len(request.streams) >= MOST_STREAMS and key not in request.streams:
        return [_stream_gone(key, "stream_full")]
    stream = request.streams[key] = {
        "stream_key": key,
        "rtc_server_id": str(request.scene.clock.snowflake()),
        "rtc_channel_id": d["channel_id"],
        "region": d.get("preferred_region") or _REGION,
        "viewer_ids": [],
        "paused": False,
    }
    return [("STREAM_CREATE", encode(stream)), _stream_server(request, key)]


def _stream_watch(request: UserRequest) -> list[NamedEvent]:
    key = request.d["stream_key"]
    stream = request.streams.get(key)
    if stream is None:
        return [_stream_gone(key, "stream_ended")]
    return [("STREAM_CREATE", encode(stream)), _stream_server(request, key)]


def _stream_ping(request: UserRequest) -> list[NamedEvent]:
    key = request.d["stream_key"]
    return [_stream_server(request, key)] if key in request.streams else []


def _stream_paused(request: UserRequest) -> list[NamedEvent]:
    key = request.d["stream_key"]
    stream = request.streams.get(key)
    if stream is None:
        return []
    stream["paused"] = request.d["paused"]
    shown = {k: v for k, v in stream.items() if not k.startswith("rtc_")}
    return [("STREAM_UPDATE", encode(shown)), _stream_server(request, key)]


def _stream_delete(request: UserRequest) -> list[NamedEvent]:
    key = request.d["stream_key"]
    return [_stream_gone(key, "user_requested")] if request.streams.pop(key, None) else []


def _stream_server(request: UserRequest, key: str) -> NamedEvent:
    return "STREAM_SERVER_UPDATE", encode({"stream_key": key} | _server(request.scene))


def _stream_gone(key: str, reason: str) -> NamedEvent:
    return "STREAM_DELETE", encode({"stream_key": key, "reason": reason})


def _speed_test(request: UserRequest) -> list[NamedEvent]:
    key = f"test:{request.user_id}"
    test: Json = {
        "stream_key": key,
        "region": request.d.get("preferred_region") or _REGION,
        "viewer_ids": [],
        "paused": False,
    }
    known = key in request.streams
    request.streams[key] = test
    if known:
        return [("SPEED_TEST_UPDATE", encode(test))]
    server = {"stream_key": key} | _server(request.scene)
    return [("SPEED_TEST_CREATE", encode(test)), ("SPEED_TEST_SERVER_UPDATE", encode(server))]


def _speed_test_over(request: UserRequest) -> list[NamedEvent]:
    key = f"test:{request.user_id}"
    if request.streams.pop(key, None) is None:
        return []
    return [("SPEED_TEST_DELETE", encode({"stream_key": key, "reason": "user_requested"}))]


# -- guilds --------------------------------------------------------------------------------------


def _deleted_entities(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    data = {
        "guild_id": str(guild.id),
        "channels": [str(one) for one in guild.channels],
        "roles": [str(one) for one in guild.roles],
        "emojis": [str(one) for one in guild.emojis],
        "stickers": [str(one) for one in guild.stickers],
    }
    return [("DELETED_ENTITY_IDS", encode(data))]


def _forum_unreads(request: UserRequest) -> list[NamedEvent]:
    """No documentation has this answer: its fields are those that Discord's client reads."""
    guild, channel = request.guild, request.d["channel_id"]
    if guild is None or int(channel) not in guild.channels:
        return []
    threads = [_thread_unread(guild, asked) for asked in request.d["threads"]]
    data = {"guild_id": str(guild.id), "channel_id": channel, "threads": threads}
    return [("FORUM_UNREADS", encode(data))]


def _thread_unread(guild: Guild, asked: Json) -> Json:
    thread, read = int(asked["thread_id"]), int(asked["ack_message_id"] or 0)
    missing = thread not in guild.threads
    unread = sum(m.channel_id == thread and m.id > read for m in guild.messages)
    return {"thread_id": asked["thread_id"], "missing": missing, "count": unread}


def _last_messages(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    wanted = request.d["channel_ids"][:_MOST_MESSAGES]
    places = {one["id"]: one for one in (*guild.channels.values(), *guild.threads.values())}
    newest = {places[one].get("last_message_id") for one in wanted if one in places}
    messages = [
        msgspec.Raw(m.head_now(guild) + m.said) for m in guild.messages if str(m.id) in newest
    ]
    data = {"guild_id": str(guild.id), "messages": messages}
    return [("LAST_MESSAGES", encode(data))]


def _statuses(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    shown = [{"id": c["id"], "status": c["status"]} for c in _voice(guild) if c.get("status")]
    return [("CHANNEL_STATUSES", encode({"guild_id": str(guild.id), "channels": shown}))]


def _channel_info(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    fields = [name for name in ("status", "voice_start_time") if name in request.d["fields"]]
    shown = [{"id": c["id"]} | {name: c.get(name) for name in fields} for c in _voice(guild)]
    return [("CHANNEL_INFO", encode({"guild_id": str(guild.id), "channels": shown}))]


def _voice(guild: Guild) -> list[Json]:
    return [c for c in guild.channels.values() if c["type"] in _VOICE_TYPES]


def _channels(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    wanted = (guild.channels.get(int(one)) for one in request.d["obfuscated_channel_ids"])
    data = {
        "guild_id": str(guild.id),
        "channels": [one for one in wanted if one is not None],
        "integrity_check": False,
    }
    return [("CHANNEL_SYNC", encode(data))]


def _member_count(request: UserRequest) -> list[NamedEvent]:
    guild = request.guild
    if guild is None or int(request.d["channel_id"]) not in guild.channels:
        return []
    data = {
        "guild_id": str(guild.id),
        "channel_id": request.d["channel_id"],
        "member_count": len(guild.member_list),
        "presence_count": sum(member.online for member in guild.member_list),
    }
    return [("CHANNEL_MEMBER_COUNT_UPDATE", encode(data))]


def _recent_members(request: UserRequest) -> list[NamedEvent]:
    if (guild := request.guild) is None:
        return []
    return [("GUILD_MEMBERS_CHUNK", search_recent_members(request.d, guild))]


ANSWERS: Final[dict[int, Callable[[UserRequest], list[NamedEvent]]]] = {
    Op.CALL_CONNECT: _call,
    Op.LOBBY_VOICE_STATES: _lobbies,
    Op.LOBBY_VOICE_SERVER_PING: lambda request: [_lobby_server(request, request.d)],
    Op.STREAM_CREATE: _stream_create,
    Op.STREAM_WATCH: _stream_watch,
    Op.STREAM_PING: _stream_ping,
    Op.STREAM_SET_PAUSED: _stream_paused,
    Op.STREAM_DELETE: _stream_delete,
    Op.SPEED_TEST_CREATE: _speed_test,
    Op.SPEED_TEST_DELETE: _speed_test_over,
    Op.REQUEST_DELETED_ENTITY_IDS: _deleted_entities,
    Op.REQUEST_FORUM_UNREADS: _forum_unreads,
    Op.REQUEST_LAST_MESSAGES: _last_messages,
    Op.SEARCH_RECENT_MEMBERS: _recent_members,
    Op.REQUEST_CHANNEL_STATUSES: _statuses,
    Op.REQUEST_CHANNEL_INFO: _channel_info,
    Op.GUILD_CHANNELS_RESYNC: _channels,
    Op.REQUEST_CHANNEL_MEMBER_COUNT: _member_count,
}
"""Op -> the function that answers it."""
