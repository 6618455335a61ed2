"""What IDENTIFY and RESUME must look like ("Gateway Events", "Identify" and "Resume"; pure)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from cluster.discord.intents import ALL_INTENTS
from cluster.gateway_server.refusal import Refused, malformed

LEAST_THRESHOLD: Final = 50
LEAST_USER_THRESHOLD: Final = 25
MOST_THRESHOLD: Final = 250


class IdentifyPayload(NamedTuple):
    """A checked IDENTIFY. shard: None where it was left out. capabilities: None for the bot."""

    shard: tuple[int, int] | None
    intents: int
    compress: bool
    large_threshold: int
    capabilities: int | None


def parse_token(d: Any) -> str:
    """Return the token that d of an IDENTIFY or a RESUME shows. Raises Refused."""
    token = d.get("token") if isinstance(d, dict) else None
    if not isinstance(token, str):
        raise malformed("token")
    return token


def parse_resume(d: Any) -> tuple[str, int]:
    """Return session_id and seq of d of a RESUME. Raises Refused."""
    if not isinstance(d, dict):
        raise malformed("d")
    session_id, seq = d.get("session_id"), d.get("seq")
    if not isinstance(session_id, str) or type(seq) is not int:
        raise malformed("session_id, seq")
    return session_id, seq


def parse_identify(
    d: Any, *, allowed: int, known: int = int(ALL_INTENTS), user: bool = False
) -> IdentifyPayload:
    """Read the fields of d, without the token. Raises Refused.

    A bot needs intents. A user account sends ``capabilities``, needs no intents, and may have all.
    allowed: the intents that a bot may have; known: those that there are.
    """
    if not isinstance(d, dict):
        raise malformed("d")
    if not isinstance(d.get("properties"), dict):
        raise malformed("properties")
    least = LEAST_USER_THRESHOLD if user else LEAST_THRESHOLD
    threshold = d.get("large_threshold", MOST_THRESHOLD if user else LEAST_THRESHOLD)
    if type(threshold) is not int or not least <= threshold <= MOST_THRESHOLD:
        raise malformed("large_threshold")
    capabilities = d.get("capabilities", 0)
    if type(capabilities) is not int or capabilities < 0:
        raise malformed("capabilities")
    if not isinstance(d.get("presence"), dict | None):
        # What is in it may be nothing that can be shown: discordgo sends an empty status.
        raise malformed("presence")
    if user:
        intents = _parse_intents({"intents": known} | d, known, known)
    else:
        intents = _parse_intents(d, allowed, known)
    return IdentifyPayload(
        _parse_shard(d.get("shard")),
        intents,
        d.get("compress") is True,  # Discord takes anything else for false
        threshold,
        capabilities if user else None,
    )


def _parse_shard(shard: Any) -> tuple[int, int] | None:
    if shard is None:
        return None
    if not isinstance(shard, list) or len(shard) != 2 or any(type(n) is not int for n in shard):
        raise malformed("shard")
    shard_id, count = shard
    if count < 1 or not 0 <= shard_id < count:
        raise Refused(4010, "Invalid shard.")
    return shard_id, count


def _parse_intents(d: dict[str, Any], allowed: int, known: int) -> int:
    intents = d.get("intents", -1)  # one that has none is refused like a wrong one
    if type(intents) is not int:
        raise malformed("intents")
    if intents < 0 or intents & ~known:
        raise Refused(4013, "Invalid intent(s).")
    if intents & ~allowed:
        raise Refused(4014, "Disallowed intent(s).")
    return intents
