"""What a Subscriber yields, and its guild filter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from cluster.wire.position import Position


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatch."""

    name: str
    shard_id: int
    shard_count: int
    epoch: int
    seq: int
    data: bytes
    """``d`` as Discord sent it: JSON."""
    received_ns: int
    """Unix time at which the worker took it off the socket."""
    store: str

    def json(self) -> Any:
        """``d``, decoded."""
        return msgspec.json.decode(self.data)

    @property
    def position(self) -> Position:
        """Its name for ever."""
        return Position(self.store, self.shard_count, self.shard_id, self.epoch, self.seq)


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
    saved position belongs to another store)."""


NO_REPLAY = Gap(-1, 0, 0, None, 0, None, "no_replay")
OTHER_STORE = Gap(-1, 0, 0, None, 0, None, "other_store")


class Stalled(NamedTuple):
    """No watermark came for this long: silence is not health."""

    slot: int | None
    """The worker; None: nothing comes from any."""
    seconds: float


Item = Event | Gap | Stalled


class _Guild(msgspec.Struct):
    guild_id: str | None = None
    id: str | None = None


_guild = msgspec.json.Decoder(_Guild)
_ITSELF = frozenset({"GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"})
"""Events whose ``d`` is the guild."""


class GuildFilter:
    """Takes the events of some guilds. It stands after the chain, so that chains stay whole."""

    def __init__(self, guilds: Iterable[int]) -> None:
        self._guilds = frozenset(str(guild) for guild in guilds)
        self.unreadable = 0
        """Events whose guild could not be read; they are left out."""

    def takes(self, name: str, data: bytes) -> bool:
        try:
            found = _guild.decode(data)
        except msgspec.DecodeError:
            self.unreadable += 1
            return False
        return (found.id if name in _ITSELF else found.guild_id) in self._guilds
