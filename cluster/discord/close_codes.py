"""Close codes of the gateway, what follows each, and what a reader should do about it.

Who acts on them: ``Session.closed`` (shard_worker/protocol/session.py) on each, and
coordinator/identifies/fatal_hold.py on SHARED_REFUSALS.

Source: Discord's documentation, "Opcodes and Status Codes", "Gateway Close Event Codes".
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


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
"""Fatal codes whose cause is the same for every shard: the next one would be refused too."""


def after_close(code: int | None) -> Then:
    """Return what may follow a close with ``code`` (None: the connection ended without one).

    Codes that the documentation does not list, and no code at all, leave the session resumable.
    """
    known = CLOSE_CODES.get(code) if code is not None else None
    return known.then if known else Then.RESUME


RESUMABLE_CLOSE: Final = 4000
"""The code that we close with when we mean to resume: 1000 and 1001 would end the session."""
