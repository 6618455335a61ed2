"""Which intents let an event through: a mask of alternatives for guilds and one for DMs.

Source: Discord's documentation, "Gateway", "List of Intents". Events that are in no list of it
need no intent (0). Some are sent to whom they concern whatever the intents are: see the notes.
"""

from __future__ import annotations

from typing import Final

from cluster.discord.intents import Intents

_GUILD: Final[dict[Intents, str]] = {
    Intents.GUILDS: (
        "GUILD_CREATE GUILD_UPDATE GUILD_DELETE GUILD_ROLE_CREATE GUILD_ROLE_UPDATE "
        "GUILD_ROLE_DELETE CHANNEL_CREATE CHANNEL_UPDATE CHANNEL_DELETE CHANNEL_PINS_UPDATE "
        "THREAD_CREATE THREAD_UPDATE THREAD_DELETE THREAD_LIST_SYNC THREAD_MEMBER_UPDATE "
        "THREAD_MEMBERS_UPDATE STAGE_INSTANCE_CREATE STAGE_INSTANCE_UPDATE STAGE_INSTANCE_DELETE "
        "VOICE_CHANNEL_STATUS_UPDATE VOICE_CHANNEL_START_TIME_UPDATE"
    ),
    Intents.GUILD_MEMBERS: (
        "GUILD_MEMBER_ADD GUILD_MEMBER_UPDATE GUILD_MEMBER_REMOVE THREAD_MEMBERS_UPDATE"
    ),
    Intents.GUILD_MODERATION: "GUILD_AUDIT_LOG_ENTRY_CREATE GUILD_BAN_ADD GUILD_BAN_REMOVE",
    Intents.GUILD_EXPRESSIONS: (
        "GUILD_EMOJIS_UPDATE GUILD_STICKERS_UPDATE GUILD_SOUNDBOARD_SOUND_CREATE "
        "GUILD_SOUNDBOARD_SOUND_UPDATE GUILD_SOUNDBOARD_SOUND_DELETE GUILD_SOUNDBOARD_SOUNDS_UPDATE"
    ),
    Intents.GUILD_INTEGRATIONS: (
        "GUILD_INTEGRATIONS_UPDATE INTEGRATION_CREATE INTEGRATION_UPDATE INTEGRATION_DELETE"
    ),
    Intents.GUILD_WEBHOOKS: "WEBHOOKS_UPDATE",
    Intents.GUILD_INVITES: "INVITE_CREATE INVITE_DELETE",
    Intents.GUILD_VOICE_STATES: "VOICE_CHANNEL_EFFECT_SEND VOICE_STATE_UPDATE",
    Intents.GUILD_PRESENCES: "PRESENCE_UPDATE",
    Intents.GUILD_MESSAGES: "MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_DELETE MESSAGE_DELETE_BULK",
    Intents.GUILD_MESSAGE_REACTIONS: (
        "MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL "
        "MESSAGE_REACTION_REMOVE_EMOJI"
    ),
    Intents.GUILD_MESSAGE_TYPING: "TYPING_START",
    Intents.GUILD_SCHEDULED_EVENTS: (
        "GUILD_SCHEDULED_EVENT_CREATE GUILD_SCHEDULED_EVENT_UPDATE GUILD_SCHEDULED_EVENT_DELETE "
        "GUILD_SCHEDULED_EVENT_USER_ADD GUILD_SCHEDULED_EVENT_USER_REMOVE"
    ),
    Intents.AUTO_MODERATION_CONFIGURATION: (
        "AUTO_MODERATION_RULE_CREATE AUTO_MODERATION_RULE_UPDATE AUTO_MODERATION_RULE_DELETE"
    ),
    Intents.AUTO_MODERATION_EXECUTION: "AUTO_MODERATION_ACTION_EXECUTION",
    Intents.GUILD_MESSAGE_POLLS: "MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE",
}
_DIRECT: Final[dict[Intents, str]] = {
    Intents.DIRECT_MESSAGES: "MESSAGE_CREATE MESSAGE_UPDATE MESSAGE_DELETE CHANNEL_PINS_UPDATE",
    Intents.DIRECT_MESSAGE_REACTIONS: (
        "MESSAGE_REACTION_ADD MESSAGE_REACTION_REMOVE MESSAGE_REACTION_REMOVE_ALL "
        "MESSAGE_REACTION_REMOVE_EMOJI"
    ),
    Intents.DIRECT_MESSAGE_TYPING: "TYPING_START",
    Intents.DIRECT_MESSAGE_POLLS: "MESSAGE_POLL_VOTE_ADD MESSAGE_POLL_VOTE_REMOVE",
}


def _masks(table: dict[Intents, str]) -> dict[str, int]:
    masks: dict[str, int] = {}
    for intent, names in table.items():
        for name in names.split():
            masks[name] = masks.get(name, 0) | int(intent)
    return masks


GUILD_INTENTS: Final[dict[str, int]] = _masks(_GUILD)
"""Event name -> mask of alternatives, when the event has a guild."""
DIRECT_INTENTS: Final[dict[str, int]] = _masks(_DIRECT)
"""Event name -> mask of alternatives, when the event has none."""


def intents_of(name: str, guild_id: int | None) -> int:
    """Return an event's mask of alternatives; 0: it needs none.

    An event that is listed for guilds only and comes without one needs none.
    """
    return (DIRECT_INTENTS if guild_id is None else GUILD_INTENTS).get(name, 0)
