"""Auto moderation and the audit log."""

from __future__ import annotations

from typing import Any

from cluster.events.base import UNSET, Absent, Object, Snowflake
from cluster.events.enums.applications import IntegrationType
from cluster.events.enums.moderation import (
    AuditLogAction,
    AutomodActionType,
    AutomodEventType,
    AutomodKeywordPresetType,
    AutomodTriggerType,
)


class AuditLogChange(Object):
    """A field that was changed. Its values are of the field's type."""

    new_value: Any | Absent = UNSET
    old_value: Any | Absent = UNSET
    key: str


class AuditLogOptions(Object):
    """What else is known of an action."""

    application_id: Snowflake | Absent = UNSET
    auto_moderation_rule_name: str | Absent = UNSET
    auto_moderation_rule_trigger_type: str | int | Absent = UNSET
    channel_id: Snowflake | Absent = UNSET
    count: str | int | Absent = UNSET
    delete_member_days: str | int | Absent = UNSET
    event_exception_id: Snowflake | Absent = UNSET
    id: Snowflake | Absent = UNSET
    integration_type: IntegrationType | Absent = UNSET
    members_removed: str | int | Absent = UNSET
    message_id: Snowflake | Absent = UNSET
    role_name: str | Absent = UNSET
    status: str | Absent = UNSET
    type: str | int | Absent = UNSET


class AuditLogEntry(Object):
    """Who did what to whom."""

    target_id: Snowflake | None
    changes: list[AuditLogChange] | Absent = UNSET
    user_id: Snowflake | None
    id: Snowflake
    action_type: AuditLogAction
    options: AuditLogOptions | Absent = UNSET
    reason: str | Absent = UNSET


class AutomodActionMetadata(Object):
    """How the action is done."""

    channel_id: Snowflake | Absent = UNSET
    duration_seconds: int | Absent = UNSET
    custom_message: str | Absent = UNSET


class AutomodAction(Object):
    """What is done when a rule is broken."""

    type: AutomodActionType
    metadata: AutomodActionMetadata | Absent = UNSET


class AutomodTriggerMetadata(Object):
    """What breaks a rule."""

    keyword_filter: list[str] | Absent = UNSET
    regex_patterns: list[str] | Absent = UNSET
    presets: list[AutomodKeywordPresetType] | Absent = UNSET
    allow_list: list[str] | Absent = UNSET
    mention_total_limit: int | Absent = UNSET
    mention_raid_protection_enabled: bool | Absent = UNSET


class AutomodRule(Object):
    """A rule of a guild's auto moderation."""

    id: Snowflake
    guild_id: Snowflake
    name: str
    creator_id: Snowflake
    event_type: AutomodEventType
    trigger_type: AutomodTriggerType
    trigger_metadata: AutomodTriggerMetadata
    actions: list[AutomodAction]
    enabled: bool
    exempt_roles: list[Snowflake]
    exempt_channels: list[Snowflake]
