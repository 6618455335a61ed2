"""Emojis, stickers and sounds."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.guilds import StickerFormat, StickerType
from cluster.events.objects.users import User


class Emoji(Object):
    """An emoji: of a guild, of an application, or (``id`` is None) of Unicode."""

    id: Snowflake | None
    """Id of a custom emoji; None: one of Unicode, whose characters are ``name``."""
    name: str | None
    """Name of the emoji; None: a custom emoji that was deleted."""
    roles: list[Snowflake] | Absent = UNSET
    user: User | Absent = UNSET
    require_colons: bool | Absent = UNSET
    managed: bool | Absent = UNSET
    animated: bool | Absent = UNSET
    available: bool | Absent = UNSET
    version: str | int | Absent = UNSET


class Sticker(Object):
    """A sticker: of a guild, or of Discord's own packs."""

    id: Snowflake
    pack_id: Snowflake | Absent = UNSET
    name: str
    description: str | None
    tags: str
    type: StickerType
    format_type: StickerFormat
    available: bool | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    user: User | Absent = UNSET
    sort_value: int | Absent = UNSET
    version: str | int | Absent = UNSET


class StickerItem(Object):
    """What is needed to show a sticker."""

    id: Snowflake
    name: str
    format_type: StickerFormat


class SoundboardSound(Object):
    """A sound: of a guild, or one of Discord's own."""

    sound_id: Snowflake
    name: str
    volume: float
    """How loud it is played: 0 to 1."""
    emoji_id: Snowflake | None
    emoji_name: str | None
    guild_id: Snowflake | Absent = UNSET
    available: bool
    user: User | Absent = UNSET
    user_id: Snowflake | Absent = UNSET
