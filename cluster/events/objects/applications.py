"""Applications, their teams and activities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import (
    ActivityLabel,
    ActivityLocationKind,
    ActivityPlatform,
    ActivitySurface,
    Distributor,
    GamePlatform,
    OrientationLock,
    ReleasePhase,
    TeamMembershipState,
    TeamPayoutAccountStatus,
    TeamPayoutGateway,
)
from cluster.events.enums.guilds import Permissions, PremiumTier
from cluster.events.enums.presences import OperatingSystemType
from cluster.events.objects.members import Member
from cluster.events.objects.users import User


class InstallParams(Object):
    """What an application asks for when it is added."""

    scopes: list[str]
    permissions: Permissions


class IntegrationTypeConfig(Object):
    """How an application is added to a guild, or to a user."""

    oauth2_install_params: InstallParams | Absent = UNSET


class ActivityPlatformConfig(Object):
    """How an activity is shown on a platform."""

    label_type: ActivityLabel
    label_until: datetime | Absent | None = UNSET
    release_phase: ReleasePhase
    omit_badge_from_surfaces: list[ActivitySurface]


class ActivityConfig(Object):
    """How an application runs inside of Discord."""

    application_id: Snowflake | Absent = UNSET
    activity_preview_video_asset_id: Snowflake | Absent | None = UNSET
    supported_platforms: list[ActivityPlatform] | Absent = UNSET
    default_orientation_lock_state: OrientationLock | Absent = UNSET
    tablet_default_orientation_lock_state: OrientationLock | Absent = UNSET
    requires_age_gate: bool | Absent = UNSET
    legacy_responsive_aspect_ratio: bool | Absent = UNSET
    premium_tier_requirement: PremiumTier | Absent | None = UNSET
    """Deprecated."""
    free_period_starts_at: datetime | Absent | None = UNSET
    """Deprecated."""
    free_period_ends_at: datetime | Absent | None = UNSET
    """Deprecated."""
    client_platform_config: dict[str, ActivityPlatformConfig] | Absent = UNSET
    shelf_rank: int | Absent = UNSET
    has_csp_exception: bool | Absent = UNSET
    displays_advertisements: bool | Absent = UNSET
    supported_locales: list[str] | Absent = UNSET
    blocked_locales: list[str] | Absent = UNSET


class ActivityLocation(Object):
    """Where an activity takes place."""

    id: str
    kind: ActivityLocationKind
    channel_id: Snowflake | Absent = UNSET
    guild_id: Snowflake | Absent | None = UNSET


class ActivityParticipant(Object):
    """Somebody in an activity."""

    user_id: Snowflake
    member: Member | Absent = UNSET
    session_id: str
    nonce: int | str | Absent | None = UNSET


class ActivityInstance(Object):
    """An activity that takes place, and who is in it."""

    application_id: Snowflake
    composite_instance_id: str
    instance_id: str
    launch_id: Snowflake
    location: ActivityLocation
    participants: list[ActivityParticipant]


class ApplicationExecutable(Object):
    """The program of a game, by which a client knows that it runs."""

    os: OperatingSystemType
    name: str
    is_launcher: bool


class ApplicationSku(Object):
    """A game in somebody else's store."""

    id: str | None
    sku: str | None
    distributor: Distributor


class Company(Object):
    """Who made or published a game."""

    name: str
    roles: list[int] | Absent = UNSET


class GameDataOverrides(Object):
    """What an application says of its game in place of what is known."""

    description: str | Absent | None = UNSET
    genres: list[int] | Absent = UNSET
    platforms: list[GamePlatform] | Absent = UNSET
    cover_hash: str | Absent | None = UNSET
    screenshot_hashes: list[str] | Absent = UNSET
    trailer_asset_ids: list[Snowflake] | Absent = UNSET
    websites: list[dict[str, Any]] | Absent = UNSET
    companies: list[Company] | Absent = UNSET
    shop_collection_ids: list[Snowflake] | Absent = UNSET
    banner_hash: str | Absent | None = UNSET
    icon_hash: str | Absent | None = UNSET
    game_flags: int | Absent = UNSET


class ApplicationDirectoryEntry(Object):
    """How an application is shown in the application directory."""

    guild_count: int | Absent = UNSET
    supported_locales: list[str] | Absent = UNSET
    popular_application_command_ids: list[Snowflake] | Absent = UNSET
    short_description: str | Absent = UNSET
    short_description_localizations: dict[str, str] | Absent | None = UNSET
    detailed_description: str | Absent = UNSET
    detailed_description_localizations: dict[str, str] | Absent | None = UNSET


class DirectoryCategory(Object):
    """A category of the application directory."""

    id: int
    name: str


class TeamMember(Object):
    """A member of a team of developers."""

    user: User
    team_id: Snowflake
    membership_state: TeamMembershipState | Absent = UNSET
    role: str | Absent = UNSET


class TeamPayoutAccount(Object):
    """Where a team's money goes."""

    gateway: TeamPayoutGateway
    status: TeamPayoutAccountStatus


class Team(Object):
    """A team of developers."""

    id: Snowflake
    name: str
    icon: str | None
    owner_user_id: Snowflake
    members: list[TeamMember] | Absent = UNSET
    payout_account_status: TeamPayoutAccountStatus | Absent | None = UNSET
    payout_account_statuses: list[TeamPayoutAccount] | Absent = UNSET
    stripe_connect_account_id: str | Absent = UNSET
