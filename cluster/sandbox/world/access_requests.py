"""A change of what the bot may view that somebody asks for: of a role, of the bot's roles, or of a
channel's overwrites."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from cluster.sandbox.world.scene import Handler
from cluster.sandbox.world.state import Guild
from cluster.sandbox.world.traffic import access, guilds

Decimal = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{1,20}\Z")]
"""A snowflake, or permissions, as Discord writes them."""
_FORMS: Final = "role_id and permissions, channel_id and overwrites, or bot_roles"


class Overwrite(msgspec.Struct, forbid_unknown_fields=True):
    """A permission overwrite. type: 0 for a role, 1 for a member."""

    id: Decimal
    type: Literal[0, 1]
    allow: Decimal = "0"
    deny: Decimal = "0"


class AccessRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One change in a guild; exactly one of _FORMS is given."""

    guild_id: Decimal
    role_id: Decimal | None = None
    permissions: Decimal | None = None
    channel_id: Decimal | None = None
    overwrites: Annotated[list[Overwrite], msgspec.Meta(max_length=1000)] | None = None
    bot_roles: Annotated[list[Decimal], msgspec.Meta(max_length=250)] | None = None


def handler_of(request: AccessRequest, guild: Guild) -> Handler:
    """Return what makes the change happen. ValueError: it can't be one change. KeyError: the guild
    has no such role or channel."""
    asked = request
    fields = (asked.role_id, asked.permissions, asked.channel_id, asked.overwrites, asked.bot_roles)
    given = sum(field is not None for field in fields)
    if asked.role_id is not None and asked.permissions is not None and given == 2:
        role, bits = int(guild.roles[int(asked.role_id)]["id"]), int(asked.permissions)
        return lambda scene, guild: guilds.set_permissions(scene, guild, role, bits)
    if asked.channel_id is not None and asked.overwrites is not None and given == 2:
        channel = int(guild.channels[int(asked.channel_id)]["id"])
        made = [msgspec.structs.asdict(one) for one in asked.overwrites]
        return lambda scene, guild: access.set_overwrites(scene, guild, channel, made)
    if asked.bot_roles is not None and given == 1:
        roles = [guild.roles[int(one)]["id"] for one in dict.fromkeys(asked.bot_roles)]
        return lambda scene, guild: guilds.set_bot_roles(scene, guild, roles)
    raise ValueError(f"give guild_id and {_FORMS}")
