"""Lobbies of games."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.channels import ChannelType
from cluster.events.enums.gateway import LobbyDeletionReason
from cluster.events.objects.lobbies import Lobby, LobbyMember
from cluster.events.objects.members import Member
from cluster.events.objects.messages import PartialMessage
from cluster.events.objects.voice import LobbyVoiceState


@dispatch("LOBBY_CREATE", "Lobby", listed=False)
class LobbyCreate(Dispatch):
    """A lobby was created, or the account joined it."""

    lobby: Payload[Lobby]


@dispatch("LOBBY_UPDATE", "Lobby", listed=False)
class LobbyUpdate(Dispatch):
    """A lobby was changed."""

    lobby: Payload[Lobby]


@dispatch("LOBBY_DELETE", "Lobby", listed=False)
class LobbyDelete(Dispatch):
    """A lobby was deleted, or the account is out of it."""

    id: Snowflake
    reason: LobbyDeletionReason


@dispatch("LOBBY_MEMBER_ADD", "Lobby", listed=False)
class LobbyMemberAdd(Dispatch):
    """Somebody joined a lobby."""

    member: LobbyMember
    lobby_id: Snowflake
    application_id: Snowflake


@dispatch("LOBBY_MEMBER_UPDATE", "Lobby", listed=False)
class LobbyMemberUpdate(Dispatch):
    """A member of a lobby was changed."""

    member: LobbyMember
    lobby_id: Snowflake
    application_id: Snowflake


@dispatch("LOBBY_MEMBER_REMOVE", "Lobby", listed=False)
class LobbyMemberRemove(Dispatch):
    """Somebody left a lobby."""

    member: LobbyMember
    lobby_id: Snowflake
    application_id: Snowflake


@dispatch("LOBBY_MEMBER_CONNECT", "Lobby", listed=False)
class LobbyMemberConnect(Dispatch):
    """A member joined a lobby's call."""

    member: LobbyMember
    lobby_id: Snowflake


@dispatch("LOBBY_MEMBER_DISCONNECT", "Lobby", listed=False)
class LobbyMemberDisconnect(Dispatch):
    """A member left a lobby's call."""

    member: LobbyMember
    lobby_id: Snowflake


@dispatch("LOBBY_MESSAGE_CREATE", "Lobby", listed=False)
class LobbyMessageCreate(Dispatch):
    """A message was sent in a lobby."""

    message: Payload[PartialMessage]
    channel_type: ChannelType | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    metadata: dict[str, str] | Absent = UNSET
    moderation_metadata: dict[str, str] | Absent = UNSET


@dispatch("LOBBY_MESSAGE_UPDATE", "Lobby", listed=False)
class LobbyMessageUpdate(Dispatch):
    """A message in a lobby was edited."""

    message: Payload[PartialMessage]
    channel_type: ChannelType | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    metadata: dict[str, str] | Absent = UNSET
    moderation_metadata: dict[str, str] | Absent = UNSET


@dispatch("LOBBY_MESSAGE_DELETE", "Lobby", listed=False)
class LobbyMessageDelete(Dispatch):
    """A message in a lobby was deleted."""

    id: Snowflake
    lobby_id: Snowflake


@dispatch("LOBBY_VOICE_STATE_UPDATE", "Lobby", listed=False)
class LobbyVoiceStateUpdate(Dispatch):
    """Somebody joined, left or muted themselves in a lobby's call."""

    voice_state: Payload[LobbyVoiceState]


@dispatch("LOBBY_VOICE_SERVER_UPDATE", "Lobby", listed=False)
class LobbyVoiceServerUpdate(Dispatch):
    """Where to connect for a lobby's voice, and with which token."""

    token: str
    lobby_id: Snowflake
    endpoint: str | None
    """Host of the voice server; None: it has gone away, wait for another."""
