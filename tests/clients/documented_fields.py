"""Fields that Discord's official documentation gives without a question mark, for bots.

Written from the tables of "Gateway Events", "Guild", "Channel", "Permissions", "User", "Message",
"Voice" and "Gateway", independently of the sandbox's catalogue: two readings of the same pages.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

_USER = "id: snowflake; username: string; discriminator: string; global_name: ?string; avatar: ?hex"
TABLES = {
    "hello": "heartbeat_interval: integer",
    "gateway bot": "url: string; shards: integer; session_start_limit: session start limit",
    "session start limit": (
        "total: integer; remaining: integer; reset_after: integer; max_concurrency: integer"
    ),
    "ready": (
        "v: integer; user: user; guilds: [unavailable guild]; session_id: string;"
        "resume_gateway_url: string; shard: [integer]; application: partial application"
    ),
    "unavailable guild": "id: snowflake; unavailable: boolean",
    "partial application": "id: snowflake; flags: integer",
    "user": _USER,
    "guild create": (
        "id: snowflake; name: string; icon: ?hex; splash: ?hex; discovery_splash: ?hex;"
        "owner_id: snowflake; afk_channel_id: ?snowflake; afk_timeout: integer;"
        "verification_level: integer; default_message_notifications: integer;"
        "explicit_content_filter: integer; roles: [role]; emojis: [emoji]; features: [string];"
        "mfa_level: integer; application_id: ?snowflake; system_channel_id: ?snowflake;"
        "system_channel_flags: integer; rules_channel_id: ?snowflake; vanity_url_code: ?string;"
        "description: ?string; banner: ?hex; premium_tier: integer; preferred_locale: string;"
        "public_updates_channel_id: ?snowflake; nsfw_level: integer; stickers: [sticker];"
        "premium_progress_bar_enabled: boolean; safety_alerts_channel_id: ?snowflake;"
        "joined_at: timestamp; large: boolean; member_count: integer; voice_states: [voice state];"
        "members: [member]; channels: [channel]; threads: [channel]; presences: [presence];"
        "stage_instances: [object]; guild_scheduled_events: [object]; soundboard_sounds: [sound]"
    ),
    "role": (
        "id: snowflake; name: string; color: integer; colors: role colors; hoist: boolean;"
        "position: integer; permissions: number text; managed: boolean; mentionable: boolean;"
        "flags: integer"
    ),
    "role colors": "primary_color: integer; secondary_color: ?integer; tertiary_color: ?integer",
    "emoji": "id: ?snowflake; name: ?string",
    "sticker": (
        "id: snowflake; name: string; description: ?string; tags: string; type: integer;"
        "format_type: integer"
    ),
    "sound": (
        "name: string; sound_id: snowflake; volume: number; emoji_id: ?snowflake;"
        "emoji_name: ?string; available: boolean"
    ),
    "voice state": (
        "channel_id: ?snowflake; user_id: snowflake; session_id: string; deaf: boolean;"
        "mute: boolean; self_deaf: boolean; self_mute: boolean; self_video: boolean;"
        "suppress: boolean; request_to_speak_timestamp: ?timestamp"
    ),
    "member": (
        "user: user; roles: [snowflake]; joined_at: ?timestamp; deaf: boolean; mute: boolean;"
        "flags: integer"
    ),
    "channel": "id: snowflake; type: integer",
    "presence": (
        "user: identified; guild_id: snowflake; status: string; activities: [activity];"
        "client_status: object"
    ),
    "identified": "id: snowflake",
    "activity": "name: string; type: integer; created_at: integer",
    "message": (
        "id: snowflake; channel_id: snowflake; author: user; content: string;"
        "timestamp: timestamp; edited_timestamp: ?timestamp; tts: boolean;"
        "mention_everyone: boolean; mentions: [user]; mention_roles: [snowflake];"
        "attachments: [object]; embeds: [object]; pinned: boolean; type: integer"
    ),
    "message delete": "id: snowflake; channel_id: snowflake",
    "typing start": "channel_id: snowflake; user_id: snowflake; timestamp: integer",
    "member update": (
        "guild_id: snowflake; roles: [snowflake]; user: user; nick: ?string; avatar: ?hex;"
        "joined_at: ?timestamp"
    ),
    "resumed": "",
}
BY_EVENT = {
    "READY": "ready",
    "RESUMED": "resumed",
    "GUILD_CREATE": "guild create",
    "MESSAGE_CREATE": "message",
    "MESSAGE_UPDATE": "message",
    "MESSAGE_DELETE": "message delete",
    "PRESENCE_UPDATE": "presence",
    "TYPING_START": "typing start",
    "GUILD_MEMBER_UPDATE": "member update",
}
_OPTIONAL_KEYS = {("member update", "nick"), ("presence", "guild_id")}
"""(table, field) that the table marks optional: it is checked only where it occurs."""
_TEXTS = {
    "snowflake": re.compile(r"[1-9][0-9]{0,19}"),
    "number text": re.compile(r"[0-9]+"),
    "hex": re.compile(r"(a_)?[0-9a-f]{32}"),
}


def faults_in(value: Any, kind: str, where: str = "d") -> list[str]:
    """Return what is wrong with a value that the documentation calls ``kind``; empty: nothing."""
    if kind.startswith("?"):
        return [] if value is None else faults_in(value, kind[1:], where)
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{where}: no array: {value!r}"]
        return [f for i, v in enumerate(value) for f in faults_in(v, kind[1:-1], f"{where}[{i}]")]
    if kind in TABLES:
        return _faults_in_object(value, kind, where)
    return [] if _is(value, kind) else [f"{where}: no {kind}: {value!r}"]


def _faults_in_object(value: Any, kind: str, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: no {kind} object: {value!r}"]
    found = []
    for row in filter(None, map(str.strip, TABLES[kind].split(";"))):
        key, field_kind = row.split(": ")
        if key in value:
            found += faults_in(value[key], field_kind, f"{where}.{key}")
        elif (kind, key) not in _OPTIONAL_KEYS:
            found.append(f"{where}.{key}: missing")
    return found


def _is(value: Any, kind: str) -> bool:
    if kind in _TEXTS:
        return isinstance(value, str) and _TEXTS[kind].fullmatch(value) is not None
    if kind == "timestamp":
        # Python 3.11 reads ISO 8601 whole; Discord always writes the offset.
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    types: dict[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
        "object": dict,
    }
    return isinstance(value, types[kind]) and (kind == "boolean" or not isinstance(value, bool))
