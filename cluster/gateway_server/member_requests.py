"""Op 8 as clients write it: which guild it names, whether it asks for all members, its nonce.

Source: Discord's documentation, "Gateway Events", "Request Guild Members".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cluster.gateway_server.snowflakes import snowflake

LONGEST_NONCE: Final = 32
"""Bytes of a nonce; Discord ignores a longer one."""
MOST_USER_IDS: Final = 100
"""User ids of a request that are looked for."""


def guild_asked(d: Mapping[str, Any]) -> int | None:
    """Return the one guild that a request names. None: it names none, or several."""
    wanted = d.get("guild_id")
    if isinstance(wanted, list) and len(wanted) == 1:
        wanted = wanted[0]
    return snowflake(wanted)


def users_asked(d: Mapping[str, Any]) -> list[int | str] | None:
    """Return the user ids that a checked request names, as many as are looked for; None: it asks
    by name."""
    if "user_ids" not in d:
        return None
    named = d["user_ids"]
    return (named if isinstance(named, list) else [named])[:MOST_USER_IDS]


def is_member_request(d: Any) -> bool:
    """Return whether `d` is that of an op 8."""
    if not isinstance(d, Mapping) or guild_asked(d) is None:
        return False
    users = users_asked(d)
    if users is not None:
        return all(isinstance(one, int | str) for one in users)
    query, limit = d.get("query"), d.get("limit", 0)
    return isinstance(query, str) and isinstance(limit, int) and limit >= 0


def asks_for_all(d: Mapping[str, Any]) -> bool:
    """Return whether a checked request asks for all members of its guild, for which the intent
    GUILD_MEMBERS is needed."""
    return "user_ids" not in d and not d.get("query") and not d.get("limit")


def nonce_of(value: Any) -> str | None:
    """Return the nonce of a request; None: there is none, or one that Discord ignores because it is
    too long."""
    if value is None or isinstance(value, list | dict | bool):
        return None
    nonce = str(value)
    return nonce if len(nonce.encode()) <= LONGEST_NONCE else None
