"""Presences, activities and sessions."""

from __future__ import annotations

from typing import Any

from cluster.events.base import UNSET, Absent, Object, Snowflake, UnixTime
from cluster.events.enums.presences import (
    ActivityFlags,
    ActivityType,
    ClientType,
    OperatingSystemType,
    PresencePlatform,
    Status,
    StatusDisplayType,
)
from cluster.events.objects.users import PartialUser


class ActivityTimestamps(Object):
    """When an activity began and ends."""

    start: UnixTime | Absent = UNSET
    end: UnixTime | Absent = UNSET


class ActivityEmoji(Object):
    """The emoji of a custom status."""

    name: str
    id: Snowflake | Absent = UNSET
    animated: bool | Absent = UNSET


class ActivityParty(Object):
    """The players that are together in a game."""

    id: str | Absent = UNSET
    size: list[int] | Absent = UNSET
    """How many players there are, and how many there may be."""


class ActivityAssets(Object):
    """Pictures of an activity, and their texts."""

    large_image: str | Absent = UNSET
    large_text: str | Absent = UNSET
    large_url: str | Absent = UNSET
    small_image: str | Absent = UNSET
    small_text: str | Absent = UNSET
    small_url: str | Absent = UNSET
    invite_cover_image: str | Absent = UNSET


class ActivitySecrets(Object):
    """With these others join: who has them is in."""

    join: str | Absent = UNSET
    spectate: str | Absent = UNSET
    """Deprecated."""
    match: str | Absent = UNSET
    """Deprecated."""


class ActivityMetadata(Object):
    """What lies behind an activity's buttons and texts."""

    button_urls: list[str] | Absent = UNSET
    artist_ids: list[str] | Absent = UNSET
    album_id: str | Absent = UNSET
    context_uri: str | Absent = UNSET
    type: str | Absent = UNSET


class Activity(Object):
    """What somebody does."""

    id: str | Absent = UNSET
    name: str
    type: ActivityType
    url: str | Absent | None = UNSET
    created_at: UnixTime | Absent = UNSET
    session_id: str | Absent | None = UNSET
    platform: PresencePlatform | Absent = UNSET
    supported_platforms: list[PresencePlatform] | Absent = UNSET
    timestamps: ActivityTimestamps | Absent = UNSET
    application_id: Snowflake | Absent = UNSET
    parent_application_id: Snowflake | Absent = UNSET
    status_display_type: StatusDisplayType | Absent | None = UNSET
    details: str | Absent | None = UNSET
    details_url: str | Absent | None = UNSET
    state: str | Absent | None = UNSET
    state_url: str | Absent | None = UNSET
    sync_id: str | Absent = UNSET
    flags: ActivityFlags | Absent = UNSET
    buttons: list[str] | Absent = UNSET
    emoji: ActivityEmoji | Absent | None = UNSET
    party: ActivityParty | Absent = UNSET
    assets: ActivityAssets | Absent = UNSET
    secrets: ActivitySecrets | Absent = UNSET
    metadata: ActivityMetadata | Absent = UNSET
    instance: bool | Absent = UNSET
    content_classification: dict[str, Any] | Absent | None = UNSET
    """What Discord thinks that the activity shows: ``data`` and ``loaded``."""


class ClientStatus(Object):
    """Status by platform; absent where somebody is offline."""

    desktop: Status | Absent = UNSET
    mobile: Status | Absent = UNSET
    web: Status | Absent = UNSET
    embedded: Status | Absent = UNSET
    vr: Status | Absent = UNSET


class Presence(Object):
    """A user's status and activities. Discord does not check these fields."""

    user: PartialUser | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    status: Status
    activities: list[Activity]
    hidden_activities: list[Activity] | Absent = UNSET
    client_status: ClientStatus
    has_played_game: bool | Absent = UNSET
    processed_at_timestamp: UnixTime | Absent = UNSET
    """When Discord worked it out; 1970 where Discord writes 0, of users who are offline, say."""
    restricted_application: Any | Absent | None = UNSET
    user_id: Snowflake | Absent = UNSET
    """Id of the user, in place of ``user`` with capability DEDUPE_USER_OBJECTS."""


class ClientInfo(Object):
    """The client of a session."""

    client: ClientType
    os: OperatingSystemType
    version: int


class Session(Object):
    """A session of the account."""

    session_id: str
    client_info: ClientInfo
    status: Status
    activities: list[Activity]
    hidden_activities: list[Activity] | Absent = UNSET
    active: bool | Absent = UNSET
    last_modified: UnixTime | Absent | None = UNSET
    processed_at_timestamp: UnixTime | Absent = UNSET
    """As that of `Presence`."""
