"""Users, and what they wear."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake, UnixTime
from cluster.events.enums.users import (
    AgeVerificationStatus,
    AuthenticatorType,
    DisplayNameEffect,
    DisplayNameFont,
    LinkStatus,
    LinkType,
    NameplateColorPalette,
    PremiumSource,
    PremiumSubscriptionGroupRole,
    PremiumSubscriptionType,
    PremiumType,
    PremiumUsageFlags,
    PurchasedFlags,
    UserFlags,
)


class AvatarDecorationData(Object):
    """The frame around an avatar."""

    asset: str
    sku_id: Snowflake
    expires_at: UnixTime | Absent | None = UNSET


class NameplateData(Object):
    """The background of a name in lists."""

    id: Snowflake | Absent = UNSET
    asset: str | Absent = UNSET
    sku_id: Snowflake | Absent = UNSET
    label: str | Absent = UNSET
    palette: NameplateColorPalette | Absent = UNSET
    expires_at: UnixTime | Absent | None = UNSET


class Collectibles(Object):
    """What a user has collected and wears."""

    nameplate: NameplateData | Absent | None = UNSET


class DisplayNameStyle(Object):
    """The font, effect and colours of a name."""

    font_id: DisplayNameFont
    effect_id: DisplayNameEffect
    colors: list[int]


class PrimaryGuild(Object):
    """The guild whose tag a user wears."""

    identity_enabled: bool | Absent | None = UNSET
    identity_guild_id: Snowflake | Absent | None = UNSET
    tag: str | Absent | None = UNSET
    badge: str | Absent | None = UNSET


class PremiumState(Object):
    """Where a user's Nitro comes from."""

    premium_source: PremiumSource
    premium_subscription_type: PremiumSubscriptionType
    premium_subscription_group_role: PremiumSubscriptionGroupRole | Absent = UNSET


class LinkedUser(Object):
    """A parent's or child's account, in the Family Center."""

    created_at: datetime
    updated_at: datetime
    link_status: LinkStatus
    link_type: LinkType
    requestor_id: Snowflake
    user_id: Snowflake


class Authenticator(Object):
    """A security key."""

    id: str
    type: AuthenticatorType | str
    """Kind of the authenticator. The documentation says a text, and shows a number."""
    name: str
    last_used: datetime | None
    cred_id: str | Absent = UNSET


class PartialUser(Object):
    """A user of whom perhaps only the id is told, as in presences."""

    id: Snowflake
    username: str | Absent = UNSET
    discriminator: str | Absent = UNSET
    global_name: str | Absent | None = UNSET
    avatar: str | Absent | None = UNSET
    avatar_decoration_data: AvatarDecorationData | Absent | None = UNSET
    collectibles: Collectibles | Absent | None = UNSET
    display_name_styles: DisplayNameStyle | Absent | None = UNSET
    primary_guild: PrimaryGuild | Absent | None = UNSET
    bot: bool | Absent = UNSET
    system: bool | Absent = UNSET
    banner: str | Absent | None = UNSET
    accent_color: int | Absent | None = UNSET
    public_flags: UserFlags | Absent = UNSET


class User(PartialUser):
    """A user. What stands below ``username`` only the account itself is told."""

    username: str
    linked_users: list[LinkedUser] | Absent = UNSET
    mfa_enabled: bool | Absent = UNSET
    nsfw_allowed: bool | Absent | None = UNSET
    age_verification_status: AgeVerificationStatus | Absent = UNSET
    pronouns: str | Absent = UNSET
    bio: str | Absent = UNSET
    locale: str | Absent = UNSET
    verified: bool | Absent = UNSET
    email: str | Absent | None = UNSET
    phone: str | Absent | None = UNSET
    premium: bool | Absent = UNSET
    """Deprecated."""
    premium_type: PremiumType | Absent = UNSET
    premium_state: PremiumState | Absent = UNSET
    personal_connection_id: Snowflake | Absent = UNSET
    flags: UserFlags | Absent = UNSET
    purchased_flags: PurchasedFlags | Absent = UNSET
    premium_usage_flags: PremiumUsageFlags | Absent = UNSET
    desktop: bool | Absent = UNSET
    mobile: bool | Absent = UNSET
    has_bounced_email: bool | Absent = UNSET
    authenticator_types: list[AuthenticatorType] | Absent = UNSET
    analytics_token: str | Absent = UNSET
