"""Friend suggestions."""

from __future__ import annotations

from cluster.events.base import Dispatch, Payload, Snowflake, dispatch
from cluster.events.objects.relationships import FriendSuggestion


@dispatch("FRIEND_SUGGESTION_CREATE", "Friend")
class FriendSuggestionCreate(Dispatch):
    """Somebody whom the account may know."""

    suggestion: Payload[FriendSuggestion]


@dispatch("FRIEND_SUGGESTION_DELETE", "Friend")
class FriendSuggestionDelete(Dispatch):
    """A suggestion was withdrawn."""

    suggested_user_id: Snowflake
