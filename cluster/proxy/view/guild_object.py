"""GUILD_CREATE as a session sees it, where the cluster sees more, and with another member count.

Source: Discord's documentation, "Gateway Events", "Guild Create", and "Gateway", "Privileged
Intents" and "Identify" (large_threshold): without GUILD_PRESENCES there are no presences, and of
the members only the bot and those in voice; in a large guild those who are offline are left out.
"""

from __future__ import annotations

from typing import Any

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.intents import Intents

_Fields = dict[str, msgspec.Raw]


class _User(msgspec.Struct):
    id: str = ""


class _Of(msgspec.Struct):
    """A member, a presence or a voice state: whose it is."""

    user: _User | None = None
    user_id: str = ""


_fields = msgspec.json.Decoder(_Fields)
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_whose = msgspec.json.Decoder(_Of)
_encode = msgspec.json.Encoder().encode


def cut_guild(data: bytes, intents: int, large_threshold: int, own_id: str) -> bytes:
    """Return ``d`` of GUILD_CREATE for a session with these intents; the same object where it sees
    all, or nothing can be read."""
    try:
        guild = _fields.decode(data)
        count = int(bytes(guild.get("member_count", msgspec.Raw(b"0"))))
        large = count > large_threshold
        with_presences = bool(intents & Intents.GUILD_PRESENCES)
        changes: dict[str, Any] = {}
        if guild.get("large") != _bool(large):
            changes["large"] = _bool(large)
        if not with_presences and _items(guild, "presences"):
            changes["presences"] = []
        if large or not with_presences:
            shown = {own_id, *_people(guild, "voice_states")}
            if with_presences:
                shown.update(_people(guild, "presences"))
            members = _items(guild, "members")
            kept = [member for member in members if _id(member) in shown]
            if len(kept) != len(members):
                changes["members"] = kept
    except (*MALFORMED, ValueError):
        return data
    return _encode(guild | changes) if changes else data


def with_member_count(data: bytes, change: int) -> bytes:
    """Return ``d`` of GUILD_CREATE with a member count that differs by ``change``. Raises one of
    decode_errors.MALFORMED."""
    if not change:
        return data
    guild = _fields.decode(data)
    count = int(bytes(guild.get("member_count", msgspec.Raw(b"0"))))
    guild["member_count"] = msgspec.Raw(b"%d" % max(0, count + change))
    return _encode(guild)


def _bool(value: bool) -> msgspec.Raw:
    return msgspec.Raw(b"true" if value else b"false")


def _items(guild: _Fields, name: str) -> list[msgspec.Raw]:
    return _raws.decode(guild.get(name, b"[]"))


def _people(guild: _Fields, name: str) -> set[str]:
    return {_id(item) for item in _items(guild, name)}


def _id(item: msgspec.Raw) -> str:
    found = _whose.decode(item)
    return found.user.id if found.user is not None else found.user_id
