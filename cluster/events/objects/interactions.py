"""Interactions."""

from __future__ import annotations

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import (
    ApplicationCommandOptionType,
    ApplicationCommandType,
    InteractionContextType,
    InteractionType,
)
from cluster.events.enums.guilds import Permissions
from cluster.events.enums.messages import ComponentType
from cluster.events.objects.billing import Entitlement
from cluster.events.objects.channels import Channel
from cluster.events.objects.components import Component
from cluster.events.objects.guilds import PartialGuild
from cluster.events.objects.members import Member
from cluster.events.objects.messages import Message, ResolvedData
from cluster.events.objects.users import User


class InteractionGuild(PartialGuild):
    """The guild that an interaction came from."""

    locale: str | Absent = UNSET


class CommandOption(Object):
    """An option of a command as it was given, or a subcommand with options of its own."""

    name: str
    type: ApplicationCommandOptionType
    value: str | int | float | bool | Absent = UNSET
    options: list[CommandOption] | Absent = UNSET
    focused: bool | Absent = UNSET
    """Set for the option that is being written, in an autocomplete interaction."""


class InteractionData(Object):
    """What was used. A command has a name, a component a ``component_type``, a form
    ``components``."""

    id: Snowflake | Absent = UNSET
    name: str | Absent = UNSET
    type: ApplicationCommandType | Absent = UNSET
    options: list[CommandOption] | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    target_id: Snowflake | Absent = UNSET
    """The user or message that a command of the context menu is about."""
    custom_id: str | Absent = UNSET
    component_type: ComponentType | Absent = UNSET
    values: list[str] | Absent = UNSET
    components: list[Component] | Absent = UNSET
    resolved: ResolvedData | Absent = UNSET
    sku_id: Snowflake | Absent = UNSET


class Interaction(Object):
    """Somebody used a command or component, or sent a form."""

    version: int | Absent = UNSET
    id: Snowflake
    application_id: Snowflake | Absent = UNSET
    type: InteractionType | Absent = UNSET
    token: str | Absent = UNSET
    data: InteractionData | Absent = UNSET
    guild: InteractionGuild | Absent = UNSET
    guild_id: Snowflake | Absent = UNSET
    guild_locale: str | Absent = UNSET
    channel: Channel | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    member: Member | Absent = UNSET
    user: User | Absent = UNSET
    locale: str | Absent = UNSET
    message: Message | Absent = UNSET
    app_permissions: Permissions | Absent = UNSET
    entitlements: list[Entitlement] | Absent = UNSET
    entitlement_sku_ids: list[Snowflake] | Absent = UNSET
    """Deprecated."""
    authorizing_integration_owners: dict[int, Snowflake] | Absent = UNSET
    context: InteractionContextType | Absent = UNSET
    attachment_size_limit: int | Absent = UNSET
