"""Discord's Gateway in constants: opcodes, close codes, intents, capabilities, limits.

Source: Discord's documentation, "Gateway", "Gateway Events" and "Opcodes and Status Codes";
user-account opcodes and capabilities from the unofficial documentation of the same names.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, IntEnum, IntFlag
from typing import Final, Literal, NamedTuple


class Op(IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    VOICE_SERVER_PING = 5
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    CALL_CONNECT = 13
    GUILD_SUBSCRIPTIONS = 14
    LOBBY_VOICE_STATES = 17
    STREAM_CREATE = 18
    STREAM_DELETE = 19
    STREAM_WATCH = 20
    STREAM_PING = 21
    STREAM_SET_PAUSED = 22
    REQUEST_FORUM_UNREADS = 28
    REMOTE_COMMAND = 29
    REQUEST_DELETED_ENTITY_IDS = 30
    REQUEST_SOUNDBOARD_SOUNDS = 31
    SPEED_TEST_CREATE = 32
    SPEED_TEST_DELETE = 33
    REQUEST_LAST_MESSAGES = 34
    SEARCH_RECENT_MEMBERS = 35
    REQUEST_CHANNEL_STATUSES = 36
    GUILD_SUBSCRIPTIONS_BULK = 37
    GUILD_CHANNELS_RESYNC = 38
    REQUEST_CHANNEL_MEMBER_COUNT = 39
    QOS_HEARTBEAT = 40
    UPDATE_TIME_SPENT_SESSION_ID = 41
    LOBBY_VOICE_SERVER_PING = 42
    REQUEST_CHANNEL_INFO = 43


class Then(Enum):
    """What a client may do after a close."""

    RESUME = "resume"
    IDENTIFY = "identify"
    FATAL = "fatal"


class CloseCode(NamedTuple):
    """A close code of the gateway, what follows it, and what a reader should do about it."""

    code: int
    name: str
    then: Then
    action: str = ""


CLOSE_CODES: Final[dict[int, CloseCode]] = {
    c.code: c
    for c in (
        CloseCode(4000, "unknown error", Then.RESUME),
        CloseCode(4001, "unknown opcode", Then.RESUME),
        CloseCode(4002, "decode error", Then.RESUME),
        CloseCode(4003, "not authenticated", Then.IDENTIFY),
        CloseCode(
            4004,
            "authentication failed",
            Then.FATAL,
            "the token is wrong or was reset: put the current one into DCGW_TOKEN or token_file",
        ),
        CloseCode(4005, "already authenticated", Then.RESUME),
        CloseCode(4007, "invalid seq", Then.IDENTIFY),
        CloseCode(4008, "rate limited", Then.RESUME),
        CloseCode(4009, "session timed out", Then.IDENTIFY),
        CloseCode(
            4010,
            "invalid shard",
            Then.FATAL,
            "the shard id and count do not fit each other: check `shards`",
        ),
        CloseCode(
            4011,
            "sharding required",
            Then.FATAL,
            "the bot is in too many guilds for so few shards: run `dcgw-cluster reshard auto`",
        ),
        CloseCode(
            4012, "invalid api version", Then.FATAL, "set `api_version` to one that Discord serves"
        ),
        CloseCode(
            4013, "invalid intents", Then.FATAL, "`intents` names a bit that Discord does not know"
        ),
        CloseCode(
            4014,
            "disallowed intents",
            Then.FATAL,
            "enable the privileged intents in the developer portal, or leave them out of `intents`",
        ),
        CloseCode(
            4015,
            "too many sessions",
            Then.FATAL,
            "close other sessions of this account (Discord takes 50 at most), then "
            "`dcgw-cluster restart --shard 0`",
        ),
        CloseCode(
            4016,
            "connection request canceled",
            Then.FATAL,
            "whoever asked for this session took it back; if it is still wanted, "
            "`dcgw-cluster restart --shard 0`",
        ),
    )
}


SHARED_REFUSALS: Final = frozenset((4004, 4011, 4012, 4013, 4014))
"""Fatal codes whose cause is the same for every shard: who asks next hears the same."""


def after_close(code: int | None) -> Then:
    """What may follow a close with ``code`` (None: the connection ended without one).

    Codes that the documentation does not list, and no code at all, leave the session resumable.
    """
    known = CLOSE_CODES.get(code) if code is not None else None
    return known.then if known else Then.RESUME


RESUMABLE_CLOSE: Final = 4000
"""The code that we close with when we mean to resume: 1000 and 1001 would end the session."""


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


ALL_INTENTS: Final = Intents(sum(Intents))
PRIVILEGED_INTENTS: Final = (
    Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
)


def intents_advice(intents: int, account: Literal["bot", "user"] = "bot") -> dict[int, str]:
    """What to do about the fatal closes that hang on what IDENTIFY asked for: close code -> action,
    where these intents say more than CLOSE_CODES does."""
    if account == "user":  # which has none, and is not asked for any
        return {
            4013: "the token is a bot's: give a user account's, or be a bot, with intents in place "
            "of capabilities"
        }
    advice: dict[int, str] = {}
    unknown = intents & ~int(ALL_INTENTS)
    if bits := [str(bit) for bit in range(unknown.bit_length()) if unknown >> bit & 1]:
        advice[4013] = (
            f"`intents` is {intents}, and no intent has bit {', '.join(bits)}: "
            "give the names of those that you need"
        )
    if names := [i.name for i in PRIVILEGED_INTENTS if intents & i and i.name]:
        advice[4014] = (
            f"enable {', '.join(names)} for the bot in the developer portal "
            "(Bot, Privileged Gateway Intents), or leave them out of `intents`"
        )
    return advice


def intent_bits(names: Iterable[str]) -> Intents:
    """The bits of intents given by name, in any case. KeyError names the one that is unknown."""
    bits = Intents(0)
    for name in names:
        bits |= Intents[name.upper()]
    return bits


class Capabilities(IntFlag):
    """What a user client asks of the gateway (unofficial documentation, "Using Gateway")."""

    LAZY_USER_NOTES = 1 << 0
    NO_AFFINE_USER_IDS = 1 << 1
    VERSIONED_READ_STATES = 1 << 2
    VERSIONED_USER_GUILD_SETTINGS = 1 << 3
    DEDUPE_USER_OBJECTS = 1 << 4
    PRIORITIZED_READY_PAYLOAD = 1 << 5
    """Only with DEDUPE_USER_OBJECTS."""
    MULTIPLE_GUILD_EXPERIMENT_POPULATIONS = 1 << 6
    NON_CHANNEL_READ_STATES = 1 << 7
    AUTH_TOKEN_REFRESH = 1 << 8
    USER_SETTINGS_PROTO = 1 << 9
    CLIENT_STATE_V2 = 1 << 10
    PASSIVE_GUILD_UPDATE = 1 << 11
    AUTO_CALL_CONNECT = 1 << 12
    DEBOUNCE_MESSAGE_REACTIONS = 1 << 13
    PASSIVE_GUILD_UPDATE_V2 = 1 << 14
    """In place of PASSIVE_GUILD_UPDATE."""
    CHANNEL_OBFUSCATION = 1 << 15
    AUTO_LOBBY_CONNECT = 1 << 16


ALL_CAPABILITIES: Final = Capabilities(sum(Capabilities))


SEND_LIMIT: Final = 120
"""Payloads that a connection may send in SEND_WINDOW_S seconds; over it: close 4008."""
SEND_WINDOW_S: Final = 60.0
MAX_SENT_BYTES: Final = 4096
"""Largest payload that a client may send; over it: close 4002."""
IDENTIFY_WINDOW_S: Final = 5.0
"""One identify per bucket (shard_id % max_concurrency) in this many seconds."""

SNOWFLAKE_EPOCH_MS: Final = 1_420_070_400_000


def shard_of_guild(guild_id: int, shard_count: int) -> int:
    """The shard that a guild's events come on ("Gateway", "Sharding")."""
    return (guild_id >> 22) % shard_count
