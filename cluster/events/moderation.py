"""Guilds: the audit log, bans, auto moderation, requests to join."""

from __future__ import annotations

from datetime import datetime

from cluster.events.base import UNSET, Absent, Dispatch, Payload, Snowflake, dispatch
from cluster.events.enums.guilds import JoinRequestStatus
from cluster.events.enums.moderation import AutomodTriggerType
from cluster.events.objects.guilds import GuildBulkBan, GuildJoinRequest
from cluster.events.objects.moderation import AuditLogEntry, AutomodAction, AutomodRule
from cluster.events.objects.users import User


@dispatch("GUILD_AUDIT_LOG_ENTRY_CREATE", "Guild/Log")
class GuildAuditLogEntryCreate(Dispatch):
    """Something was done that the audit log keeps."""

    entry: Payload[AuditLogEntry]
    guild_id: Snowflake | Absent = UNSET


@dispatch("GUILD_BAN_ADD", "Guild/Ban")
class GuildBanAdd(Dispatch):
    """Somebody was banned."""

    guild_id: Snowflake
    user: User
    delete_message_secs: int | Absent = UNSET
    """Messages of the last so many seconds were deleted."""


@dispatch("GUILD_BAN_REMOVE", "Guild/Ban")
class GuildBanRemove(Dispatch):
    """A ban was lifted."""

    guild_id: Snowflake
    user: User


@dispatch("GUILD_BULK_BAN_UPDATE", "Guild/Ban", listed=False, documented=False)
class GuildBulkBanUpdate(Dispatch):
    """Many were banned at once."""

    guild_id: Snowflake | Absent = UNSET
    bulk_ban: GuildBulkBan | Absent | None = UNSET


@dispatch("AUTO_MODERATION_RULE_CREATE", "Guild/Auto Moderation")
class AutoModerationRuleCreate(Dispatch):
    """A rule was created."""

    rule: Payload[AutomodRule]


@dispatch("AUTO_MODERATION_RULE_UPDATE", "Guild/Auto Moderation")
class AutoModerationRuleUpdate(Dispatch):
    """A rule was changed."""

    rule: Payload[AutomodRule]


@dispatch("AUTO_MODERATION_RULE_DELETE", "Guild/Auto Moderation")
class AutoModerationRuleDelete(Dispatch):
    """A rule was deleted."""

    rule: Payload[AutomodRule]


@dispatch("AUTO_MODERATION_ACTION_EXECUTION", "Guild/Auto Moderation")
class AutoModerationActionExecution(Dispatch):
    """A rule was broken, and this was done."""

    guild_id: Snowflake
    action: AutomodAction
    rule_id: Snowflake
    rule_trigger_type: AutomodTriggerType
    user_id: Snowflake
    channel_id: Snowflake | Absent = UNSET
    message_id: Snowflake | Absent = UNSET
    alert_system_message_id: Snowflake | Absent = UNSET
    content: str | Absent = UNSET
    matched_keyword: str | Absent | None = UNSET
    matched_content: str | Absent | None = UNSET


@dispatch("AUTO_MODERATION_MENTION_RAID_DETECTION", "Guild/Auto Moderation")
class AutoModerationMentionRaidDetection(Dispatch):
    """Many mentions in a short time: a raid, it seems."""

    guild_id: Snowflake
    decision_id: str
    suspicious_mention_activity_until: datetime


@dispatch("GUILD_JOIN_REQUEST_CREATE", "Guild/Requests")
class GuildJoinRequestCreate(Dispatch):
    """Somebody asks to join a guild."""

    guild_id: Snowflake
    request: GuildJoinRequest
    status: JoinRequestStatus


@dispatch("GUILD_JOIN_REQUEST_UPDATE", "Guild/Requests")
class GuildJoinRequestUpdate(Dispatch):
    """A request to join was handed in, approved or rejected."""

    guild_id: Snowflake
    request: GuildJoinRequest
    status: JoinRequestStatus


@dispatch("GUILD_JOIN_REQUEST_DELETE", "Guild/Requests")
class GuildJoinRequestDelete(Dispatch):
    """A request to join was withdrawn."""

    guild_id: Snowflake
    id: Snowflake
    user_id: Snowflake
