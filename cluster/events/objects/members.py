"""Members of guilds, and their roles."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.guilds import GuildMemberFlags, Permissions, RoleFlags
from cluster.events.objects.presences import Presence
from cluster.events.objects.users import AvatarDecorationData, Collectibles, DisplayNameStyle, User


class RoleColors(Object):
    """A role's colours: one, two (a gradient) or three (holographic)."""

    primary_color: int
    secondary_color: int | None
    tertiary_color: int | Absent | None = UNSET


class RoleTags(Object):
    """Whose role it is. Discord writes yes as null: such a field is None for yes, UNSET for no."""

    bot_id: Snowflake | Absent = UNSET
    integration_id: Snowflake | Absent = UNSET
    premium_subscriber: Absent | None = UNSET
    subscription_listing_id: Snowflake | Absent = UNSET
    available_for_purchase: Absent | None = UNSET
    guild_connections: Absent | None = UNSET


class Role(Object):
    """A role of a guild."""

    id: Snowflake
    name: str
    description: str | Absent | None = UNSET
    color: int
    """Deprecated. The role's colour: 0xRRGGBB; 0: none."""
    colors: RoleColors | Absent = UNSET
    hoist: bool
    icon: str | Absent | None = UNSET
    unicode_emoji: str | Absent | None = UNSET
    position: int
    permissions: Permissions
    managed: bool
    mentionable: bool
    flags: RoleFlags | Absent = UNSET
    tags: RoleTags | Absent = UNSET
    version: str | int | Absent = UNSET


class Member(Object):
    """A user in a guild."""

    user: User | Absent = UNSET
    """The member's user; absent where the event has it beside the member, as MESSAGE_CREATE."""
    nick: str | Absent | None = UNSET
    avatar: str | Absent | None = UNSET
    avatar_decoration_data: AvatarDecorationData | Absent | None = UNSET
    collectibles: Collectibles | Absent | None = UNSET
    display_name_styles: DisplayNameStyle | Absent | None = UNSET
    banner: str | Absent | None = UNSET
    bio: str | Absent | None = UNSET
    roles: list[Snowflake]
    joined_at: datetime | None
    """When the member joined the guild; None for a guest."""
    premium_since: datetime | Absent | None = UNSET
    deaf: bool | Absent = UNSET
    mute: bool | Absent = UNSET
    pending: bool | Absent = UNSET
    communication_disabled_until: datetime | Absent | None = UNSET
    unusual_dm_activity_until: datetime | Absent | None = UNSET
    flags: GuildMemberFlags | Absent = UNSET
    permissions: Permissions | Absent = UNSET
    user_id: Snowflake | Absent = UNSET
    """Id of the user, in place of ``user`` with capability DEDUPE_USER_OBJECTS."""
    presence: Presence | Absent | None = UNSET
    """The member's presence, in THREAD_MEMBERS_UPDATE."""


class MentionedUser(User):
    """A user whom a message mentions; in a guild with what is known of the member."""

    member: Member | Absent = UNSET
