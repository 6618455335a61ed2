"""Friends, requests, suggestions and invitations."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.users import ConnectionType, FriendSuggestionReasonType, RelationshipType
from cluster.events.objects.users import User


class Relationship(Object):
    """A friend, a blocked user, or a request."""

    id: Snowflake
    type: RelationshipType
    user: User | Absent = UNSET
    nickname: str | Absent | None = UNSET
    is_spam_request: bool | Absent = UNSET
    stranger_request: bool | Absent = UNSET
    user_ignored: bool | Absent = UNSET
    origin_application_id: Snowflake | Absent | None = UNSET
    since: datetime | Absent = UNSET
    has_played_game: bool | Absent = UNSET
    note: str | Absent = UNSET
    user_id: Snowflake | Absent = UNSET
    """Id of the user, in place of ``user`` with capability DEDUPE_USER_OBJECTS."""


class PartialRelationship(Object):
    """A relationship, as far as it was changed."""

    id: Snowflake
    type: RelationshipType
    nickname: str | Absent | None = UNSET
    since: datetime | Absent = UNSET
    stranger_request: bool | Absent = UNSET
    user_ignored: bool | Absent = UNSET


class GameRelationship(Object):
    """A friend within a game."""

    id: Snowflake
    application_id: Snowflake
    type: int
    user: User | Absent = UNSET
    since: datetime
    dm_access_type: int
    """Who may write private messages in the game."""
    user_id: Snowflake


class FriendSuggestionReason(Object):
    """Why somebody is suggested."""

    type: FriendSuggestionReasonType
    platform: ConnectionType | Absent = UNSET
    name: str | Absent = UNSET
    platform_type: ConnectionType | Absent = UNSET


class FriendSuggestion(Object):
    """Somebody whom the account may know."""

    suggested_user: User
    reasons: list[FriendSuggestionReason]
    from_suggested_user_contacts: bool | Absent = UNSET


class GameInvite(Object):
    """An invitation to a game."""

    invite_id: Snowflake
    created_at: datetime
    ttl: int
    inviter_id: Snowflake
    recipient_id: Snowflake
    platform_type: ConnectionType
    launch_parameters: str
    installed: bool | Absent = UNSET
    joinable: bool | Absent = UNSET
    fallback_url: str | None
    application_asset: str
    application_name: str
