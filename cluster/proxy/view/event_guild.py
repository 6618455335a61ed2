"""What an event says of guilds, read once for all sessions of a process."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED, decoded
from cluster.proxy.entry import Entry

_MOST: Final = 2**64 - 1
"""The largest snowflake."""
_UNAVAILABLE_BYTES: Final = 256
"""An unavailable guild object ("Guild Resource") is never larger; an available one always is."""


class _Guild(msgspec.Struct):
    guild_id: str | int | None = None
    id: str | int | None = None


class _Availability(msgspec.Struct):
    unavailable: bool | None = None


class _Ready(msgspec.Struct):
    guilds: list[_Guild]


_guild = msgspec.json.Decoder(_Guild)
_availability = msgspec.json.Decoder(_Availability)
_ready = msgspec.json.Decoder(_Ready)

_GUILD_EVENTS: Final = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
"""Events whose ``d`` is the guild."""
_OF_APPLICATION: Final = frozenset(
    {
        "ENTITLEMENT_CREATE",
        "ENTITLEMENT_DELETE",
        "ENTITLEMENT_UPDATE",
        "SUBSCRIPTION_CREATE",
        "SUBSCRIPTION_DELETE",
        "SUBSCRIPTION_UPDATE",
    }
)
"""Events that come on shard 0, though what was bought may be for a guild."""


def guild_of(entry: Entry) -> int | None:
    """Return the id of an event's guild; None: it has none, or ``d`` can't be read."""
    guild = entry.guild
    if guild != -1:
        return guild
    entry.guild = guild = _read(entry.name, entry.data)
    return guild


def _read(name: str, data: bytes) -> int | None:
    if name not in _GUILD_EVENTS and (name in _OF_APPLICATION or b'"guild_id"' not in data):
        return None
    try:
        found = decoded(_guild.decode, data)
        value = found.id if name in _GUILD_EVENTS else found.guild_id
        guild = -1 if value is None else int(value)
    except (*MALFORMED, ValueError):
        return None
    return guild if 0 <= guild <= _MOST else None


def is_unavailable(data: bytes) -> bool:
    """Return whether ``d`` of GUILD_CREATE or GUILD_DELETE is a guild that an outage hides."""
    if len(data) > _UNAVAILABLE_BYTES:
        return False
    try:
        return bool(_availability.decode(data).unavailable)
    except MALFORMED:
        return False


@lru_cache(maxsize=4)
def listed_guilds(data: bytes) -> frozenset[int] | None:
    """Return the ids of the guilds that a READY lists. data: its ``d``. None: it can't be read."""
    try:
        return frozenset(int(guild.id) for guild in _ready.decode(data).guilds if guild.id)
    except (*MALFORMED, ValueError):
        return None
