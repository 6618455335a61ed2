"""Guild, role, emoji, sticker, soundboard, stage and scheduled event objects.

Source: Discord's documentation, "Guild Resource", "Topics / Permissions" (Role), "Emoji",
"Sticker", "Soundboard", "Stage Instance" and "Guild Scheduled Event".
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def role(role_id: int, name: str, *, position: int, permissions: int, color: int = 0) -> Json:
    """A role; ``colors`` is what newer clients read, ``color`` what older ones do."""
    return {
        "id": str(role_id),
        "name": name,
        "color": color,
        "colors": {"primary_color": color, "secondary_color": None, "tertiary_color": None},
        "hoist": color != 0,
        "icon": None,
        "unicode_emoji": None,
        "position": position,
        "permissions": str(permissions),
        "managed": False,
        "mentionable": color != 0,
        "flags": 0,
    }


def emoji(emoji_id: int, name: str, user: Json) -> Json:
    """A custom emoji of a guild."""
    return {
        "id": str(emoji_id),
        "name": name,
        "roles": [],
        "user": user,
        "require_colons": True,
        "managed": False,
        "animated": False,
        "available": True,
    }


def sticker(sticker_id: int, name: str, guild_id: int, user: Json) -> Json:
    """A sticker of a guild (type 2), a PNG (format 1)."""
    return {
        "id": str(sticker_id),
        "name": name,
        "description": "A sticker.",
        "tags": "wave",
        "type": 2,
        "format_type": 1,
        "available": True,
        "guild_id": str(guild_id),
        "user": user,
    }


def soundboard_sound(sound_id: int, name: str, guild_id: int, user: Json) -> Json:
    """A soundboard sound of a guild."""
    return {
        "name": name,
        "sound_id": str(sound_id),
        "volume": 1.0,
        "emoji_id": None,
        "emoji_name": "\N{BELL}",
        "guild_id": str(guild_id),
        "available": True,
        "user": user,
    }


def stage_instance(instance_id: int, guild_id: int, channel_id: int, topic: str) -> Json:
    """A live stage, for members of the guild only (privacy level 2)."""
    return {
        "id": str(instance_id),
        "guild_id": str(guild_id),
        "channel_id": str(channel_id),
        "topic": topic,
        "privacy_level": 2,
        "discoverable_disabled": True,
        "guild_scheduled_event_id": None,
    }


def scheduled_event(
    event_id: int, guild_id: int, channel_id: int, creator: Json, name: str, start: str
) -> Json:
    """A scheduled event in a voice channel (entity type 2), not yet begun (status 1)."""
    return {
        "id": str(event_id),
        "guild_id": str(guild_id),
        "channel_id": str(channel_id),
        "creator_id": creator["id"],
        "creator": creator,
        "name": name,
        "description": None,
        "scheduled_start_time": start,
        "scheduled_end_time": None,
        "privacy_level": 2,
        "status": 1,
        "entity_type": 2,
        "entity_id": None,
        "entity_metadata": None,
        "user_count": 0,
        "image": None,
        "recurrence_rule": None,
    }


def guild(
    guild_id: int, name: str, owner_id: int, *, features: list[str], channels: dict[str, str | None]
) -> Json:
    """A guild's own fields, without its collections.

    ``channels`` gives the ids of the channels that guilds name: system, rules, public_updates,
    safety_alerts, afk; those that are missing are null.
    """
    return {
        "id": str(guild_id),
        "name": name,
        "icon": None,
        "icon_hash": None,
        "splash": None,
        "discovery_splash": None,
        "home_header": None,
        "owner_id": str(owner_id),
        "region": None,
        "afk_channel_id": channels.get("afk"),
        "afk_timeout": 300,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 2,
        "features": features,
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": channels.get("system"),
        "system_channel_flags": 0,
        "rules_channel_id": channels.get("rules"),
        "max_presences": None,
        "max_members": 500_000,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": channels.get("public_updates"),
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "nsfw": False,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "safety_alerts_channel_id": channels.get("safety_alerts"),
        "incidents_data": None,
        "hub_type": None,
        "latest_onboarding_question_id": None,
        "inventory_settings": None,
    }
