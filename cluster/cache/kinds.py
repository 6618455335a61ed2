"""The kinds of parts that a guild is kept in: what one key of the cache's database holds.

Source: Discord's documentation, "Guild Resource", "Guild Object", and "Gateway Events", "Guild
Create", whose lists become one part an item.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The kind of a part; its value is the name of the list in GUILD_CREATE."""

    GUILD = "guild"
    """The guild itself, without its lists; its id is the guild's."""
    CHANNEL = "channels"
    THREAD = "threads"
    ROLE = "roles"
    EMOJI = "emojis"
    STICKER = "stickers"
    STAGE_INSTANCE = "stage_instances"
    SCHEDULED_EVENT = "guild_scheduled_events"
    SOUNDBOARD_SOUND = "soundboard_sounds"
    VOICE_STATE = "voice_states"
    """Its id is the user's."""
    MEMBER = "members"
    """Its id is the user's. The bot's own is always kept, and who is in voice."""
    PRESENCE = "presences"
    """Its id is the user's."""


class Keep(Enum):
    """What `[cache] keep` may name."""

    GUILDS = "guilds"
    """Every part but the members and presences of others. The rest needs it, and so has it."""
    MEMBERS = "members"
    PRESENCES = "presences"
    USERS = "users"
