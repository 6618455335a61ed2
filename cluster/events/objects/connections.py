"""Accounts at other services."""

from __future__ import annotations

from typing import Any

from cluster.events.base import UNSET, Absent, Object
from cluster.events.enums.applications import IntegrationType
from cluster.events.enums.users import ConnectionType, VisibilityType
from cluster.events.objects.guilds import PartialGuild
from cluster.events.objects.integrations import IntegrationAccount


class ConnectionIntegration(Object):
    """A guild's integration that a connection belongs to."""

    id: str
    type: IntegrationType
    account: IntegrationAccount
    guild: PartialGuild


class Connection(Object):
    """An account at another service, connected to the user."""

    id: str | Absent = UNSET
    type: ConnectionType | Absent = UNSET
    name: str | Absent = UNSET
    verified: bool | Absent = UNSET
    metadata: dict[str, Any] | Absent = UNSET
    metadata_visibility: VisibilityType | Absent = UNSET
    revoked: bool | Absent = UNSET
    integrations: list[ConnectionIntegration] | Absent = UNSET
    friend_sync: bool | Absent = UNSET
    show_activity: bool | Absent = UNSET
    two_way_link: bool | Absent = UNSET
    visibility: VisibilityType | Absent = UNSET
    access_token: str | Absent = UNSET
