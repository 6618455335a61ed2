"""What user accounts ask for over the gateway, and the events that answer it.

Source: the unofficial documentation, "Gateway Events": each send event says what it fires. A guild
or channel that there is not is answered by nothing.
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


class Asked(NamedTuple):
    """One request, and what is needed to answer it."""

    d: Any
    scene: Scene
    guild_of: Callable[[int], Guild | None]
    user_id: str
    """Of the account that asks."""
    streams: dict[str, Json]
    """Those that there are, by key."""

    @property
    def guild(self) -> Guild | None:
        return self.guild_of(int(self.d["guild_id"]))


Answer = tuple[str, bytes]
"""An event's name and its ``d``."""


def _call(asked: Asked) -> list[Answer]:
    data = {
        "channel_id": asked.d["channel_id"],
        "message_id": str(asked.scene.clock.snowflake()),
        "region": _REGION,
        "ringing": [],
        "voice_states": [],
    }
    return [("CALL_CREATE", encode(data))]


def _lobbies(asked: Asked) -> list[Answer]:
    made: list[Answer] = []
    for state in asked.d:
        shown = {
            "lobby_id": state["lobby_id"],
            "channel_id": state["lobby_id"],
            "user_id": asked.user_id,
            "session_id": f"{asked.scene.draw.getrandbits(128):032x}",
            "deaf": False,
            "mute": False,
            "self_deaf": state["self_deaf"],
            "self_mute": state["self_mute"],
            "self_video": state.get("self_video", False),
            "suppress": False,
        }
        made += [("LOBBY_VOICE_STATE_UPDATE", encode(shown)), _lobby_server(asked, state)]
    return made


def _lobby_server(asked: Asked, state: Json) -> Answer:
    return "LOBBY_VOICE_SERVER_UPDATE", encode(
        {"lobby_id": state["lobby_id"]} | _server(asked.scene)
    )


def _server(scene: Scene) -> Json:
    return {
        "token": f"{scene.draw.getrandbits(64):016x}",
        "endpoint": f"rtc-{int(scene.draw.random() * 100)}.example.com:443",
    }


# -- streams -------------------------------------------------------------------------------------


def _stream_create(asked: Asked) -> list[Answer]:
    d, where = asked.d, ""
    if d.get("guild_id") is not None:
        where = f"{d['guild_id']}:"
    key = f"{d['type']}:{where}{d['channel_id']}:{asked.user_id}"
    if len(asked.streams) >= MOST_STREAMS and key not in asked.streams:
        return [_stream_gone(key, "stream_full")]
    stream = asked.streams[key] = {
        "stream_key": key,
        "rtc_server_id": str(asked.scene.clock.snowflake()),
        "rtc_channel_id": d["channel_id"],
        "region": d.get("preferred_region") or _REGION,
        "viewer_ids": [],
        "paused": False,
    }
    return [("STREAM_CREATE", encode(stream)), _stream_server(asked, key)]


def _stream_watch(asked: Asked) -> list[Answer]:
    key = asked.d["stream_key"]
    stream = asked.streams.get(key)
    if stream is None:
        return [_stream_gone(key, "stream_ended")]
    return [("STREAM_CREATE", encode(stream)), _stream_server(asked, key)]


def _stream_ping(asked: Asked) -> list[Answer]:
    key = asked.d["stream_key"]
    return [_stream_server(asked, key)] if key in asked.streams else []


def _stream_paused(asked: Asked) -> list[Answer]:
    key = asked.d["stream_key"]
    stream = asked.streams.get(key)
    if stream is None:
        return []
    stream["paused"] = asked.d["paused"]
    shown = {k: v for k, v in stream.items() if not k.startswith("rtc_")}
    return [("STREAM_UPDATE", encode(shown)), _stream_server(asked, key)]


def _stream_delete(asked: Asked) -> list[Answer]:
    key = asked.d["stream_key"]
    return [_stream_gone(key, "user_requested")] if asked.streams.pop(key, None) else []


def _stream_server(asked: Asked, key: str) -> Answer:
    return "STREAM_SERVER_UPDATE", encode({"stream_key": key} | _server(asked.scene))


def _stream_gone(key: str, reason: str) -> Answer:
    return "STREAM_DELETE", encode({"stream_key": key, "reason": reason})


def _speed_test(asked: Asked) -> list[Answer]:
    key = f"test:{asked.user_id}"
    test: Json = {
        "stream_key": key,
        "region": asked.d.get("preferred_region") or _REGION,
        "viewer_ids": [],
        "paused": False,
    }
    known = key in asked.streams
    asked.streams[key] = test
    if known:
        return [("SPEED_TEST_UPDATE", encode(test))]
    server = {"stream_key": key} | _server(asked.scene)
    return [("SPEED_TEST_CREATE", encode(test)), ("SPEED_TEST_SERVER_UPDATE", encode(server))]


def _speed_test_over(asked: Asked) -> list[Answer]:
    key = f"test:{asked.user_id}"
    if asked.streams.pop(key, None) is None:
        return []
    return [("SPEED_TEST_DELETE", encode({"stream_key": key, "reason": "user_requested"}))]


# -- guilds --------------------------------------------------------------------------------------


def _deleted_entities(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    data = {
        "guild_id": str(guild.id),
        "channels": [str(one) for one in guild.channels],
        "roles": [str(one) for one in guild.roles],
        "emojis": [str(one) for one in guild.emojis],
        "stickers": [str(one) for one in guild.stickers],
    }
    return [("DELETED_ENTITY_IDS", encode(data))]


def _last_messages(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    wanted = asked.d["channel_ids"][:_MOST_MESSAGES]
    newest = {guild.last_messages.get(int(one)) for one in wanted}
    messages = [msgspec.Raw(m.head + m.said) for m in guild.messages if m.id in newest]
    data = {"guild_id": str(guild.id), "messages": messages}
    return [("LAST_MESSAGES", encode(data))]


def _statuses(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    shown = [{"id": c["id"], "status": c["status"]} for c in _voice(guild) if c.get("status")]
    return [("CHANNEL_STATUSES", encode({"guild_id": str(guild.id), "channels": shown}))]


def _channel_info(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    fields = [name for name in ("status", "voice_start_time") if name in asked.d["fields"]]
    shown = [{"id": c["id"]} | {name: c.get(name) for name in fields} for c in _voice(guild)]
    return [("CHANNEL_INFO", encode({"guild_id": str(guild.id), "channels": shown}))]


def _voice(guild: Guild) -> list[Json]:
    return [c for c in guild.channels.values() if c["type"] in _VOICE_TYPES]


def _channels(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    wanted = (guild.channels.get(int(one)) for one in asked.d["obfuscated_channel_ids"])
    data = {
        "guild_id": str(guild.id),
        "channels": [one for one in wanted if one is not None],
        "integrity_check": False,
    }
    return [("CHANNEL_SYNC", encode(data))]


def _member_count(asked: Asked) -> list[Answer]:
    guild = asked.guild
    if guild is None or int(asked.d["channel_id"]) not in guild.channels:
        return []
    data = {
        "guild_id": str(guild.id),
        "channel_id": asked.d["channel_id"],
        "member_count": len(guild.member_list),
        "presence_count": sum(member.online for member in guild.member_list),
    }
    return [("CHANNEL_MEMBER_COUNT_UPDATE", encode(data))]


def _recent_members(asked: Asked) -> list[Answer]:
    if (guild := asked.guild) is None:
        return []
    return [("GUILD_MEMBERS_CHUNK", search_recent_members(asked.d, guild))]


ANSWERS: Final[dict[int, Callable[[Asked], list[Answer]]]] = {
    Op.CALL_CONNECT: _call,
    Op.LOBBY_VOICE_STATES: _lobbies,
    Op.LOBBY_VOICE_SERVER_PING: lambda asked: [_lobby_server(asked, asked.d)],
    Op.STREAM_CREATE: _stream_create,
    Op.STREAM_WATCH: _stream_watch,
    Op.STREAM_PING: _stream_ping,
    Op.STREAM_SET_PAUSED: _stream_paused,
    Op.STREAM_DELETE: _stream_delete,
    Op.SPEED_TEST_CREATE: _speed_test,
    Op.SPEED_TEST_DELETE: _speed_test_over,
    Op.REQUEST_DELETED_ENTITY_IDS: _deleted_entities,
    Op.REQUEST_LAST_MESSAGES: _last_messages,
    Op.SEARCH_RECENT_MEMBERS: _recent_members,
    Op.REQUEST_CHANNEL_STATUSES: _statuses,
    Op.REQUEST_CHANNEL_INFO: _channel_info,
    Op.GUILD_CHANNELS_RESYNC: _channels,
    Op.REQUEST_CHANNEL_MEMBER_COUNT: _member_count,
}
"""Op -> what answers it."""
