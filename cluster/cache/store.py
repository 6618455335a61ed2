"""Store: the cache's LMDB environment, as the one process that writes it has it.

A turn is one transaction: what events change, with the position up to which they were handled, so
that whoever reads finds both or neither, and a restart goes on exactly from there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import lmdb
import msgspec

from cluster.cache import schema
from cluster.cache.errors import CacheFullError
from cluster.cache.guild_state import GuildState, decode_state, encode_state
from cluster.cache.kinds import Keep, Kind
from cluster.cache.opening import open_databases, open_environment
from cluster.cache.snapshot import Databases, Snapshot
from cluster.cache.updates import Update, updates
from cluster.decode_errors import MALFORMED
from cluster.discord.limits import shard_of_guild
from cluster.wire.batch import Event

log = logging.getLogger(__name__)


class Store:
    """The cache on disk. Made by ``Store.open``; ``close`` ends it. Thread use: none; it is never
    taken across fork."""

    def __init__(self, env: lmdb.Environment, keep: frozenset[Keep]) -> None:
        self.unfit: Counter[str] = Counter()
        """Name of an event -> how many of them were no such event, and changed nothing."""
        self._env = env
        self._keep = keep
        self._db: Databases = open_databases(env)
        self._updates = updates(keep)

    @classmethod
    def open(cls, folder: Path, *, max_bytes: int, keep: frozenset[Keep]) -> Self:
        """Open the cache in a folder, which is made; what can't be used is set aside, and a new
        one begun. Raises CacheError and OSError."""
        return cls(open_environment(folder, max_bytes), keep)

    @property
    def names(self) -> frozenset[str]:
        """Names of the events that change the cache."""
        return frozenset(self._updates)

    @property
    def position(self) -> dict[str, Any] | None:
        """How far the events are in it, for Subscriber(start=); None: nothing was written yet."""
        with self.snapshot() as snapshot:
            return snapshot.position

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Write what one turn of the event loop brings, in one transaction: all of it, or nothing
        where an error is raised. Raises CacheFullError: nothing was written."""
        try:
            with self._env.begin(write=True) as txn:
                turn = Turn(txn, self._db, self._keep, self._updates, self.unfit)
                yield turn
                turn.end()
        except lmdb.MapFullError:
            raise CacheFullError(
                f"the cache is full: it may take {self._env.info()['map_size']:,} bytes",
                "give it more ([cache] bytes), or keep less ([cache] keep)",
            ) from None

    def snapshot(self) -> Snapshot:
        """Return the cache as it is now, for this process: LMDB must not be opened twice in one."""
        return Snapshot(self._env.begin(), self._db)

    def check_readers(self) -> int:
        """Clear the places of readers that died; call it every second. Return how many."""
        return self._env.reader_check()

    def sync(self) -> None:
        """Write all to the disk; without it a crash of the kernel loses the cache."""
        self._env.sync(True)

    def close(self) -> None:
        self._env.sync(True)
        self._env.close()


class Turn:
    """The events of one turn, in their order (`Parts` for the updates)."""

    def __init__(
        self, txn: lmdb.Transaction, databases: Databases, keep: frozenset[Keep],
        table: dict[str, Update], unfit: Counter[str],
    ) -> None:  # fmt: skip
        self.position: dict[str, Any] | None = None
        """`Subscriber.position` after this turn's events; None: as before."""
        self.keeps_members = Keep.MEMBERS in keep
        self.keeps_presences = Keep.PRESENCES in keep
        self.keeps_users = Keep.USERS in keep
        self._txn = txn
        self._db = databases
        self._updates = table
        self._unfit = unfit
        self._now = Snapshot(txn, databases)  # reads what the turn has written, too
        self._own_id: int | None = None
        self._count = 0

    def apply(self, event: Event) -> None:
        """Change what an event changes. One that is no such event is counted, and logged the first
        time."""
        update = self._updates.get(event.name)
        if update is None:
            return
        self._count = event.shard_count
        try:
            update(self, event.data)
        except (*MALFORMED, ValueError) as error:
            self._unfit[event.name] += 1
            if self._unfit[event.name] == 1:
                log.warning("the cache can't make sense of %s: %s", event.position, error)

    def doubt(self, shard_id: int, shard_count: int, now_ns: int) -> int:
        """Note that events of a shard (-1: of all) were missed: its guilds are of unknown age until
        their next GUILD_CREATE. now_ns: Unix time. Return how many there are."""
        doubted = 0
        for guild_id in self.guild_ids():
            if shard_id in (-1, shard_of_guild(guild_id, shard_count)):
                state = self.state(guild_id)
                if state is not None and not state.unknown_since_ns:
                    changed = msgspec.structs.replace(state, unknown_since_ns=now_ns)
                    self.set_state(guild_id, changed)
                doubted += 1
        return doubted

    def end(self) -> None:
        """Write what is to be written once a turn."""
        if self.position is not None:
            saved = msgspec.json.encode(self.position)
            self._txn.put(schema.POSITION, saved, db=self._db.about)
        if self._count:
            self._txn.put(schema.COUNT, schema.pack_count(self._count), db=self._db.about)

    @property
    def own_id(self) -> int:
        if self._own_id is None:
            self._own_id = self._now.own_id
        return self._own_id

    def part(self, guild_id: int, kind: Kind, part_id: int) -> bytes | None:
        found: Any = self._txn.get(
            schema.pack_part(guild_id, kind.code, part_id), db=self._db.parts
        )
        return found  # type: ignore[no-any-return]

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
        value = self._txn.get(schema.pack_id(guild_id), db=self._db.guilds)
        return None if value is None else decode_state(value)

    def set_state(self, guild_id: int, state: GuildState) -> None:
        self._txn.put(schema.pack_id(guild_id), encode_state(state), db=self._db.guilds)

    def guild_ids(self) -> list[int]:
        return self._now.guild_ids()

    def forget(self, guild_id: int) -> None:
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
        self._txn.put(schema.BOT, schema.pack_id(own_id) + bot, db=self._db.about)

    def put_user(self, user_id: int, user: bytes) -> None:
        self._txn.put(schema.pack_id(user_id), user, db=self._db.users)
