"""Emojis, stickers and soundboard sounds.

Source: Discord's documentation, "Gateway Events" (Guild Emojis Update ...), "Soundboard Resource".
"""

from __future__ import annotations

from typing import Final

from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects import guilds as objects
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json

_MOST: Final = 20


def _make_room(items: dict[int, Json]) -> None:
    while len(items) >= _MOST:
        items.pop(next(iter(items)))


def emojis_update(scene: Scene, guild: Guild) -> WorldEvent:
    """An emoji is added; the event carries all of them."""
    _make_room(guild.emojis)
    made_id = scene.clock.snowflake()
    name = f"emoji_{int(scene.draw.random() * 1000)}"
    guild.emojis[made_id] = objects.emoji(made_id, name, scene.member(guild).user)
    data = {"guild_id": str(guild.id), "emojis": list(guild.emojis.values())}
    return scene.event("GUILD_EMOJIS_UPDATE", guild, data)


def stickers_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A sticker is added; the event carries all of them."""
    _make_room(guild.stickers)
    made_id = scene.clock.snowflake()
    name = f"sticker {int(scene.draw.random() * 1000)}"
    guild.stickers[made_id] = objects.sticker(made_id, name, guild.id, scene.member(guild).user)
    data = {"guild_id": str(guild.id), "stickers": list(guild.stickers.values())}
    return scene.event("GUILD_STICKERS_UPDATE", guild, data)


def _sound_create(scene: Scene, guild: Guild) -> WorldEvent:
    made_id = scene.clock.snowflake()
    name = f"sound {int(scene.draw.random() * 1000)}"
    made = objects.soundboard_sound(made_id, name, guild.id, scene.member(guild).user)
    guild.sounds[made_id] = made
    return scene.event("GUILD_SOUNDBOARD_SOUND_CREATE", guild, made)


def sound_create(scene: Scene, guild: Guild) -> WorldEvent:
    """A sound is added."""
    if len(guild.sounds) >= _MOST:
        scene.after.append(_sound_delete(scene, guild))
    return scene.last(_sound_create(scene, guild))


def _a_sound(scene: Scene, guild: Guild) -> Json:
    if not guild.sounds:
        scene.after.append(_sound_create(scene, guild))
    return next(iter(guild.sounds.values()))


def sound_update(scene: Scene, guild: Guild) -> WorldEvent:
    """A sound is renamed."""
    sound = _a_sound(scene, guild)
    sound["name"] = f"sound {int(scene.draw.random() * 1000)}"
    return scene.last(scene.event("GUILD_SOUNDBOARD_SOUND_UPDATE", guild, sound))


def _sound_delete(scene: Scene, guild: Guild) -> WorldEvent:
    sound = _a_sound(scene, guild)
    del guild.sounds[int(sound["sound_id"])]
    data = {"guild_id": str(guild.id), "sound_id": sound["sound_id"]}
    return scene.event("GUILD_SOUNDBOARD_SOUND_DELETE", guild, data)


def sound_delete(scene: Scene, guild: Guild) -> WorldEvent:
    """A sound is deleted."""
    return scene.last(_sound_delete(scene, guild))


def sounds_of(guild: Guild) -> Json:
    """``d`` of SOUNDBOARD_SOUNDS and of GUILD_SOUNDBOARD_SOUNDS_UPDATE."""
    return {"guild_id": str(guild.id), "soundboard_sounds": list(guild.sounds.values())}


def sounds_update(scene: Scene, guild: Guild) -> WorldEvent:
    """Several sounds change at once."""
    for sound in guild.sounds.values():
        sound["volume"] = round(scene.draw.random(), 2)
    return scene.event("GUILD_SOUNDBOARD_SOUNDS_UPDATE", guild, sounds_of(guild))


def soundboard_sounds(scene: Scene, guild: Guild) -> WorldEvent:
    """The answer to a request for a guild's sounds."""
    return scene.event("SOUNDBOARD_SOUNDS", guild, sounds_of(guild))


HANDLERS: Final[dict[str, Handler]] = {
    "GUILD_EMOJIS_UPDATE": emojis_update,
    "GUILD_STICKERS_UPDATE": stickers_update,
    "GUILD_SOUNDBOARD_SOUND_CREATE": sound_create,
    "GUILD_SOUNDBOARD_SOUND_UPDATE": sound_update,
    "GUILD_SOUNDBOARD_SOUND_DELETE": sound_delete,
    "GUILD_SOUNDBOARD_SOUNDS_UPDATE": sounds_update,
    "SOUNDBOARD_SOUNDS": soundboard_sounds,
}
