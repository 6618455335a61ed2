"""What a session asks for over the gateway: members and soundboard sounds of a guild.

Source: Discord's documentation, "Gateway Events", "Request Guild Members" and "Guild Members
Chunk", "Request Soundboard Sounds"; "Gateway", "Privileged Intents".
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from cluster.discord.intents import Intents
from cluster.sandbox.world.presences import presence
from cluster.sandbox.world.state import Guild, Json, Member, encode

CHUNK: Final = 1000
"""Members of one GUILD_MEMBERS_CHUNK."""
_MOST_ASKED: Final = 100
"""Members that a query by prefix, or by user ids, returns."""
_LONGEST_NONCE: Final = 32


class RequestRefused(Exception):
    """A request that Discord answers by closing the connection with ``close_code``.

    4002: it can't be read as a request. 4014: it needs a privileged intent that the session does
    not have.
    """

    def __init__(self, close_code: int, cause: str) -> None:
        super().__init__(f"{cause} (close {close_code})")
        self.close_code = close_code
        self.cause = cause


def _id(value: Any) -> int | None:
    """Read a snowflake as clients write it, a string or a number; None for what is neither."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() else None
    return int(value) if isinstance(value, int) else None


def request_members(d: Json, guild_of: Callable[[int], Guild | None], intents: int) -> list[bytes]:
    """Return ``d`` of each GUILD_MEMBERS_CHUNK that answers an op 8 with ``d``.

    A guild that the bot is not in is answered by nothing. Raises RequestRefused.
    """
    wanted = d.get("guild_id")
    if isinstance(wanted, list) and len(wanted) == 1:
        wanted = wanted[0]
    guild_id = _id(wanted)
    if guild_id is None:
        raise RequestRefused(4002, "not exactly one guild_id")
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
    after = _id(d["continuation_token"]) if d["continuation_token"] is not None else None
    if after in guild.members:
        members = members[members.index(guild.members[after]) + 1 :]
    found = [m for m in members if _named(m, query)] if query else members[:CHUNK]
    return _chunks(guild, found[:1] if query else found, None, nonce_of(d.get("nonce")), False)[0]


def _requested_members(
    d: Json, guild: Guild, intents: int
) -> tuple[list[Member], list[str] | None]:
    """The members that an op 8 asks for, and the user ids that are nobody's (None: none named)."""
    if "user_ids" in d:
        user_ids = d["user_ids"] if isinstance(d["user_ids"], list) else [d["user_ids"]]
        if not all(isinstance(user_id, int | str) for user_id in user_ids):
            raise RequestRefused(4002, "user_ids are no ids")
        wanted = dict.fromkeys(str(user_id) for user_id in user_ids[:_MOST_ASKED])
        members = {user_id: guild.members.get(_id(user_id) or 0) for user_id in wanted}
        found = [member for member in members.values() if member is not None]
        return found, [user_id for user_id, member in members.items() if member is None]
    query, limit = d.get("query"), d.get("limit", 0)
    if not isinstance(query, str):
        raise RequestRefused(4002, "neither query nor user_ids")
    if not isinstance(limit, int) or limit < 0:
        raise RequestRefused(4002, "limit is no count")
    if not query and not limit:
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


def nonce_of(value: Any) -> str | None:
    """Return the nonce of a request; None: there is none, or one that Discord ignores because it is
    too long."""
    if value is None or isinstance(value, list | dict | bool):
        return None
    nonce = str(value)
    return nonce if len(nonce.encode()) <= _LONGEST_NONCE else None


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
