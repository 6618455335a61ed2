"""What a session asks for over the gateway: members and soundboard sounds of a guild.

Source: Discord's documentation, "Gateway Events", "Request Guild Members" and "Guild Members
Chunk", "Request Soundboard Sounds"; "Gateway", "Privileged Intents".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final

from cluster.discord.intents import Intents
from cluster.gateway_server.member_requests import (
    asks_for_all,
    guild_asked,
    is_member_request,
    nonce_of,
    users_asked,
)
from cluster.gateway_server.snowflakes import snowflake
from cluster.sandbox.world.presences import presence
from cluster.sandbox.world.state import Guild, Json, Member, encode

CHUNK: Final = 1000
"""Members of one GUILD_MEMBERS_CHUNK."""
_MOST_ASKED: Final = 100
"""Members that a query by prefix returns."""


class RequestRefused(Exception):
    """A request that Discord answers by closing the connection with ``close_code``.

    4002: it can't be read as a request. 4014: it needs a privileged intent that the session does
    not have.
    """

    def __init__(self, close_code: int, cause: str) -> None:
        super().__init__(f"{cause} (close {close_code})")
        self.close_code = close_code
        self.cause = cause


def request_members(d: Json, guild_of: Callable[[int], Guild | None], intents: int) -> list[bytes]:
    """Return ``d`` of each GUILD_MEMBERS_CHUNK that answers an op 8 with ``d``.

    A guild that the bot is not in is answered by nothing. Raises RequestRefused.
    """
    guild_id = guild_asked(d)
    if guild_id is None or not is_member_request(d):
        raise RequestRefused(4002, "no request for members of one guild")
    guild = guild_of(guild_id)
    if guild is None:
        return []
    members, not_found = _requested_members(d, guild, intents)
    wants_presences = d.get("presences") is True and bool(intents & Intents.GUILD_PRESENCES)
    return _chunks(guild, members, not_found, nonce_of(d.get("nonce")), wants_presences)


def search_recent_members(d: Json, guild: Guild) -> bytes:
    """Return ``d`` of the GUILD_MEMBERS_CHUNK that answers an op 35.

    Who joined last comes first, from the member of the continuation token on.
    """
    query = d["query"].casefold()
    members = sorted(guild.member_list, key=lambda m: str(m.data["joined_at"]), reverse=True)
    after = snowflake(d["continuation_token"])
    if after in guild.members:
        members = members[members.index(guild.members[after]) + 1 :]
    found = [m for m in members if _named(m, query)] if query else members[:CHUNK]
    return _chunks(guild, found[:1] if query else found, None, nonce_of(d.get("nonce")), False)[0]


def _requested_members(
    d: Json, guild: Guild, intents: int
) -> tuple[list[Member], list[str] | None]:
    """The members that an op 8 asks for, and the user ids that are nobody's (None: none named)."""
    user_ids = users_asked(d)
    if user_ids is not None:
        wanted = dict.fromkeys(str(user_id) for user_id in user_ids)
        members = {user_id: guild.members.get(snowflake(user_id) or 0) for user_id in wanted}
        found = [member for member in members.values() if member is not None]
        return found, [user_id for user_id, member in members.items() if member is None]
    query, limit = d["query"], d.get("limit", 0)
    if asks_for_all(d):
        if not intents & Intents.GUILD_MEMBERS:
            raise RequestRefused(4014, "all members without the GUILD_MEMBERS intent")
        return list(guild.member_list), None
    return members_named(guild, query, min(limit or _MOST_ASKED, _MOST_ASKED)), None


def members_named(guild: Guild, prefix: str, most: int) -> list[Member]:
    """The first members of whom a name begins with ``prefix``, in any case."""
    prefix = prefix.casefold()
    return list(islice((m for m in guild.member_list if _named(m, prefix)), most))


def _named(member: Member, prefix: str) -> bool:
    names = (member.data["nick"], member.user["global_name"], member.user["username"])
    return any(name.casefold().startswith(prefix) for name in names if name)


def _chunks(
    guild: Guild,
    members: list[Member],
    not_found: list[str] | None,
    nonce: str | None,
    presences: bool,
) -> list[bytes]:
    """Make ``d`` of each chunk: at least one, also when nobody was found."""
    count = max(1, -(-len(members) // CHUNK))
    made: list[bytes] = []
    for index in range(count):
        part = members[index * CHUNK : (index + 1) * CHUNK]
        rest: Json = {"guild_id": str(guild.id), "chunk_index": index, "chunk_count": count}
        if not_found is not None:
            rest["not_found"] = not_found if index == 0 else []
        if nonce is not None:
            rest["nonce"] = nonce
        data = encode(rest)[:-1] + b',"members":[' + b",".join(m.full_json() for m in part) + b"]"
        if presences:
            shown = (presence(m.id_json, guild.id, m.presence) for m in part if m.online)
            data += b',"presences":[' + b",".join(shown) + b"]"
        made.append(data + b"}")
    return made
