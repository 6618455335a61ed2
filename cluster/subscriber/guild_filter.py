"""GuildFilter: which events belong to the guilds that a subscriber wants. event_filter.py asks it,
for each event that delivery_queue.py takes in."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cluster.decode_errors import MALFORMED, decoded


class _Guild(msgspec.Struct):
    guild_id: str | int | None = None
    id: str | int | None = None


_guild = msgspec.json.Decoder(_Guild)


GUILD_EVENTS = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
"""Events whose ``d`` is the guild."""


class GuildFilter:
    """Takes the events of some guilds, by the ``guild_id`` in their data."""

    def __init__(self, guilds: Iterable[int]) -> None:
        wanted = list(guilds)
        self._guilds: frozenset[object] = frozenset([*wanted, *map(str, wanted)])
        """Ids as Discord writes them, and as numbers, which other servers write."""
        self.unreadable = 0
        """Events whose guild could not be read; they are left out."""

    def takes(self, name: str, data: bytes) -> bool:
        """Return whether an event is of one of the guilds. data: its ``d``, JSON."""
        try:
            found = decoded(_guild.decode, data)
        except MALFORMED:
            self.unreadable += 1
            return False
        return (found.id if name in GUILD_EVENTS else found.guild_id) in self._guilds
