"""What a Subscriber yields, and its guild filter."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ConfigError
from cluster.subscriber.chain import Event

__all__ = [
    "NO_REPLAY", "OTHER_STORE", "Event", "Gap", "GuildFilter", "Item", "Stalled", "checked_names"
]  # fmt: skip


class Gap(NamedTuple):
    """Events that were missed and can't be had again."""

    shard_id: int
    """-1: of all shards."""
    shard_count: int
    epoch: int
    names: tuple[str, ...] | None
    """None: of every name that is subscribed to."""
    first: int
    last: int | None
    """None: nobody knows how many."""
    reason: str
    """"gone" (no journal has them), "skipped" (Discord's replay left them out), "session_lost"
    (what happened between two sessions), "no_replay" (there is nobody to ask), "other_store" (the
    saved position belongs to another store), "ahead" (to an epoch that this store has not come to:
    an older copy took its place)."""


NO_REPLAY = Gap(-1, 0, 0, None, 0, None, "no_replay")
OTHER_STORE = Gap(-1, 0, 0, None, 0, None, "other_store")


class Stalled(NamedTuple):
    """No watermark came for this long: silence is not health."""

    slot: int | None
    """The worker; None: nothing comes from any."""
    seconds: float


Item = Event | Gap | Stalled


class _Guild(msgspec.Struct):
    guild_id: str | int | None = None
    id: str | int | None = None


_guild = msgspec.json.Decoder(_Guild)
_ITSELF = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
"""Events whose ``d`` is the guild."""


_NAME = re.compile("[A-Z][A-Z0-9_]{0,99}")


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


def checked_names(events: Iterable[str]) -> frozenset[str]:
    """Names of events, of which some may come. Raises ConfigError."""
    names = frozenset([events] if isinstance(events, str) else events)
    for name in names:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"there can't be an event {name!r}",
                'give names as Discord writes them, such as "MESSAGE_CREATE"; None takes all',
            )
    if not names:
        raise ConfigError("events is empty", "give names, or None for all")
    return names
