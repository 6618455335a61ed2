"""Integrations, authorizations and commands."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import (
    ApplicationCommandPermissionType,
    ApplicationType,
    Disclosure,
    IntegrationExpireBehavior,
    IntegrationType,
)
from cluster.events.enums.guilds import RoleConnectionOperatorType
from cluster.events.objects.applications import ApplicationSku
from cluster.events.objects.products import Application
from cluster.events.objects.users import User


class RoleConnectionMetadata(Object):
    """What an application knows of its users that a role can ask for."""

    type: RoleConnectionOperatorType
    key: str
    name: str
    name_localizations: dict[str, str] | Absent = UNSET
    description: str
    description_localizations: dict[str, str] | Absent = UNSET


class IntegrationAccount(Object):
    """The account at the other service."""

    id: str
    name: str


class IntegrationApplication(Object):
    """The application behind an integration."""

    id: Snowflake
    name: str
    description: str
    icon: str | None
    cover_image: str | Absent = UNSET
    splash: str | Absent = UNSET
    type: ApplicationType | Absent | None = UNSET
    primary_sku_id: Snowflake | Absent = UNSET
    bot: User | Absent = UNSET
    deeplink_uri: str | Absent | None = UNSET
    third_party_skus: list[ApplicationSku] | Absent = UNSET
    role_connections_verification_url: str | Absent | None = UNSET
    connection_entrypoint_url: str | Absent = UNSET
    is_verified: bool | Absent = UNSET
    is_discoverable: bool | Absent = UNSET
    is_monetized: bool | Absent = UNSET
    parent_id: Snowflake | Absent = UNSET


class Integration(Object):
    """A service or application that was added to a guild."""

    id: Snowflake
    name: str
    type: IntegrationType
    enabled: bool
    account: IntegrationAccount
    syncing: bool | Absent = UNSET
    role_id: Snowflake | Absent | None = UNSET
    enable_emoticons: bool | Absent = UNSET
    expire_behavior: IntegrationExpireBehavior | Absent = UNSET
    expire_grace_period: int | Absent = UNSET
    synced_at: datetime | Absent = UNSET
    subscriber_count: int | Absent = UNSET
    revoked: bool | Absent = UNSET
    application: IntegrationApplication | Absent = UNSET
    scopes: list[str] | Absent = UNSET
    role_connections_metadata: list[RoleConnectionMetadata] | Absent = UNSET
    user: User | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET


class OAuth2Authorization(Object):
    """An application that the account authorized."""

    id: Snowflake
    scopes: list[str]
    application: Application
    disclosures: list[Disclosure] | Absent = UNSET


class CommandPermission(Object):
    """Who may, or may not, use a command."""

    id: Snowflake
    type: ApplicationCommandPermissionType
    permission: bool


class GuildCommandPermissions(Object):
    """Who may use a command in a guild."""

    id: Snowflake
    application_id: Snowflake
    guild_id: Snowflake
    permissions: list[CommandPermission]


class CommandOptionChoice(Object):
    """A value that an option can have."""

    name: str
    name_localizations: dict[str, str] | Absent | None = UNSET
    name_localized: str | Absent | None = UNSET
    value: str | int | float
