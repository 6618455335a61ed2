"""A guild filter of Subscriber: it stands after the chain, so that chains stay whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cluster.decode_errors import MALFORMED


class _Guild(msgspec.Struct):
    guild_id: str | int | None = None
    id: str | int | None = None


_guild = msgspec.json.Decoder(_Guild)


_ITSELF = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
"""Events whose ``d`` is the guild."""


class GuildFilter:
    """Takes the events of some guilds. It stands after the chain, so that chains stay whole."""

    def __init__(self, guilds: Iterable[int]) -> None:
        wanted = list(guilds)
        self._guilds: frozenset[object] = frozenset([*wanted, *map(str, wanted)])
        """Ids as Discord writes them, and as numbers, which other servers write."""
        self.unreadable = 0
        """Events whose guild could not be read; they are left out."""

    def takes(self, name: str, data: bytes) -> bool:
        try:
            found = _guild.decode(data)
        except MALFORMED:
            self.unreadable += 1
            return False
        return (found.id if name in _ITSELF else found.guild_id) in self._guilds
