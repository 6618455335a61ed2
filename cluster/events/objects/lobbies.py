"""Lobbies of games."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.channels import LobbyFlags, LobbyMemberFlags
from cluster.events.objects.channels import Channel
from cluster.events.objects.users import User
from cluster.events.objects.voice import LobbyVoiceState


class LobbyMember(Object):
    """A member of a lobby."""

    id: Snowflake | Absent = UNSET
    """Id of the member's user."""
    metadata: dict[str, str] | Absent | None = UNSET
    flags: LobbyMemberFlags | Absent = UNSET
    connected: bool | Absent = UNSET
    user: User | Absent = UNSET
    additional_name: str | Absent | None = UNSET
    """What the member is called beside the user's name: in the game, say; 1 to 80 characters."""


class Lobby(Object):
    """A lobby of a game."""

    id: Snowflake
    application_id: Snowflake
    metadata: dict[str, str] | Absent | None = UNSET
    members: list[LobbyMember] | Absent = UNSET
    flags: LobbyFlags | Absent = UNSET
    linked_channel: Channel | Absent = UNSET
    voice_states: list[LobbyVoiceState] | Absent = UNSET
    region: str | Absent = UNSET
