"""Values for any event, from the documentation's fields: the events that nobody models by hand.

A value is chosen by its type and, within the type, by the name of its field. What names somebody
or something (guild, channel, user, role) is taken from the guild that the event happens in, and
objects that the world has (users, members, channels ...) are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cluster.sandbox.catalogue import Catalogue, Field, catalogue
from cluster.sandbox.catalogue.types import Array, Either, Map, Ref, Row, Scalar, Type, Versioned
from cluster.sandbox.world import values
from cluster.sandbox.world.event import WorldEvent
from cluster.sandbox.world.objects.messages import message
from cluster.sandbox.world.scene import Handler, Scene
from cluster.sandbox.world.state import Guild, Json

_EVERY_FIELD_TO: Final = 1
"""Depth down to which optional fields are given, too."""
_DEEPEST: Final = 4
"""Depth below which arrays and maps are empty."""
_CUT: Final = 8
"""Depth below which objects are empty, too."""

_Build = Callable[[Scene, Guild], Json]


def _a_message(scene: Scene, guild: Guild) -> Json:
    author = scene.member(guild)
    sent_at = scene.clock.timestamp().decode()
    channel_id = guild.text_channels[0]
    return message(scene.clock.snowflake(), channel_id, author.user, "generated", sent_at)


def _a_presence(scene: Scene, guild: Guild) -> Json:
    return {
        "user": {"id": str(scene.member(guild).id)},
        "guild_id": str(guild.id),
        "status": "online",
        "activities": [],
        "client_status": {"desktop": "online"},
    }


def _a_list_item(scene: Scene, guild: Guild) -> Json:
    return {"member": scene.member(guild).full() | {"presence": _a_presence(scene, guild)}}


_OWN: Final[dict[str, _Build]] = {
    "user": lambda scene, guild: scene.member(guild).user,
    "guild member": lambda scene, guild: scene.member(guild).full(),
    "member": lambda scene, guild: scene.member(guild).full(),
    "channel": lambda scene, guild: guild.channels[guild.text_channels[0]],
    "role": lambda scene, guild: guild.roles[guild.id],
    "message": _a_message,
    "presence": _a_presence,
    "member list item": _a_list_item,
    "emoji": lambda scene, guild: {"id": None, "name": "\N{WAVING HAND SIGN}"},
    "guild": lambda scene, guild: (
        guild.data | {"roles": list(guild.roles.values()), "emojis": [], "stickers": []}
    ),
}
"""Objects that are taken from the world instead of being made up."""


class Generator:
    """Makes ``d`` of events from their fields; the same scene makes the same values."""

    def __init__(self, scene: Scene, application_id: int) -> None:
        self._scene = scene
        self._application_id = str(application_id)
        self._catalogue: Catalogue = catalogue()

    def handler(self, name: str) -> Handler:
        """Return what sends an event made from its fields. KeyError: there is no such event."""
        spec = self._catalogue.events[name]
        in_guild = spec.guild_id_path is not None or any(f.name == "guild_id" for f in spec.fields)

        def send(scene: Scene, guild: Guild) -> WorldEvent:
            return scene.event(name, guild if in_guild else None, self.data(name, guild))

        return send

    def data(self, name: str, guild: Guild) -> Any:
        """Make ``d`` of one event. KeyError: there is no such event."""
        spec = self._catalogue.events[name]
        if spec.array is not None:
            return self._value("", spec.array, guild, 0)
        made = self._fields(spec.fields, guild, 0)
        if spec.guild_id_path == "id":
            made["id"] = str(guild.id)
        return made

    def _fields(self, fields: tuple[Field, ...], guild: Guild, depth: int) -> Json:
        made: Json = {}
        for field in fields:
            if field.optional and (depth > _EVERY_FIELD_TO or field.deprecated):
                continue
            if depth >= _DEEPEST and not isinstance(field.type, Scalar):
                made[field.name] = self._empty(field, guild, depth)
            elif field.nullable and self._scene.draw.random() < 0.2:
                made[field.name] = None
            else:
                made[field.name] = self._value(field.name, field.type, guild, depth)
        return made

    def _empty(self, field: Field, guild: Guild, depth: int) -> Any:
        if field.nullable:
            return None
        if isinstance(field.type, Ref):
            return self._object(field.type, guild, depth + 1) if depth < _CUT else {}
        return [] if isinstance(field.type, Array | Row) else {}

    def _value(self, name: str, kind: Type, guild: Guild, depth: int) -> Any:
        if isinstance(kind, Scalar):
            return self._scalar(name, kind.kind, guild)
        if isinstance(kind, Ref):
            return self._object(kind, guild, depth + 1)
        if isinstance(kind, Array):
            return [self._value(name, kind.item, guild, depth + 1)] if depth < _DEEPEST else []
        if isinstance(kind, Row):
            return [self._value(name, item, guild, depth + 1) for item in kind.items]
        if isinstance(kind, Either):
            return self._value(name, kind.choices[0], guild, depth)
        if isinstance(kind, Versioned):
            entries = [self._value(name, kind.item, guild, depth + 1)]
            return {"entries": entries, "partial": False, "version": 1}
        return self._map(name, kind, guild, depth)

    def _map(self, name: str, kind: Map, guild: Guild, depth: int) -> Json:
        if depth >= _DEEPEST:
            return {}
        key = self._value(name, kind.key, guild, depth)
        return {str(key): self._value(name, kind.value, guild, depth + 1)}

    def _object(self, ref: Ref, guild: Guild, depth: int) -> Json:
        own = _OWN.get(ref.name)
        if own is not None:
            return own(self._scene, guild)
        return self._fields(self._catalogue.fields_of(ref.name, ref.partial), guild, depth)

    def _scalar(self, name: str, kind: str, guild: Guild) -> Any:
        if kind == "snowflake":
            return self._snowflake(name, guild)
        return values.scalar(name, kind, self._scene.draw, self._scene.clock)

    def _snowflake(self, name: str, guild: Guild) -> str:
        what = values.named_by(name)
        if what == "guild":
            return str(guild.id)
        if what == "channel":
            return str(guild.text_channels[0])
        if what == "user":
            return str(self._scene.member(guild).id)
        if what == "role":
            return str(guild.id)
        if what == "application":
            return self._application_id
        return str(self._scene.clock.snowflake())
