"""Guilds: integrations and invites."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.guilds import InviteTargetType, InviteType
from cluster.events.objects.integrations import Integration
from cluster.events.objects.products import Application
from cluster.events.objects.users import User


@dispatch("GUILD_INTEGRATIONS_UPDATE", "Guild/Integration")
class GuildIntegrationsUpdate(Dispatch):
    """A guild's integrations were changed."""

    guild_id: Snowflake


@dispatch("INTEGRATION_CREATE", "Guild/Integration")
class IntegrationCreate(Dispatch):
    """An integration was added."""

    integration: Payload[Integration]
    guild_id: Snowflake


@dispatch("INTEGRATION_UPDATE", "Guild/Integration")
class IntegrationUpdate(Dispatch):
    """An integration was changed."""

    integration: Payload[Integration]
    guild_id: Snowflake


@dispatch("INTEGRATION_DELETE", "Guild/Integration")
class IntegrationDelete(Dispatch):
    """An integration was removed."""

    id: Snowflake
    guild_id: Snowflake
    application_id: Snowflake | Absent = UNSET


@dispatch("INVITE_CREATE", "Guild/Invite")
class InviteCreate(Dispatch):
    """An invite was made."""

    code: str
    type: InviteType | Absent = UNSET
    channel_id: Snowflake
    guild_id: Snowflake
    inviter: User | Absent = UNSET
    target_type: InviteTargetType | Absent = UNSET
    target_user: User | Absent = UNSET
    target_application: Application | Absent = UNSET
    role_ids: list[Snowflake] | Absent = UNSET
    expires_at: datetime | Absent | None = UNSET
    created_at: datetime
    uses: int
    max_uses: int
    """How often the invite can be used; 0: without a limit."""
    max_age: int
    """For how many seconds the invite is valid; 0: for ever."""
    temporary: bool


@dispatch("INVITE_DELETE", "Guild/Invite")
class InviteDelete(Dispatch):
    """An invite was revoked."""

    code: str
    channel_id: Snowflake
    guild_id: Snowflake
