"""GUILD_CREATE of a guild as the cache has it, for a session with these intents: parts joined.
Pure.

Source: Discord's documentation, "Gateway Events", "Guild Create": `large` and `large_threshold`;
without GUILD_PRESENCES, or in a guild of more than 75,000 members, members and presences are only
the bot's and those of who is in voice; in a large guild only members who are online, beside these.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cluster.cache import schema
from cluster.cache.errors import DamagedCacheError
from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import LISTS, Kind
from cluster.discord.intents import Intents

MOST_MEMBERS: Final = 75_000
"""Members of a guild above which members and presences are those of the bot and of who is in
voice."""
_PRESENCES: Final = int(Intents.GUILD_PRESENCES)
_NAMES: Final = {kind: b',"%b":[' % kind.value.encode() for kind in LISTS}
_BY_CODE: Final = {kind.code: kind for kind in Kind}
_ByUser = dict[bytes, bytes]


def guild_create(
    state: GuildState,
    own_id: int,
    parts: Iterable[tuple[bytes, bytes]],
    *,
    intents: int,
    large_threshold: int,
) -> bytes:
    """Return ``d`` of GUILD_CREATE of an available guild.

    own_id: the bot's user id. parts: (key in the database, part) of all parts of the guild.
    large_threshold: IDENTIFY's, 50 to 250. Raises DamagedCacheError.
    """
    found: dict[Kind, _ByUser] = {kind: {} for kind in Kind}
    try:
        for key, part in parts:
            found[_BY_CODE[key[8]]][key[9:]] = part
        (guild,) = found[Kind.GUILD].values()
    except (LookupError, ValueError) as error:
        raise DamagedCacheError(f"the parts of a guild are none ({error!r})") from error
    large = state.member_count > large_threshold
    members, presences = found[Kind.MEMBER], found[Kind.PRESENCE]
    always = found[Kind.VOICE_STATE].keys() | {schema.pack_id(own_id)}
    if not intents & _PRESENCES:
        found[Kind.MEMBER], found[Kind.PRESENCE] = _of(always, members), {}
    elif state.member_count > MOST_MEMBERS:
        found[Kind.MEMBER], found[Kind.PRESENCE] = _of(always, members), _of(always, presences)
    elif large:
        found[Kind.MEMBER] = _of(always | presences.keys(), members)
    joined = [guild[:-1]]
    for kind in LISTS:
        joined += (_NAMES[kind], b",".join(found[kind].values()), b"]")
    joined.append(
        b',"member_count":%d,"large":%b,"unavailable":false}'
        % (state.member_count, b"true" if large else b"false")
    )
    return b"".join(joined)


def _of(users: set[bytes], parts: _ByUser) -> _ByUser:
    """Return the parts of these users."""
    return {user: parts[user] for user in users if user in parts}
