"""GUILD_CREATE as a session sees it, where the cluster sees more, and with another member count.

Source: Discord's documentation, "Gateway Events", "Guild Create", and "Gateway", "Privileged
Intents" and "Identify" (large_threshold): without GUILD_PRESENCES there are no presences, and of
the members only the bot and those in voice; in a large guild those who are offline are left out.
A guild is never shown larger than the cluster's own session saw it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.discord.intents import Intents

MOST_MEMBERS: Final = 75_000
"""Members of a guild above which members and presences are those of the bot and of who is in
voice."""

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
        changes = _cuts(guild, intents, large_threshold, own_id)
    except (*MALFORMED, ValueError):
        return data
    return _encode(guild | changes) if changes else data


def _cuts(guild: _Fields, intents: int, large_threshold: int, own_id: str) -> dict[str, Any]:
    """Return the fields that such a session sees otherwise."""
    count = int(bytes(guild.get("member_count", msgspec.Raw(b"0"))))
    large = count > large_threshold
    changes: dict[str, Any] = {}
    if "large" in guild and guild["large"] != _bool(large):
        changes["large"] = _bool(large)
    few = not intents & Intents.GUILD_PRESENCES or count > MOST_MEMBERS
    if not few and not large:
        return changes
    shown = {own_id, *(_id(one) for one in _items(guild, "voice_states"))}
    presences = _items(guild, "presences")
    if few:
        seen = shown if intents & Intents.GUILD_PRESENCES else set[str]()
        _keep(changes, "presences", presences, seen)
    else:
        shown.update(_id(one) for one in presences)
    _keep(changes, "members", _items(guild, "members"), shown)
    return changes


def _keep(changes: dict[str, Any], name: str, items: list[msgspec.Raw], shown: set[str]) -> None:
    kept = [one for one in items if _id(one) in shown]
    if len(kept) != len(items):
        changes[name] = kept


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


def _id(item: msgspec.Raw) -> str:
    found = _whose.decode(item)
    return found.user.id if found.user is not None else found.user_id
