"""User, member, presence, voice state and application objects.

Source: Discord's documentation, "User Resource", "Guild Resource" (Guild Member), "Gateway Events"
(Presence Update), "Voice Resource" and "Application Resource".
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def user(
    user_id: int, username: str, global_name: str | None, *, avatar: str | None, bot: bool = False
) -> Json:
    """A user as others see it: what stands in members, authors and presences."""
    return {
        "id": str(user_id),
        "username": username,
        "discriminator": "0",
        "global_name": global_name,
        "avatar": avatar,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "bot": bot,
        "system": False,
        "public_flags": 1 << 16 if bot else 0,
        "collectibles": None,
        "primary_guild": None,
    }


def own_user(public: Json) -> Json:
    """The bot's own user, as in READY and GET /users/@me: ``public`` and what only it may see."""
    return public | {
        "mfa_enabled": True,
        "verified": True,
        "email": None,
        "locale": "en-US",
        "premium_type": 0,
        "flags": public["public_flags"],
    }


def member(role_ids: list[str], joined_at: str, *, nick: str | None = None) -> Json:
    """A guild member without its ``user`` (as MESSAGE_CREATE carries it)."""
    return {
        "nick": nick,
        "avatar": None,
        "banner": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "roles": role_ids,
        "joined_at": joined_at,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }


def voice_state(
    user_id: int, guild_id: int, channel_id: int | None, session_id: str, member: Json | None
) -> Json:
    """A voice state; GUILD_CREATE's have neither ``guild_id`` nor ``member``: take them out."""
    state: Json = {
        "guild_id": str(guild_id),
        "channel_id": None if channel_id is None else str(channel_id),
        "user_id": str(user_id),
        "session_id": session_id,
        "deaf": False,
        "mute": False,
        "self_deaf": False,
        "self_mute": False,
        "self_video": False,
        "suppress": False,
        "request_to_speak_timestamp": None,
    }
    if member is not None:
        state["member"] = member
    return state


def application(application_id: int, name: str, owner: Json, bot: Json, flags: int) -> Json:
    """The application, as GET /applications/@me and /oauth2/applications/@me give it."""
    return {
        "id": str(application_id),
        "name": name,
        "icon": None,
        "description": "An application of the sandbox.",
        "summary": "",
        "type": None,
        "bot": bot,
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": owner,
        "verify_key": "6c" * 32,
        "team": None,
        "flags": flags,
        "flags_new": str(flags),
        "hook": True,
        "is_monetized": False,
        "is_verified": False,
        "is_discoverable": False,
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "event_webhooks_url": None,
        "event_webhooks_status": 1,
        "event_webhooks_types": [],
        "approximate_guild_count": 0,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "install_params": {"scopes": ["bot"], "permissions": "0"},
        "integration_types_config": {"0": {}},
    }
