"""Emojis, stickers, soundboard sounds, stages and scheduled events.

Source: Discord's documentation, "Gateway Events": "Guild Emojis Update", "Guild Stickers Update",
"Guild Soundboard Sound Create" ... "Soundboard Sounds", "Stage Instance Create" ...,
"Guild Scheduled Event Create" ... "Guild Scheduled Event User Remove".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Raw

from cluster.cache.kinds import Kind
from cluster.cache.parts import Parts, knows
from cluster.cache.raw import Id, Snowflake, SoundId, encoded, fields_of, merged, reader, text_of


class _Emojis(msgspec.Struct, gc=False):
    guild_id: Snowflake
    emojis: list[Raw]


class _Stickers(msgspec.Struct, gc=False):
    guild_id: Snowflake
    stickers: list[Raw]


class _Sounds(msgspec.Struct, gc=False):
    guild_id: Snowflake
    soundboard_sounds: list[Raw]


class _Sound(msgspec.Struct, gc=False):
    guild_id: Snowflake
    sound_id: Snowflake


class _Item(msgspec.Struct, gc=False):
    guild_id: Snowflake
    id: Snowflake


class _Interest(msgspec.Struct, gc=False):
    guild_id: Snowflake
    guild_scheduled_event_id: Snowflake


class _UserCount(msgspec.Struct, gc=False):
    user_count: int | None = None


_emojis = reader(_Emojis)
_stickers = reader(_Stickers)
_sounds = reader(_Sounds)
_sound = reader(_Sound)
_item = reader(_Item)
_interest = reader(_Interest)
_user_count = reader(_UserCount)
_id = reader(Id)
_sound_id = reader(SoundId)


def _identified(items: list[Raw]) -> list[tuple[int, bytes]]:
    return [(_id(item).id, bytes(item)) for item in items]


def emojis_update(parts: Parts, d: bytes) -> None:
    """Put all emojis of a guild in the place of those that were known."""
    said = _emojis(d)
    emojis = _identified(said.emojis)
    if knows(parts, said.guild_id):
        parts.replace(said.guild_id, Kind.EMOJI, emojis)


def stickers_update(parts: Parts, d: bytes) -> None:
    """Put all stickers of a guild in the place of those that were known."""
    said = _stickers(d)
    stickers = _identified(said.stickers)
    if knows(parts, said.guild_id):
        parts.replace(said.guild_id, Kind.STICKER, stickers)


def _of_guild(d: bytes) -> tuple[_Sounds, list[tuple[int, bytes]]]:
    said = _sounds(d)
    return said, [(_sound_id(one).sound_id, bytes(one)) for one in said.soundboard_sounds]


def sounds_update(parts: Parts, d: bytes) -> None:
    """Change several sounds of a guild. They need not be all that it has."""
    said, sounds = _of_guild(d)
    if knows(parts, said.guild_id):
        for sound_id, sound in sounds:
            parts.put(said.guild_id, Kind.SOUNDBOARD_SOUND, sound_id, sound)


def soundboard_sounds(parts: Parts, d: bytes) -> None:
    """Put all sounds of a guild, which were asked for, in the place of those that were known."""
    said, sounds = _of_guild(d)
    if knows(parts, said.guild_id):
        parts.replace(said.guild_id, Kind.SOUNDBOARD_SOUND, sounds)


def sound_set(parts: Parts, d: bytes) -> None:
    """Add or change a sound."""
    said = _sound(d)
    if knows(parts, said.guild_id):
        parts.put(said.guild_id, Kind.SOUNDBOARD_SOUND, said.sound_id, d)


def sound_delete(parts: Parts, d: bytes) -> None:
    """Remove a sound."""
    said = _sound(d)
    parts.remove(said.guild_id, Kind.SOUNDBOARD_SOUND, said.sound_id)


def stage_set(parts: Parts, d: bytes) -> None:
    """Add or change a stage that is live."""
    said = _item(d)
    if knows(parts, said.guild_id):
        parts.put(said.guild_id, Kind.STAGE_INSTANCE, said.id, d)


def stage_delete(parts: Parts, d: bytes) -> None:
    """Remove a stage that has ended."""
    said = _item(d)
    parts.remove(said.guild_id, Kind.STAGE_INSTANCE, said.id)


def event_set(parts: Parts, d: bytes) -> None:
    """Add or change what is planned. Fields that the event leaves out (`creator`, `user_count`)
    stay as they were."""
    said = _item(d)
    if not knows(parts, said.guild_id):
        return
    old = parts.part(said.guild_id, Kind.SCHEDULED_EVENT, said.id)
    event = d if old is None else text_of(fields_of(old) | fields_of(d))
    parts.put(said.guild_id, Kind.SCHEDULED_EVENT, said.id, event)


def event_delete(parts: Parts, d: bytes) -> None:
    """Remove what was planned."""
    said = _item(d)
    parts.remove(said.guild_id, Kind.SCHEDULED_EVENT, said.id)


def _count(change: int) -> Any:
    def update(parts: Parts, d: bytes) -> None:
        """Count who means to come."""
        said = _interest(d)
        event_id = said.guild_scheduled_event_id
        event = parts.part(said.guild_id, Kind.SCHEDULED_EVENT, event_id)
        count = None if event is None else _user_count(event).user_count
        if event is not None and count is not None:
            changed = merged(event, {"user_count": encoded(max(0, count + change))})
            parts.put(said.guild_id, Kind.SCHEDULED_EVENT, event_id, changed)

    return update


UPDATES: Final = {
    "GUILD_EMOJIS_UPDATE": emojis_update,
    "GUILD_STICKERS_UPDATE": stickers_update,
    "GUILD_SOUNDBOARD_SOUND_CREATE": sound_set,
    "GUILD_SOUNDBOARD_SOUND_UPDATE": sound_set,
    "GUILD_SOUNDBOARD_SOUND_DELETE": sound_delete,
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE": sounds_update,
    "SOUNDBOARD_SOUNDS": soundboard_sounds,
    "STAGE_INSTANCE_CREATE": stage_set,
    "STAGE_INSTANCE_UPDATE": stage_set,
    "STAGE_INSTANCE_DELETE": stage_delete,
    "GUILD_SCHEDULED_EVENT_CREATE": event_set,
    "GUILD_SCHEDULED_EVENT_UPDATE": event_set,
    "GUILD_SCHEDULED_EVENT_DELETE": event_delete,
    "GUILD_SCHEDULED_EVENT_USER_ADD": _count(+1),
    "GUILD_SCHEDULED_EVENT_USER_REMOVE": _count(-1),
}
