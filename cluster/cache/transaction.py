"""Transaction: the parts of all guilds as a write transaction of LMDB has them (`Parts`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import lmdb

from cluster.cache import schema
from cluster.cache.guild_state import GuildState, decode_state, encode_state
from cluster.cache.kinds import Keep, Kind
from cluster.cache.reading.snapshot import Snapshot
from cluster.wire.position import ShardKey

_MOST_STATES: Final = 100_000


class Transaction:
    """Reads what it has written, too. ``commit`` or ``abort`` it. Methods raise lmdb.Error."""

    keeps_members = False
    keeps_presences = False
    keeps_users = False

    def __init__(
        self, txn: lmdb.Transaction, databases: schema.Databases, states: dict[int, GuildState]
    ) -> None:
        """states: the guilds' as the database has them, as far as they were read: kept from one
        transaction to the next, since most events ask for one."""
        self._states = states
        self._changed: dict[int, GuildState | None] = {}
        self._txn = txn
        self._db = databases
        self._now = Snapshot(txn, databases)
        self._own_id: int | None = None

    def keeps(self, keep: frozenset[Keep]) -> None:
        """Say what is kept."""
        self.keeps_members = Keep.MEMBERS in keep
        self.keeps_presences = Keep.PRESENCES in keep
        self.keeps_users = Keep.USERS in keep

    def commit(self) -> None:
        self._txn.commit()
        if len(self._states) > _MOST_STATES:
            self._states.clear()
        for guild_id, state in self._changed.items():
            if state is None:
                self._states.pop(guild_id, None)
            else:
                self._states[guild_id] = state

    def abort(self) -> None:
        """Give it up, unless it is committed. Calling it again does nothing."""
        self._txn.abort()

    @property
    def own_id(self) -> int:
        if self._own_id is None:
            self._own_id = self._now.own_id
        return self._own_id

    def part(self, guild_id: int, kind: Kind, part_id: int) -> bytes | None:
        return self._get(schema.pack_part(guild_id, kind.code, part_id), self._db.parts)

    def parts(self, guild_id: int, kind: Kind) -> list[tuple[int, bytes]]:
        keyed = self._now.keyed(schema.pack_kind(guild_id, kind.code))
        return [(schema.unpack_part(key)[2], part) for key, part in keyed]

    def put(self, guild_id: int, kind: Kind, part_id: int, part: bytes) -> None:
        self._txn.put(schema.pack_part(guild_id, kind.code, part_id), part, db=self._db.parts)

    def remove(self, guild_id: int, kind: Kind, part_id: int) -> None:
        self._txn.delete(schema.pack_part(guild_id, kind.code, part_id), db=self._db.parts)

    def replace(self, guild_id: int, kind: Kind, parts: Iterable[tuple[int, bytes]]) -> None:
        self._remove_range(schema.pack_kind(guild_id, kind.code))
        for part_id, part in parts:
            self.put(guild_id, kind, part_id, part)

    def state(self, guild_id: int) -> GuildState | None:
        if guild_id in self._changed:
            return self._changed[guild_id]
        state = self._states.get(guild_id)
        if state is None:
            value = self._txn.get(schema.pack_id(guild_id), db=self._db.guilds)
            if value is not None:
                state = self._states[guild_id] = decode_state(bytes(value))
        return state

    def set_state(self, guild_id: int, state: GuildState) -> None:
        self._changed[guild_id] = state
        self._txn.put(schema.pack_id(guild_id), encode_state(state), db=self._db.guilds)

    def guild_ids(self) -> list[int]:
        return self._now.guild_ids()

    def forget(self, guild_id: int) -> None:
        self._changed[guild_id] = None
        self._txn.delete(schema.pack_id(guild_id), db=self._db.guilds)
        self._remove_range(schema.pack_id(guild_id))

    def _remove_range(self, prefix: bytes) -> None:
        cursor: Any = self._txn.cursor(db=self._db.parts)
        found = cursor.set_range(prefix)
        while found and cursor.key().startswith(prefix):
            found = cursor.delete()

    def bot(self) -> bytes | None:
        bot = self._now.bot()
        return None if bot is None else bot.raw

    def set_bot(self, own_id: int, bot: bytes) -> None:
        self._own_id = own_id
        self.set_about(schema.BOT, schema.pack_id(own_id) + bot)

    def user(self, user_id: int) -> bytes | None:
        return self._get(schema.pack_id(user_id), self._db.users)

    def put_user(self, user_id: int, user: bytes) -> None:
        self._txn.put(schema.pack_id(user_id), user, db=self._db.users)

    def shard_count(self) -> int:
        return self._now.shard_count()

    def whole_shards(self) -> set[ShardKey]:
        """Return the shards of which every guild is known."""
        return self._now.whole_shards()

    def set_whole(self, shard: ShardKey) -> None:
        """Note that every guild of a shard is known."""
        self._txn.put(schema.pack_shard(*shard), b"", db=self._db.whole)

    def forget_whole(self, shard: ShardKey) -> None:
        """Note that guilds of a shard may be unknown."""
        self._txn.delete(schema.pack_shard(*shard), db=self._db.whole)

    def forget_users(self) -> None:
        self._txn.drop(self._db.users, delete=False)

    def about(self, key: bytes) -> bytes | None:
        """Return what is kept beside the guilds, by a key of schema.py."""
        return self._get(key, self._db.about)

    def set_about(self, key: bytes, value: bytes) -> None:
        self._txn.put(key, value, db=self._db.about)

    def _get(self, key: bytes, db: lmdb._Database) -> bytes | None:
        return cast("bytes | None", self._txn.get(key, db=db))  # no buffers were asked for
