"""What a client may ask, checked and as it is passed on. Pure.

All that goes on a session of the cluster is made here, field by field: a payload that Discord can't
decode would close that session, which others share, and not the client's own. So where Discord
closes, the client is closed, with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cluster.commands import Command, CommandError
from cluster.commands.command import command
from cluster.commands.guilds import CHANNEL_FIELDS
from cluster.commands.presence import activity
from cluster.commands.voice import update_voice_state
from cluster.discord.intents import Intents
from cluster.discord.opcodes import Op
from cluster.gateway_server.member_requests import (
    asks_for_all,
    guild_asked,
    nonce_of,
    users_asked,
)
from cluster.gateway_server.refusal import malformed
from cluster.gateway_server.request_schemas import REQUEST_SCHEMAS
from cluster.gateway_server.snowflakes import is_snowflake, snowflake
from cluster.proxy.refusal import Refused

OF_BOTS: Final = frozenset(
    (
        Op.PRESENCE_UPDATE,
        Op.VOICE_STATE_UPDATE,
        Op.REQUEST_GUILD_MEMBERS,
        Op.REQUEST_SOUNDBOARD_SOUNDS,
        Op.REQUEST_CHANNEL_INFO,
    )
)
"""Opcodes that a bot may send, beside those that the server handles itself."""
MOST_LIMIT: Final = (1 << 31) - 1


class VoiceRequest(NamedTuple):
    """A checked op 4."""

    guild_id: int
    channel_id: int | None
    """None: it leaves."""
    command: Command


class MembersRequest(NamedTuple):
    """A checked op 8."""

    guild_id: int
    fields: dict[str, Any]
    """`d` as it is passed on, but for the nonce."""
    nonce: str | None
    """The client's own."""


def check_form(op: int, d: Any) -> None:
    """Raise Refused for an opcode that bots do not send (4001), and for `d` that is none of this
    opcode (4002)."""
    if op not in OF_BOTS:
        raise Refused(4001, "Unknown opcode.")
    if not REQUEST_SCHEMAS[op](as_discord_reads(d) if op == Op.PRESENCE_UPDATE else d):
        raise malformed()


def as_discord_reads(presence: Any) -> Any:
    """Return `d` of an op 3 without what Discord takes and makes nothing of: serenity sends a
    struct as `since`, discordgo a status and an emoji that are empty."""
    if not isinstance(presence, dict):
        return presence
    made = dict(presence)
    if isinstance(made.get("since"), dict):
        made["since"] = None
    if made.get("status") == "":
        del made["status"]
    if isinstance(made.get("activities"), list):
        made["activities"] = [_without_empty_emoji(one) for one in made["activities"]]
    return made


def _without_empty_emoji(activity: Any) -> Any:
    emoji = activity.get("emoji") if isinstance(activity, dict) else None
    if not isinstance(emoji, dict) or emoji.get("id") != "":
        return activity
    kept = {"emoji": {"name": emoji["name"]}} if emoji.get("name") else {}
    return {key: value for key, value in activity.items() if key != "emoji"} | kept


def presence(d: Mapping[str, Any]) -> bytes:
    """Return `d` of a checked op 3 as it is passed on, with the fields that it leaves out. Refused:
    it is too large so."""
    d = as_discord_reads(d)
    try:
        activities = [activity("activities", one) for one in d.get("activities") or ()]
        made = {
            "since": d.get("since"),
            "activities": activities,
            "status": d.get("status", "online"),
            "afk": d.get("afk", False),
        }
        command(Op.PRESENCE_UPDATE, made)
    except CommandError as error:
        raise _refused(error) from None
    return msgspec.json.encode(made)


def presence_command(d: bytes) -> Command:
    """Return the command of a presence that was checked."""
    return command(Op.PRESENCE_UPDATE, msgspec.Raw(d))


def voice(d: Mapping[str, Any]) -> VoiceRequest | None:
    """Return a checked op 4 as it is passed on. None: it names no guild, and a bot has no other
    calls. Refused."""
    if d.get("guild_id") is None:
        return None
    try:
        made = update_voice_state(
            d["guild_id"],
            d.get("channel_id"),
            self_mute=d.get("self_mute", False),
            self_deaf=d.get("self_deaf", False),
        )
    except CommandError as error:
        raise _refused(error) from None
    channel_id = d.get("channel_id")
    return VoiceRequest(int(d["guild_id"]), None if channel_id is None else int(channel_id), made)


def leave(guild_id: int) -> Command:
    """Return the op 4 by which the bot leaves voice in a guild."""
    return update_voice_state(guild_id, None)


def members(d: Mapping[str, Any], intents: int) -> MembersRequest:
    """Return a checked op 8 of a client with these intents as it is passed on. Refused: 4014 where
    it asks for more than its intents let it."""
    if asks_for_all(d) and not intents & Intents.GUILD_MEMBERS:
        log = "a client without the intent GUILD_MEMBERS asks for all members of a guild"
        raise Refused(4014, "Disallowed intent(s).", log)
    guild_id = guild_asked(d)
    if guild_id is None:
        raise malformed("guild_id")
    fields: dict[str, Any] = {"guild_id": str(guild_id)}
    users = users_asked(d)
    if users is None:
        limit = d.get("limit", 0)
        if limit > MOST_LIMIT:
            raise malformed("limit")
        fields |= {"query": d["query"], "limit": int(limit)}
    elif all(map(is_snowflake, users)):
        fields["user_ids"] = [str(int(one)) for one in users]
    else:
        raise malformed("user_ids")
    if d.get("presences") is True and intents & Intents.GUILD_PRESENCES:
        fields["presences"] = True
    return MembersRequest(guild_id, fields, nonce_of(d.get("nonce")))


def members_command(request: MembersRequest, nonce: str) -> Command:
    """Return the command of a request for members. Refused: it is too large."""
    try:
        return command(Op.REQUEST_GUILD_MEMBERS, request.fields | {"nonce": nonce})
    except CommandError as error:
        raise _refused(error) from None


def sounds_asked(d: Mapping[str, Any]) -> list[int]:
    """Return the guilds of a checked op 31, each once."""
    return list(dict.fromkeys(int(one) for one in d["guild_ids"]))


def sounds_command(guild_ids: list[int]) -> Command:
    """Return the command that asks for soundboard sounds of guilds of one shard."""
    return command(Op.REQUEST_SOUNDBOARD_SOUNDS, {"guild_ids": [str(one) for one in guild_ids]})


def channel_info(d: Mapping[str, Any]) -> tuple[int, Command]:
    """Return the guild of a checked op 43, and the command; it asks for what Discord has.
    Refused."""
    guild_id = snowflake(d["guild_id"])
    if guild_id is None:
        raise malformed("guild_id")
    fields = [name for name in CHANNEL_FIELDS if name in d["fields"]]
    made = {"guild_id": str(guild_id), "fields": fields}
    return guild_id, command(Op.REQUEST_CHANNEL_INFO, made)


def _refused(error: CommandError) -> Refused:
    return malformed(error.argument)
