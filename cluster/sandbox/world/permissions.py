"""Which channels of a guild a member may view, by roles and overwrites.

Sources: Discord's documentation, "Topics / Permissions" ("Permission Overwrites") and "Channels
Resource", "Obfuscated Channels": a channel can be viewed with VIEW_CHANNEL in it, or by who is
connected to it; a category, too, if a channel in it can be viewed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

Json = dict[str, Any]

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
ALL_PERMISSIONS: Final = (1 << 53) - 1 & ~(1 << 47)
"""Every permission that is documented: bits 0 to 52, and bit 47 is none."""
_ROLE: Final = 0
"""Type of a role's overwrite; a member's has 1."""


class Viewer(NamedTuple):
    """A member, as far as permissions go. roles: ids, without @everyone's."""

    user_id: str
    guild_id: str
    roles: Collection[str]
    owns_guild: bool
    voice_channel_id: str | None
    """The voice channel that the member is connected to."""


def guild_permissions(viewer: Viewer, roles: Iterable[Json]) -> int:
    """Return what the member may do in the guild before any overwrite. roles: the guild's."""
    permissions = 0
    for role in roles:
        if role["id"] == viewer.guild_id or role["id"] in viewer.roles:
            permissions |= int(role["permissions"])
    if viewer.owns_guild or permissions & ADMINISTRATOR:
        return ALL_PERMISSIONS
    return permissions


def channel_permissions(viewer: Viewer, base: int, overwrites: Iterable[Json]) -> int:
    """Return what the member may do in a channel with these overwrites. base: in the guild."""
    if base & ADMINISTRATOR:
        return ALL_PERMISSIONS
    everyone = roles = own = (0, 0)
    for overwrite in overwrites:
        allow, deny = int(overwrite["allow"]), int(overwrite["deny"])
        if overwrite["type"] != _ROLE:
            if overwrite["id"] == viewer.user_id:
                own = (allow, deny)
        elif overwrite["id"] == viewer.guild_id:
            everyone = (allow, deny)
        elif overwrite["id"] in viewer.roles:
            roles = (roles[0] | allow, roles[1] | deny)
    for allow, deny in (everyone, roles, own):
        base = base & ~deny | allow
    return base


def hidden_channels(
    viewer: Viewer, roles: Iterable[Json], channels: Mapping[int, Json]
) -> frozenset[int]:
    """Return the ids of the channels that the member can't view. roles, channels: the guild's."""
    base = guild_permissions(viewer, roles)
    if base & ADMINISTRATOR:
        return frozenset()
    hidden = {
        channel_id
        for channel_id, channel in channels.items()
        if channel["id"] != viewer.voice_channel_id
        and not channel_permissions(viewer, base, channel["permission_overwrites"]) & VIEW_CHANNEL
    }
    viewed = (channels[channel_id]["parent_id"] for channel_id in channels.keys() - hidden)
    return frozenset(hidden - {int(parent) for parent in viewed if parent is not None})
