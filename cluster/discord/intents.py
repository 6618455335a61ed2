"""What an IDENTIFY asks for: a bot's intents, a user client's capabilities.

Source: Discord's documentation, "Gateway", "List of Intents"; capabilities, and intents that it
does not have, from the unofficial documentation, "Using Gateway".
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from typing import Final, Literal


class Intents(IntFlag):
    """Gateway intents ("Gateway", "List of Intents")."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


IntentName = Literal[
    "all", "unprivileged", "none", "guilds", "guild_members", "guild_moderation",
    "guild_expressions", "guild_integrations", "guild_webhooks", "guild_invites",
    "guild_voice_states", "guild_presences", "guild_messages", "guild_message_reactions",
    "guild_message_typing", "direct_messages", "direct_message_reactions", "direct_message_typing",
    "message_content", "guild_scheduled_events", "auto_moderation_configuration",
    "auto_moderation_execution", "guild_message_polls", "direct_message_polls",
]  # fmt: skip
"""An intent, or a group of them, as configurations and programs name it."""

ALL_INTENTS: Final = Intents(sum(Intents))
PRIVILEGED_INTENTS: Final = (
    Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
)
_PRIVILEGED_EVENTS: Final = {
    "MESSAGE_CREATE": Intents.MESSAGE_CONTENT,
    "MESSAGE_UPDATE": Intents.MESSAGE_CONTENT,
    "GUILD_MEMBER_ADD": Intents.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intents.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intents.GUILD_MEMBERS,
    "PRESENCE_UPDATE": Intents.GUILD_PRESENCES,
}
"""Events that come without their texts, or hardly ever, where a privileged intent is not asked
for."""


def privileged_needs(events: Iterable[str]) -> Intents:
    """Return the privileged intents that these events need."""
    needs = Intents(0)
    for event in events:
        needs |= _PRIVILEGED_EVENTS.get(event, Intents(0))
    return needs


def lacking(needs: int, intents: int, account: Literal["bot", "user"] = "bot") -> list[str]:
    """Return the names of the privileged intents that are needed and not asked for; a user account
    is not asked for any."""
    if account == "user":
        return []
    missing = PRIVILEGED_INTENTS & needs & ~intents
    return [
        intent.name.lower() for intent in PRIVILEGED_INTENTS if intent & missing and intent.name
    ]


_UNOFFICIAL_INTENTS: Final = {
    17: "GUILD_EMBEDDED_ACTIVITIES",
    18: "PRIVATE_CHANNELS",
    19: "CALLS",
    22: "USER_RELATIONSHIPS",
    23: "USER_PRESENCE",
    26: "DIRECT_EMBEDDED_ACTIVITIES",
    27: "LOBBIES",
    28: "LOBBY_DELETE",
}
"""Intents that only the unofficial documentation has ("Using Gateway", "List of Intents"), by
bit."""
_NOT_FOR_BOTS: Final = frozenset((18, 19, 22, 23))
"""Those of them that no bot may ask for, as the unofficial documentation says."""
_OAUTH2_ONLY: Final = frozenset((27, 28))
"""Those of them that do something in sessions with an OAuth2 token only (so does 19)."""
UNOFFICIAL_BOT_INTENTS: Final = sum(
    1 << bit for bit in _UNOFFICIAL_INTENTS.keys() - _NOT_FOR_BOTS - _OAUTH2_ONLY
)
"""Bits that some libraries have among all intents, and that bring a bot no event that the
documentation has."""


def intents_advice(intents: int, account: Literal["bot", "user"] = "bot") -> dict[int, str]:
    """Return what to do about the fatal closes that hang on what IDENTIFY asked for: close code ->
    action, where these intents say more than CLOSE_CODES does."""
    if account == "user":  # which has none, and is not asked for any
        return {
            4013: "the token is a bot's: give a user account's, or be a bot, with intents in place "
            "of capabilities"
        }
    advice: dict[int, str] = {}
    if found := _beyond_documented(intents):
        advice[4013] = (
            f"`intents` is {intents}, and {'; '.join(found)}: "
            "leave them out, and give the names of those that you need"
        )
    if names := [i.name for i in PRIVILEGED_INTENTS if intents & i and i.name]:
        advice[4014] = (
            f"enable {', '.join(names)} for the bot in the developer portal "
            "(Bot, Privileged Gateway Intents), or leave them out of `intents`"
        )
    return advice


def _beyond_documented(intents: int) -> list[str]:
    """Return what is to be said of the bits that are no intents of Discord's documentation, a
    phrase for each kind."""
    bits = set_bits(intents & ~int(ALL_INTENTS))
    nobodys = [str(bit) for bit in bits if bit not in _UNOFFICIAL_INTENTS]
    found = [f"no intent has bit {', '.join(nobodys)}"] if nobodys else []
    unofficial = _UNOFFICIAL_INTENTS.keys() - _NOT_FOR_BOTS - _OAUTH2_ONLY
    for kind, what in (
        (_NOT_FOR_BOTS, "not for bots"),
        (_OAUTH2_ONLY, "for sessions with an OAuth2 token"),
        (unofficial, "in the unofficial documentation only"),
    ):
        if names := [f"{_UNOFFICIAL_INTENTS[bit]} (bit {bit})" for bit in bits if bit in kind]:
            found.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {what}")
    return found


def set_bits(mask: int) -> list[int]:
    """Return the numbers of the bits that are set, 0 for the lowest."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


class Capabilities(IntFlag):
    """What a user client asks of the gateway (unofficial documentation, "Using Gateway")."""

    LAZY_USER_NOTES = 1 << 0
    NO_AFFINE_USER_IDS = 1 << 1
    VERSIONED_READ_STATES = 1 << 2
    VERSIONED_USER_GUILD_SETTINGS = 1 << 3
    DEDUPE_USER_OBJECTS = 1 << 4
    PRIORITIZED_READY_PAYLOAD = 1 << 5
    """Works only together with DEDUPE_USER_OBJECTS."""
    MULTIPLE_GUILD_EXPERIMENT_POPULATIONS = 1 << 6
    NON_CHANNEL_READ_STATES = 1 << 7
    AUTH_TOKEN_REFRESH = 1 << 8
    USER_SETTINGS_PROTO = 1 << 9
    CLIENT_STATE_V2 = 1 << 10
    PASSIVE_GUILD_UPDATE = 1 << 11
    AUTO_CALL_CONNECT = 1 << 12
    DEBOUNCE_MESSAGE_REACTIONS = 1 << 13
    PASSIVE_GUILD_UPDATE_V2 = 1 << 14
    """Takes the place of PASSIVE_GUILD_UPDATE."""
    CHANNEL_OBFUSCATION = 1 << 15
    AUTO_LOBBY_CONNECT = 1 << 16


CapabilityName = Literal[
    "all", "default", "none", "lazy_user_notes", "no_affine_user_ids", "versioned_read_states",
    "versioned_user_guild_settings", "dedupe_user_objects", "prioritized_ready_payload",
    "multiple_guild_experiment_populations", "non_channel_read_states", "auth_token_refresh",
    "user_settings_proto", "client_state_v2", "passive_guild_update", "auto_call_connect",
    "debounce_message_reactions", "passive_guild_update_v2", "channel_obfuscation",
    "auto_lobby_connect",
]  # fmt: skip
"""A capability, or a group of them, as configurations and programs name it."""

ALL_CAPABILITIES: Final = Capabilities(sum(Capabilities))

_OF_WEB_CLIENT: Final = ((440373, 1734653), (391927, 161789), (330271, 30717), (0, 16381))
"""What Discord's web client sends: the build that was the first to be seen with it -> a mask.
Bits 17, 19 and 20 have no name that is public. Sources: the unofficial documentation, "Gateway
Events", "Identify" (16381 in 2024, 1734653 since May 2026), and IDENTIFYs in public programs that
have a web client's build number: 260292, 330271, 391927, 440373 to 500334."""


def web_client_capabilities(build: int) -> int:
    """Return the capabilities that Discord's web client of this build sends: those of the newest
    build that is known, if it is a later one."""
    return next(mask for first, mask in _OF_WEB_CLIENT if build >= first)
