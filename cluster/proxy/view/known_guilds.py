"""KnownGuilds: the guilds that a client has been told of, and which news of guilds a stream of the
cluster's events brings it. Pure.

A session of the cluster that identifies is told of all its guilds once more, as is each new session
after a resharding. A client that has a guild already is told of it again only where something may
have been missed in between (a `Gap`). And what no event told, that the bot has been removed from a
guild while nobody listened, it is told when a READY lists the guild no more.

A guild takes nine bytes, since each session of a proxy has its own.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Set
from typing import Final

import msgspec

from cluster.discord.limits import shard_of_guild

_UNAVAILABLE: Final = 1
_DOUBTFUL: Final = 2
"""Something of the guild may have been missed: its next GUILD_CREATE is news, and a READY that does
not list it says that the bot is no more in it."""
_EXPECTED: Final = 4
"""The next GUILD_CREATE is news."""


class _State(msgspec.Struct, frozen=True, array_like=True):
    own_id: int
    ids: bytes
    flags: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_State).decode


class KnownGuilds:
    """The guilds of one client."""

    def __init__(
        self, own_id: int, guilds: Iterable[int] = (), hidden: Set[int] = frozenset(),
        doubtful: Set[int] = frozenset(),
    ) -> None:  # fmt: skip
        """own_id: the bot's user id, which is kept beside them; guilds: those that the client is
        told of; hidden: those of them that are unavailable; doubtful: those of which something may
        have been missed."""
        self.own_id = own_id
        self._ids = array("Q", sorted(guilds))
        self._flags = bytearray(
            _UNAVAILABLE * (one in hidden) | _DOUBTFUL * (one in doubtful) for one in self._ids
        )
        self._state: bytes | None = None

    @classmethod
    def of(cls, state: bytes) -> KnownGuilds:
        """Return them as they were when `state` was made. Raises ValueError: it is damaged."""
        try:
            found = _decode(state)
            known = cls(found.own_id)
            known._ids.frombytes(found.ids)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"no state of a view: {error}") from None
        if len(known._ids) != len(found.flags):
            raise ValueError("no state of a view: as many guilds as flags are needed")
        known._flags = bytearray(found.flags)
        return known

    @property
    def state(self) -> bytes:
        """What `of` takes. The same object for as long as nothing has changed."""
        if self._state is None:
            self._state = _encode(_State(self.own_id, self._ids.tobytes(), bytes(self._flags)))
        return self._state

    def __contains__(self, guild_id: int) -> bool:
        return self._find(guild_id) >= 0

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def expect(self, known: KnownGuilds) -> None:
        """Take the next GUILD_CREATE of each guild for news that the other does not know."""
        for index, guild_id in enumerate(self._ids):
            if guild_id not in known:
                self._set(index, self._flags[index] | _EXPECTED)

    def gap(self, shard_id: int, shard_count: int) -> None:
        """Take note that events of a shard were missed. shard_id: -1 for those of all shards."""
        for index, guild_id in enumerate(self._ids):
            if shard_id < 0 or shard_of_guild(guild_id, shard_count) == shard_id:
                self._set(index, self._flags[index] | _DOUBTFUL)

    def created(self, guild_id: int, *, unavailable: bool = False) -> bool:
        """Take in a GUILD_CREATE; return whether it is news."""
        if unavailable:
            return self.deleted(guild_id, unavailable=True)
        index = self._find(guild_id)
        if index < 0:
            self._insert(guild_id, 0)
            return True
        news = bool(self._flags[index])
        self._set(index, 0)
        return news

    def deleted(self, guild_id: int, *, unavailable: bool) -> bool:
        """Take in a GUILD_DELETE; return whether it is news."""
        index = self._find(guild_id)
        if not unavailable:
            if index >= 0:
                self._remove(index)
            return True
        if index < 0:
            self._insert(guild_id, _UNAVAILABLE)
            return True
        news = not self._flags[index] & _UNAVAILABLE
        self._set(index, _UNAVAILABLE)
        return news

    def listed(self, shard_id: int, shard_count: int, guilds: Set[int]) -> list[int]:
        """Take in the guilds that a READY of a shard lists; return those that the bot is no more
        in, of which no event told. One that is not doubtful is there as before: where nothing was
        missed, a READY is that of a new shard count, and older than what the old one has told."""
        gone = [
            guild_id
            for guild_id, flags in zip(self._ids, self._flags, strict=True)
            if flags & _DOUBTFUL
            and guild_id not in guilds
            and shard_of_guild(guild_id, shard_count) == shard_id
        ]
        for guild_id in gone:
            self._remove(self._find(guild_id))
        return gone

    def _find(self, guild_id: int) -> int:
        """Return a guild's place; -1: it is not known."""
        index = bisect_left(self._ids, guild_id)
        return index if index < len(self._ids) and self._ids[index] == guild_id else -1

    def _insert(self, guild_id: int, flags: int) -> None:
        index = bisect_left(self._ids, guild_id)
        self._ids.insert(index, guild_id)
        self._flags.insert(index, flags)
        self._state = None

    def _remove(self, index: int) -> None:
        del self._ids[index], self._flags[index]
        self._state = None

    def _set(self, index: int, flags: int) -> None:
        if self._flags[index] != flags:
            self._flags[index] = flags
            self._state = None
