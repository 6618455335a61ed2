"""Channel objects of each type, and what belongs to threads.

Source: Discord's documentation, "Channels Resource": Channel, Thread Metadata, Thread Member,
Overwrite, Forum Tag.
"""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

TEXT: Final = 0
VOICE: Final = 2
CATEGORY: Final = 4
ANNOUNCEMENT: Final = 5
PUBLIC_THREAD: Final = 11
STAGE: Final = 13
FORUM: Final = 15

MESSAGE_TYPES: Final = (TEXT, ANNOUNCEMENT)
"""Types whose channels the traffic writes to."""

OBFUSCATED: Final = 1 << 17
"""Flag of a channel that is shown to who can't view it."""
_OBFUSCATED_NAME: Final = "___hidden___"
_VIEW_CHANNEL: Final = 1 << 10


def channel(
    kind: int,
    channel_id: int,
    guild_id: int,
    name: str,
    *,
    position: int,
    parent_id: int | None,
    overwrites: list[Json],
) -> Json:
    """A guild channel of any type but threads, with every field that its type has."""
    return {
        "id": str(channel_id),
        "type": kind,
        "guild_id": str(guild_id),
        "name": name,
        "position": position,
        "permission_overwrites": overwrites,
        "parent_id": None if parent_id is None else str(parent_id),
        "nsfw": False,
        "flags": 0,
        **_fields_of_type(kind, channel_id),
    }


def _fields_of_type(kind: int, channel_id: int) -> Json:
    if kind in MESSAGE_TYPES:
        return {
            "topic": None,
            "last_message_id": None,
            "last_pin_timestamp": None,
            "rate_limit_per_user": 0,
            "default_auto_archive_duration": 1440,
            "default_thread_rate_limit_per_user": 0,
        }
    if kind in (VOICE, STAGE):
        made: Json = {
            "bitrate": 64000,
            "user_limit": 0 if kind == VOICE else 10000,
            "rtc_region": None,
            "video_quality_mode": 1,
            "last_message_id": None,
            "rate_limit_per_user": 0,
        }
        return made | ({"status": None} if kind == VOICE else {"topic": None})
    if kind == FORUM:
        return {
            "topic": None,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "default_auto_archive_duration": 4320,
            "default_thread_rate_limit_per_user": 0,
            "available_tags": [forum_tag(channel_id + 1, "question")],
            "default_reaction_emoji": {"emoji_id": None, "emoji_name": "\N{THUMBS UP SIGN}"},
            "default_sort_order": 0,
            "default_forum_layout": 1,
            "template": "",
        }
    return {}


def obfuscated(channel: Json) -> Json:
    """A guild channel as the gateway shows it to who can't view it ("Obfuscated Channels").

    Id, type, position and category stay. The rest is as in a recording of a text channel, in which
    the fields of other types are, too, and numbers that have a default are not; those that voice
    channels can't do without are at theirs.
    """
    hidden = overwrite(int(channel["guild_id"]), 0, deny=_VIEW_CHANNEL)
    made: Json = {
        "id": channel["id"],
        "type": channel["type"],
        "guild_id": channel["guild_id"],
        "name": _OBFUSCATED_NAME,
        "position": channel["position"],
        "permission_overwrites": [hidden],
        "parent_id": channel["parent_id"],
        "nsfw": False,
        "flags": OBFUSCATED,
        "topic": None,
        "last_message_id": None,
        "last_pin_timestamp": None,
        "rate_limit_per_user": 0,
        "rtc_region": None,
        "status": None,
        "available_tags": [],
        "default_reaction_emoji": None,
        "default_sort_order": None,
        "default_tag_setting": None,
        "application_id": None,
    }
    if channel["type"] in (VOICE, STAGE):
        made |= {"bitrate": 64000, "user_limit": 0}
    return made


def forum_tag(tag_id: int, name: str) -> Json:
    """A tag of a forum."""
    return {
        "id": str(tag_id),
        "name": name,
        "moderated": False,
        "emoji_id": None,
        "emoji_name": None,
    }


def overwrite(target_id: int, kind: int, *, allow: int = 0, deny: int = 0) -> Json:
    """A permission overwrite. kind: 0 for a role, 1 for a member."""
    return {"id": str(target_id), "type": kind, "allow": str(allow), "deny": str(deny)}


def thread(
    thread_id: int,
    guild_id: int,
    parent_id: int,
    owner_id: int,
    name: str,
    *,
    created_at: str,
    tags: list[str] | None = None,
) -> Json:
    """A public thread. tags: only in forums."""
    made: Json = {
        "id": str(thread_id),
        "type": PUBLIC_THREAD,
        "guild_id": str(guild_id),
        "parent_id": str(parent_id),
        "owner_id": str(owner_id),
        "name": name,
        "last_message_id": None,
        "last_pin_timestamp": None,
        "rate_limit_per_user": 0,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "flags": 0,
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": created_at,
            "locked": False,
            "create_timestamp": created_at,
        },
    }
    if tags is not None:
        made["applied_tags"] = tags
    return made


def thread_member(thread_id: int, user_id: int, joined_at: str) -> Json:
    """A member of a thread (without the guild member)."""
    return {
        "id": str(thread_id),
        "user_id": str(user_id),
        "join_timestamp": joined_at,
        "flags": 0,
        "muted": False,
        "mute_config": None,
    }
