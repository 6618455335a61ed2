"""What the requests of clients must look like: fields and types, op by op.

Sources: Discord's documentation, "Gateway Events", "Send Events", for ops 3, 4, 8, 31 and 43; the
unofficial documentation's chapter of that name for user accounts'. Anything else is answered with
4002, as Discord does with what it can't decode.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from cluster.commands.presence import check_presence
from cluster.discord.opcodes import Op
from cluster.errors import CommandError
from cluster.gateway_server.member_requests import is_member_request
from cluster.gateway_server.snowflakes import is_snowflake

Check = Callable[[Any], bool]


def is_id(value: Any) -> bool:
    """A snowflake as the documentation writes it."""
    return isinstance(value, str) and value.isascii() and value.isdecimal()


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _whole(value: Any) -> bool:
    return type(value) is int


def _anything(value: Any) -> bool:
    return True


def _or_null(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _fields(form: Mapping[str, Check]) -> Check:
    """Check an object with these fields; those that end in ? may be absent, others may occur."""

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for name, check in form.items():
            field = name.removesuffix("?")
            if field in value:
                if not check(value[field]):
                    return False
            elif not name.endswith("?"):
                return False
        return True

    return fits


def _is_presence(value: Any) -> bool:
    try:
        check_presence(value)
    except CommandError:
        return False
    return True


_VOICE: Final[dict[str, Check]] = {
    "self_mute": _flag,
    "self_deaf": _flag,
    "self_video?": _flag,
    "preferred_region?": _or_null(_text),
    "preferred_regions?": _list_of(_text),
}
_KEY: Final[dict[str, Check]] = {"stream_key": _text}
_THREAD: Final = _fields({"thread_id": is_id, "ack_message_id": _or_null(is_id)})
_QOS: Final = _fields({"ver": _whole, "active": _flag, "reasons": _list_of(_text)})
_HASHES: Final = ("channel_ids_hash", "role_ids_hash", "emoji_ids_hash", "sticker_ids_hash")
_NULL: Final[Check] = lambda value: value is None  # noqa: E731

REQUEST_SCHEMAS: Final[dict[int, Check]] = {
    Op.PRESENCE_UPDATE: _is_presence,
    Op.VOICE_STATE_UPDATE: _fields(
        {
            "guild_id?": _or_null(is_snowflake),
            "channel_id?": _or_null(is_snowflake),
            "self_mute?": _flag,
            "self_deaf?": _flag,
        }
    ),
    Op.REQUEST_GUILD_MEMBERS: is_member_request,
    Op.REQUEST_SOUNDBOARD_SOUNDS: _fields({"guild_ids": _list_of(is_snowflake)}),
    Op.VOICE_SERVER_PING: _NULL,
    Op.CALL_CONNECT: _fields({"channel_id": is_id}),
    Op.LOBBY_VOICE_STATES: _list_of(_fields({"lobby_id": is_id} | _VOICE)),
    Op.STREAM_CREATE: _fields(
        {
            "type": lambda value: value in ("guild", "call", "test"),
            "guild_id?": _or_null(is_id),
            "channel_id": is_id,
            "preferred_region?": _or_null(_text),
        }
    ),
    Op.STREAM_DELETE: _fields(_KEY),
    Op.STREAM_WATCH: _fields(_KEY),
    Op.STREAM_PING: _fields(_KEY),
    Op.STREAM_SET_PAUSED: _fields(_KEY | {"paused": _flag}),
    Op.REQUEST_FORUM_UNREADS: _fields(
        {"guild_id": is_id, "channel_id": is_id, "threads": _list_of(_THREAD)}
    ),
    Op.REMOTE_COMMAND: _fields({"target_session_id": _text, "payload": _anything}),
    Op.REQUEST_DELETED_ENTITY_IDS: _fields({"guild_id": is_id} | dict.fromkeys(_HASHES, _text)),
    Op.SPEED_TEST_CREATE: _fields({"preferred_region?": _or_null(_text)}),
    Op.SPEED_TEST_DELETE: _NULL,
    Op.REQUEST_LAST_MESSAGES: _fields({"guild_id": is_id, "channel_ids": _list_of(is_id)}),
    Op.SEARCH_RECENT_MEMBERS: _fields(
        {
            "guild_id": is_id,
            "query": _text,
            "continuation_token": _or_null(is_id),
            "nonce?": _text,
        }
    ),
    Op.REQUEST_CHANNEL_STATUSES: _fields({"guild_id": is_id}),
    Op.GUILD_CHANNELS_RESYNC: _fields(
        {"guild_id": is_id, "obfuscated_channel_ids": _list_of(is_id)}
    ),
    Op.REQUEST_CHANNEL_MEMBER_COUNT: _fields({"guild_id": is_id, "channel_id": is_id}),
    Op.QOS_HEARTBEAT: _fields({"seq": _or_null(_whole), "qos": _QOS}),
    Op.UPDATE_TIME_SPENT_SESSION_ID: _fields(
        {"initialization_timestamp": _whole, "session_id": _text, "client_launch_id": _text}
    ),
    Op.LOBBY_VOICE_SERVER_PING: _fields({"lobby_id": is_id}),
    Op.REQUEST_CHANNEL_INFO: _fields({"guild_id": is_id, "fields": _list_of(_text)}),
}
"""Op -> the check of its ``d``."""
