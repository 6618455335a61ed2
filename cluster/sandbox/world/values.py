"""Sensible values by the name of a field."""

from __future__ import annotations

import random
import re
from typing import Any, Final

from cluster.sandbox.world.clock import WorldClock

_NAMED: Final = (
    ("guild", re.compile(r"(^|_)guild_ids?$|_guilds$")),
    ("channel", re.compile(r"channel_ids?$|_channels$|^channels$")),
    ("role", re.compile(r"role_ids?$|_roles$|^roles$")),
    (
        "user",
        re.compile(
            r"(user|author|owner|creator|inviter|recipient|requestor|target|participant|member)_ids?$"
            r"|^(ringing|participants|people|users|linked_by|used_by|actioned_by|member_ids_preview)$"
        ),
    ),
    ("application", re.compile(r"application_ids?$")),
)


def named_by(name: str) -> str | None:
    """What a snowflake field names: guild, channel, role, user, application or None: a new id."""
    return next((what for what, pattern in _NAMED if pattern.search(name)), None)


_INTEGERS: Final[dict[str, tuple[int, ...]]] = {
    "type": (0, 1),
    "v": (9,),
    "version": (1,),
    "flags": (0,),
    "public_flags": (0,),
    "afk_timeout": (60, 300, 900, 1800, 3600),
    "auto_archive_duration": (60, 1440, 4320, 10080),
    "bitrate": (64000,),
    "privacy_level": (2,),
    "entity_type": (2,),
    "status": (1,),
    "event_type": (1,),
    "trigger_type": (1,),
    "rule_trigger_type": (1,),
    "premium_type": (0, 1, 2),
    "premium_tier": (0, 1, 2, 3),
    "verification_level": (0, 1, 2, 3, 4),
    "explicit_content_filter": (0, 1, 2),
    "default_message_notifications": (0, 1),
    "nsfw_level": (0, 1, 2, 3),
    "mfa_level": (0, 1),
    "video_quality_mode": (1, 2),
    "opcode": (8,),
    "chunk_index": (0,),
    "chunk_count": (1,),
    "expire_behavior": (0, 1),
    "percentage": (0, 50, 100),
    "timezone_offset": (-60, 0, 120),
    "expires_month": (1, 12),
    "expires_year": (2030,),
    "color": (0, 0x5865F2),
    "primary_color": (0x5865F2,),
    "accent_color": (0x5865F2,),
    "theme_color": (0x5865F2,),
    "width": (64, 1280),
    "height": (64, 720),
}
_STRINGS: Final[dict[str, str]] = {
    "op": "SYNC",
    "locale": "en-US",
    "preferred_locale": "en-US",
    "guild_locale": "en-US",
    "permissions": "2248473465835073",
    "app_permissions": "2248473465835073",
    "allow": "1024",
    "deny": "0",
    "discriminator": "0",
    "status": "online",
    "desktop": "online",
    "country": "US",
    "country_code": "US",
    "currency": "usd",
    "email": "somebody@example.com",
    "phone": "+15550100",
    "ip": "192.0.2.1",
    "endpoint": "rtc.example.com:443",
    "platform": "desktop",
    "os": "linux",
    "theme": "dark",
    "region": "us-east",
    "rtc_region": "us-east",
    "content_type": "image/png",
    "filename": "picture.png",
    "version": "1",
    "flags_new": "0",
    "session_type": "normal",
    "proto": "CgIYAQ==",
    "user_settings_proto": "CgIYAQ==",
}
_HASH: Final = re.compile(
    r"(^|_)(avatar|icon|banner|splash|cover_image|home_header|avatar_hash|image|asset|hash)$"
)
_TIME: Final = re.compile(r"(_at|^timestamp|_timestamp|_until|_time)$")
_SECRET: Final = re.compile(r"(^|_)(session_id|token|nonce|key|load_id|party_id)$")


def scalar(name: str, kind: str, draw: random.Random, clock: WorldClock) -> Any:
    """A value of a scalar type (see `cluster.sandbox.catalogue.types.Scalar`)."""
    if kind == "string":
        return _string(name, draw, clock)
    if kind == "integer":
        return _integer(name, draw, clock)
    if kind == "boolean":
        return draw.random() < 0.5
    if kind == "float":
        return round(draw.random(), 3)
    if kind == "timestamp":
        return clock.timestamp().decode()
    if kind == "date":
        return clock.timestamp().decode()[:10]
    if kind == "localized":
        return {"default": f"some {name}", "localizations": {"de": f"ein {name}"}}
    if kind == "null":
        return None
    if kind == "any":
        return {}
    raise ValueError(f"no scalar type: {kind}")


def _integer(name: str, draw: random.Random, clock: WorldClock) -> int:
    choices = _INTEGERS.get(name)
    if choices is not None:
        return choices[int(draw.random() * len(choices))]
    if name in ("timestamp", "voice_start_time", "connected_at"):
        return clock.seconds()
    if _TIME.search(name):
        return clock.ms()
    return int(draw.random() * 100)


def _string(name: str, draw: random.Random, clock: WorldClock) -> str:
    if name in _STRINGS:
        return _STRINGS[name]
    if name == "url" or name.endswith(("_url", "_uri", "_urls")):
        return f"https://cdn.example.com/{name}/{int(draw.random() * 1000)}"
    if _HASH.search(name) or _SECRET.search(name):
        return f"{draw.getrandbits(128):032x}"
    if _TIME.search(name):
        return clock.timestamp().decode()
    if name in ("id", "user_id") or name.endswith("_id"):
        return str(clock.snowflake())
    return f"{name.replace('_', ' ')} {int(draw.random() * 1000)}".strip()
