"""The kinds of parts that a guild is kept in: what one key of the cache's database holds.

Source: Discord's documentation, "Guild Resource", "Guild Object", and "Gateway Events", "Guild
Create", whose lists become one part an item.
"""

from __future__ import annotations

from enum import Enum
from typing import Final


class Kind(Enum):
    """The kind of a part; its value is the name of the list in GUILD_CREATE."""

    code: int
    """The kind's byte in a key. It never changes: caches on disk have it."""

    def __new__(cls, name: str, code: int) -> Kind:
        made = object.__new__(cls)
        made._value_ = name
        made.code = code
        return made

    GUILD = "guild", 1
    """The guild itself, without its lists; its id is the guild's."""
    CHANNEL = "channels", 2
    THREAD = "threads", 3
    """With the bot's own membership as `member`, where it has joined."""
    ROLE = "roles", 4
    EMOJI = "emojis", 5
    STICKER = "stickers", 6
    STAGE_INSTANCE = "stage_instances", 7
    SCHEDULED_EVENT = "guild_scheduled_events", 8
    SOUNDBOARD_SOUND = "soundboard_sounds", 9
    VOICE_STATE = "voice_states", 10
    """Its id is the user's."""
    MEMBER = "members", 11
    """Its id is the user's. The bot's own is always kept, and who is in voice."""
    PRESENCE = "presences", 12
    """Its id is the user's."""


LISTS: Final = tuple(kind for kind in Kind if kind is not Kind.GUILD)
"""The kinds that are lists in GUILD_CREATE."""


class Keep(Enum):
    """What `[cache] keep` may name."""

    GUILDS = "guilds"
    """Every part but the members and presences of others. The rest needs it, and so has it."""
    MEMBERS = "members"
    PRESENCES = "presences"
    USERS = "users"
