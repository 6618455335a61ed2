"""Guilds: emojis, stickers and sounds."""

from __future__ import annotations

from cluster.events.base import Dispatch, Payload, Snowflake, dispatch
from cluster.events.objects.expressions import Emoji, SoundboardSound, Sticker


@dispatch("GUILD_EMOJIS_UPDATE", "Guild/Emoji")
class GuildEmojisUpdate(Dispatch):
    """A guild's emojis were changed: all of them."""

    guild_id: Snowflake
    emojis: list[Emoji]


@dispatch("GUILD_STICKERS_UPDATE", "Guild/Sticker")
class GuildStickersUpdate(Dispatch):
    """A guild's stickers were changed: all of them."""

    guild_id: Snowflake
    stickers: list[Sticker]


@dispatch("GUILD_SOUNDBOARD_SOUND_CREATE", "Guild/Soundboard")
class GuildSoundboardSoundCreate(Dispatch):
    """A sound was added."""

    sound: Payload[SoundboardSound]


@dispatch("GUILD_SOUNDBOARD_SOUND_UPDATE", "Guild/Soundboard")
class GuildSoundboardSoundUpdate(Dispatch):
    """A sound was changed."""

    sound: Payload[SoundboardSound]


@dispatch("GUILD_SOUNDBOARD_SOUND_DELETE", "Guild/Soundboard")
class GuildSoundboardSoundDelete(Dispatch):
    """A sound was removed."""

    guild_id: Snowflake
    sound_id: Snowflake


@dispatch("GUILD_SOUNDBOARD_SOUNDS_UPDATE", "Guild/Soundboard", listed=False)
class GuildSoundboardSoundsUpdate(Dispatch):
    """Several sounds of a guild were changed."""

    guild_id: Snowflake
    soundboard_sounds: list[SoundboardSound]


@dispatch("SOUNDBOARD_SOUNDS", "Guild/Soundboard")
class SoundboardSounds(Dispatch):
    """A guild's sounds, as asked for (op 31)."""

    guild_id: Snowflake
    soundboard_sounds: list[SoundboardSound]
