"""Who a user is in a game."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object
from cluster.events.enums.applications import IdentityProvider
from cluster.events.objects.components import UnfurledMediaItem


class ProfilePrimaryData(Object):
    """What a game shows of its player."""

    season: str | Absent = UNSET
    rank_name: str | Absent = UNSET
    highest_rank: str | Absent = UNSET
    featured_played_character: str | Absent = UNSET
    featured_played_character_image: UnfurledMediaItem | Absent = UNSET
    playtime_hours: float | Absent = UNSET
    total_wins: int | Absent = UNSET
    current_period_wins: int | Absent = UNSET
    total_games: int | Absent = UNSET
    current_period_games: int | Absent = UNSET
    total_kills: int | Absent = UNSET
    current_period_kills: int | Absent = UNSET
    total_assists: int | Absent = UNSET
    current_period_assists: int | Absent = UNSET
    total_deaths: int | Absent = UNSET
    current_period_deaths: int | Absent = UNSET
    server_name: str | Absent = UNSET
    user_id: str | Absent = UNSET
    union_level: str | Absent = UNSET
    total_resonators: int | Absent = UNSET
    total_achievements: int | Absent = UNSET
    total_echoes: int | Absent = UNSET
    login_days: int | Absent = UNSET
    data_bank_level: str | Absent = UNSET


class DynamicField(Object):
    """A text, number or picture that the game chose."""

    type: int
    name: str
    value: str | int | UnfurledMediaItem


class ProfileData(Object):
    """What a game shows of its player."""

    primary: ProfilePrimaryData | Absent = UNSET
    dynamic: list[DynamicField] | Absent = UNSET


class ProfileExternalId(Object):
    """Who the player is to the game's identity provider."""

    provider_type: IdentityProvider
    provider_issued_user_id: str
    provider_id: str | None
    preferred_global_name: str | None


class ApplicationProfile(Object):
    """Who the user is in a game."""

    username: str | None
    metadata: str | None
    data: ProfileData | Absent | None = UNSET
    data_trusted: bool | Absent | None = UNSET
    external_id: ProfileExternalId
    avatar_hash: str | None
