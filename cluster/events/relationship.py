"""Relationships, in Discord and in games."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.objects.relationships import (
    GameInvite,
    GameRelationship,
    PartialRelationship,
    Relationship,
)


@dispatch("RELATIONSHIP_ADD", "Relationship")
class RelationshipAdd(Dispatch):
    """Somebody became a friend, was blocked, or asks to be a friend."""

    relationship: Payload[Relationship]
    should_notify: bool | Absent = UNSET


@dispatch("RELATIONSHIP_UPDATE", "Relationship")
class RelationshipUpdate(Dispatch):
    """A relationship was changed, but not its type."""

    relationship: Payload[PartialRelationship]


@dispatch("RELATIONSHIP_REMOVE", "Relationship")
class RelationshipRemove(Dispatch):
    """A relationship has ended."""

    relationship: Payload[PartialRelationship]


@dispatch("GAME_RELATIONSHIP_ADD", "Game Relationship")
class GameRelationshipAdd(Dispatch):
    """A friendship within a game began."""

    relationship: Payload[GameRelationship]


@dispatch("GAME_RELATIONSHIP_REMOVE", "Game Relationship")
class GameRelationshipRemove(Dispatch):
    """A friendship within a game has ended."""

    id: Snowflake
    application_id: Snowflake
    type: int
    since: datetime
    dm_access_type: int
    user_id: Snowflake


@dispatch("GAME_INVITE_CREATE", "Game Relationship", listed=False)
class GameInviteCreate(Dispatch):
    """The account was invited to a game."""

    invite: Payload[GameInvite]


@dispatch("GAME_INVITE_DELETE", "Game Relationship", listed=False)
class GameInviteDelete(Dispatch):
    """An invitation to a game is gone."""

    invite_id: Snowflake


@dispatch("GAME_INVITE_DELETE_MANY", "Game Relationship", listed=False)
class GameInviteDeleteMany(Dispatch):
    """Several invitations to games are gone."""

    invite_ids: list[Snowflake]
