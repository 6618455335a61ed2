"""GUILD_CREATE of a guild as the cache has it, for a session with these intents: parts joined.
Pure.

Source: Discord's documentation, "Gateway Events", "Guild Create": `large` and `large_threshold`;
without GUILD_PRESENCES, or in a guild of more than 75,000 members, members and presences are only
the bot's and those of who is in voice; in a large guild only members who are online, beside these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

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
_CODES: Final = 1 + max(kind.code for kind in Kind)
_VOICE_STATE: Final = Kind.VOICE_STATE.code


class GuildParts(Protocol):
    """The parts of one guild, as the database has them."""

    def between(self, first: Kind, last: Kind) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, part) of these kinds and all between, by code, in the order of keys."""

    def one(self, kind: Kind, part_id: bytes) -> bytes | None:
        """Return a part; its id as in a key."""


def guild_create(
    state: GuildState, own_id: int, parts: GuildParts, *, intents: int, large_threshold: int
) -> bytes:
    """Return ``d`` of GUILD_CREATE of an available guild.

    own_id: the bot's user id. large_threshold: IDENTIFY's, 50 to 250. Raises DamagedCacheError.
    """
    lists: list[list[bytes]] = [[] for _ in range(_CODES)]
    always = {schema.pack_id(own_id)}
    try:
        for key, part in parts.between(Kind.GUILD, Kind.VOICE_STATE):
            code = key[8]
            lists[code].append(part)
            if code == _VOICE_STATE:
                always.add(key[9:])
        (guild,) = lists[Kind.GUILD.code]
    except (LookupError, ValueError) as error:
        raise DamagedCacheError(f"the parts of a guild are none ({error!r})") from error
    large = state.member_count > large_threshold
    lists[Kind.MEMBER.code], lists[Kind.PRESENCE.code] = _people(
        parts, always, state.member_count, presences=bool(intents & _PRESENCES), large=large
    )
    joined = [guild[:-1]]
    for kind in LISTS:
        joined += (_NAMES[kind], b",".join(lists[kind.code]), b"]")
    joined.append(
        b',"member_count":%d,"large":%b,"unavailable":false}'
        % (state.member_count, b"true" if large else b"false")
    )
    return b"".join(joined)


def _people(
    parts: GuildParts, always: set[bytes], member_count: int, *, presences: bool, large: bool
) -> tuple[list[bytes], list[bytes]]:
    """Return the members and the presences that a session is shown. always: the ids, as in keys, of
    the bot and of who is in voice."""
    if not presences:
        return _of(always, Kind.MEMBER, parts), []
    if member_count > MOST_MEMBERS:
        return _of(always, Kind.MEMBER, parts), _of(always, Kind.PRESENCE, parts)
    online = list(parts.between(Kind.PRESENCE, Kind.PRESENCE))
    if large:
        members = _of(always.union(key[9:] for key, _ in online), Kind.MEMBER, parts)
    else:
        members = [part for _, part in parts.between(Kind.MEMBER, Kind.MEMBER)]
    return members, [part for _, part in online]


def _of(users: Iterable[bytes], kind: Kind, parts: GuildParts) -> list[bytes]:
    """Return the parts of these users that are there."""
    found = (parts.one(kind, user) for user in users)
    return [part for part in found if part is not None]
