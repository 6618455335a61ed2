"""Members of a guild: ops 8 and 35, whose answers come in GUILD_MEMBERS_CHUNK events.

Sources: Discord's documentation, "Gateway Events", "Request Guild Members" (bots: one guild at a
time); the unofficial one for "Search Recent Members".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cluster.commands.checks import flag, number, optional_snowflake, snowflake, snowflakes, text
from cluster.commands.checks import nonce as checked_nonce
from cluster.commands.command import Command, command
from cluster.discord.opcodes import Op
from cluster.errors import CommandError

MOST_ASKED: Final = 100
"""Most members that a query by prefix, or by user ids, returns."""
MAX_QUERY: Final = 100


def request_guild_members(
    guild_id: int,
    *,
    query: str | None = None,
    limit: int | None = None,
    user_ids: Iterable[int] | None = None,
    presences: bool = False,
    nonce: str | None = None,
) -> Command:
    """Op 8. One of: neither query nor user_ids (all members of the guild); query, the beginning of
    a name, with limit (1 to 100); user_ids, at most 100. nonce: comes back in the answers."""
    d: dict[str, Any] = {"guild_id": snowflake("guild_id", guild_id)}
    if user_ids is not None:
        if query is not None or limit is not None:
            raise CommandError(
                "user_ids is given with query or limit", "give one of the two", "user_ids"
            )
        d["user_ids"] = snowflakes("user_ids", user_ids, MOST_ASKED)
    else:
        d |= _by_name(query, limit)
    if flag("presences", presences):
        d["presences"] = True
    if nonce is not None:
        d["nonce"] = checked_nonce(nonce)
    return command(Op.REQUEST_GUILD_MEMBERS, d, "user_ids")


def _by_name(query: str | None, limit: int | None) -> dict[str, Any]:
    prefix = "" if query is None else text("query", query, MAX_QUERY)
    if limit is None:
        limit = MOST_ASKED if prefix else 0
    return {"query": prefix, "limit": number("limit", limit, 1 if prefix else 0, MOST_ASKED)}


def search_recent_members(
    guild_id: int,
    query: str = "",
    *,
    continuation_token: int | None = None,
    nonce: str | None = None,
) -> Command:
    """Op 35 (user accounts): the members that joined last, by the beginning of a name, or up to
    1,000 of all. continuation_token: the id of the one who joined earliest, to go on from there."""
    d: dict[str, Any] = {
        "guild_id": snowflake("guild_id", guild_id),
        "query": text("query", query, MAX_QUERY),
        "continuation_token": optional_snowflake("continuation_token", continuation_token),
    }
    if nonce is not None:
        d["nonce"] = checked_nonce(nonce)
    return command(Op.SEARCH_RECENT_MEMBERS, d)
