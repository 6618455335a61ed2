"""Errors of a client: a session that the gateway refuses, a client that is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cluster.discord.close_codes import CLOSE_CODES
from cluster.errors import ClientClosedError, ClusterError, GatewayRefusedError, TokenRefusedError

ADVICE: Final = {
    4004: "the token is wrong or was reset: give the current one",
    4010: "give shard=(id, count) with 0 <= id < count",
    4011: "the bot is in too many guilds for so few shards: give shard=(id, count) a larger count",
    4015: "the user account has as many sessions as it may: close other clients of it",
    4016: "whoever asked for this session took it back: connect again if it is still wanted",
}
"""Close code -> what a client's user can do, where it is not what a cluster's operator can."""


def closed() -> ClientClosedError:
    """Return the error of whoever uses a client that was shut down."""
    return ClientClosedError("the client was shut down", "connect again")


def refusal(code: int, advice: Mapping[int, str]) -> ClusterError:
    """Return a fatal close as an error. advice: close code -> what to do about it."""
    known = CLOSE_CODES[code]
    cause, action = f"the gateway closed with {code} ({known.name})", advice.get(code, known.action)
    if code == 4004:
        return TokenRefusedError(cause, action)
    error = GatewayRefusedError(cause, action)
    error.code = code
    return error
