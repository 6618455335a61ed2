"""Store: the cache's LMDB environment, as the one process that writes it has it.

A turn is one transaction: what events change, with the position up to which they were handled, so
that whoever reads finds both or neither, and a restart goes on exactly from there.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import gcd
from pathlib import Path
from typing import Any, Final, Self
from weakref import WeakSet

import lmdb
import msgspec

from cluster.cache import schema
from cluster.cache.errors import DAMAGE, CacheFullError, DamagedCacheError
from cluster.cache.guild_state import GuildState
from cluster.cache.kinds import Keep, Kind
from cluster.cache.opening import Note, WrittenEnvironment, open_for_writing
from cluster.cache.reading.snapshot import Snapshot
from cluster.cache.transaction import Transaction
from cluster.cache.updates import Update, updates
from cluster.decode_errors import MALFORMED
from cluster.discord.limits import shard_of_guild
from cluster.lmdb_files.disk import no_room
from cluster.wire.batch import Event
from cluster.wire.position import ShardKey

log = logging.getLogger(__name__)

_OF_BOT: Final = frozenset({"READY", "USER_UPDATE"})
"""Events that tell of the bot itself."""


class Store:
    """The cache on disk. Made by ``Store.open``; ``close`` ends it.

    Whoever opens it is the only one who writes it, and has `crash_log.watch` note what it dies of.
    Thread use: none; it is never taken across fork.
    """

    def __init__(self, environment: WrittenEnvironment, keep: frozenset[Keep]) -> None:
        self.unfit: Counter[str] = Counter()
        """Name of an event -> how many of them were no such event, and changed nothing."""
        self.set_aside = environment.set_aside
        """Why what was there before was set aside; empty: it was not."""
        self._environment = environment
        self._keep = keep
        self._updates = updates(keep)
        self._states: dict[int, GuildState] = {}
        self._snapshots: WeakSet[Snapshot] = WeakSet()

    @classmethod
    def open(
        cls, folder: Path, *, max_bytes: int, keep: frozenset[Keep], cluster: str, boot_id: str,
        unix_ns: Callable[[], int] = time.time_ns,
    ) -> Self:  # fmt: skip
        """Open the cache in a folder, which is made (0700); what can't be trusted (another
        cluster's, damaged, from before an unclean reboot) is set aside, and a new one begun.

        max_bytes: how large its file may become. keep: what is kept no more is removed; where more
        is kept than before, all guilds are of unknown age until their next GUILD_CREATE.
        Raises CacheError.
        """
        note = Note(cluster=cluster, boot_id=boot_id, max_bytes=max_bytes)
        store = cls(open_for_writing(folder, note), keep)
        try:
            with store.turn() as turn:
                turn.keep_from_now(unix_ns())
        except BaseException:
            store._environment.env.close()
            raise
        return store

    @property
    def names(self) -> frozenset[str]:
        """Names of the events that change the cache."""
        return frozenset(self._updates)

    @property
    def bytes(self) -> int:
        """How large the file is, or may become without being made larger."""
        return self._environment.bytes

    @property
    def position(self) -> dict[str, Any] | None:
        """How far the events are in it, for Subscriber(start=); None: nothing was written yet."""
        with self.snapshot() as snapshot:
            return snapshot.position

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Write what one turn of the event loop brings, in one transaction: all of it, or nothing
        where an error is raised. Snapshots of this store should be closed: they are, where the file
        is made larger. Raises CacheFullError, after which the store goes on with the next turn, and
        DamagedCacheError: whoever opens it next sets it aside."""
        turn = Turn(self._begin, self._make_room, self._keep, self._updates, self.unfit)
        try:
            yield turn
            turn.commit()
        except DAMAGE as error:
            self._environment.condemn(str(error))
            if isinstance(error, DamagedCacheError):
                raise
            raise DamagedCacheError(error) from error
        except lmdb.Error as error:
            # LMDB calls it an input/output error where a page found room in part.
            if not no_room(error) and self._environment.disk_has_room():
                raise
            raise CacheFullError(
                f"the cache can't be written: {error}", "make room on its disk"
            ) from error
        finally:
            turn.abort()

    def _begin(self) -> Transaction:
        made = self._environment
        return Transaction(made.env.begin(write=True), made.databases, self._states)

    def _make_room(self) -> None:
        for snapshot in list(self._snapshots):
            snapshot.close()
        self._environment.make_room()

    def snapshot(self) -> Snapshot:
        """Return the cache as it is now, for this process: LMDB must not be opened twice in one."""
        made = Snapshot(
            self._environment.env.begin(), self._environment.databases, self._environment.condemn
        )
        self._snapshots.add(made)
        return made

    def check_readers(self) -> int:
        """Clear the places of readers that died; call it every second. Return how many."""
        return self._environment.env.reader_check()

    def close(self) -> None:
        """Sync and close; the cache is marked clean."""
        self._environment.close()


def _told_of_bot(update: Update, received_ns: int, parts: Transaction, d: bytes) -> None:
    """Apply an event that tells of the bot. Each shard's READY does, and shards have no order among
    themselves, so what was received later than this one stays."""
    later = parts.bot()
    told = parts.about(schema.BOT_TOLD)
    own_id = parts.own_id
    update(parts, d)
    if later is not None and told is not None and schema.unpack_id(told)[0] > received_ns:
        parts.set_bot(own_id, later)
    else:
        parts.set_about(schema.BOT_TOLD, schema.pack_id(received_ns))


class Turn:
    """What one turn of the event loop brings, in order. Where the file has to be made larger for
    it, it is done once more from its beginning."""

    def __init__(
        self, begin: Callable[[], Transaction], make_room: Callable[[], None],
        keep: frozenset[Keep], table: dict[str, Update], unfit: Counter[str],
    ) -> None:  # fmt: skip
        self.position: dict[str, Any] | None = None
        """`Subscriber.position` after this turn's events; None: as before."""
        self._begin = begin
        self._make_room = make_room
        self._keep = keep
        self._updates = table
        self._unfit = unfit
        self._count = 0
        self._steps: list[tuple[Callable[[Transaction, bytes], None], bytes]] = []
        self._parts = self._begun()

    def _begun(self) -> Transaction:
        made = self._begin()
        made.keeps(self._keep)
        return made

    def apply(self, event: Event) -> None:
        """Change what an event changes. One that is no such event is counted, and logged the first
        time."""
        source = event.source
        update = self._updates.get(source.name)
        if update is None:
            return
        self._count = source.shard_count
        if source.name in _OF_BOT:
            update = partial(_told_of_bot, update, source.received_ns)
        try:
            self._do(update, event.data)
            if source.name == "READY":
                shard = ShardKey(source.shard_count, source.shard_id)
                self._do(lambda parts, _: parts.set_whole(shard))
        except MALFORMED as error:
            self._steps.pop()
            self._unfit[event.name] += 1
            if self._unfit[event.name] == 1:
                log.warning("the cache can't make sense of %s: %s", event.position, error)

    def begin_copy(self, own_id: int, bot: bytes) -> None:
        """Begin to copy another cache of this cluster: forget every guild, and take READY as it is
        there."""

        def step(parts: Transaction, _: bytes) -> None:
            for guild_id in parts.guild_ids():
                parts.forget(guild_id)
            parts.set_bot(own_id, bot)

        self._do(step)

    def copy_guild(
        self, guild_id: int, state: GuildState, kinds: Mapping[Kind, Sequence[tuple[int, bytes]]]
    ) -> None:
        """Take a guild as another cache of this cluster has it. kinds: its parts, each with its
        id."""

        def step(parts: Transaction, _: bytes) -> None:
            for kind, found in kinds.items():
                parts.replace(guild_id, kind, found)
            parts.set_state(guild_id, state)

        self._do(step)

    def forget_guild(self, guild_id: int) -> None:
        """Forget a guild, as another cache of this cluster has."""
        self._do(lambda parts, _: parts.forget(guild_id))

    def doubt(self, shard_id: int, shard_count: int, now_ns: int) -> int:
        """Note that events of a shard (-1: of all) were missed: its guilds are of unknown age until
        their next GUILD_CREATE. now_ns: Unix time. Return how many there are."""
        doubted: list[int] = []

        def step(parts: Transaction, _: bytes) -> None:
            doubted[:] = [
                guild_id
                for guild_id in parts.guild_ids()
                if shard_id == -1 or shard_of_guild(guild_id, shard_count) == shard_id
            ]
            for guild_id in doubted:
                _doubt(parts, guild_id, now_ns)
            for whole in parts.whole_shards():
                if shard_id == -1 or share_guilds((shard_count, shard_id), whole):
                    parts.forget_whole(whole)

        self._do(step)
        return len(doubted)

    def keep_from_now(self, now_ns: int) -> None:
        """Remove what is kept no more; where more is kept than before, doubt every guild."""
        words = ",".join(sorted(one.value for one in self._keep)).encode()

        def step(parts: Transaction, _: bytes) -> None:
            kept = parts.about(schema.KEEP)
            if kept == words:
                return
            before = frozenset(Keep(word) for word in kept.decode().split(",")) if kept else None
            if before is not None:
                _keep_less(parts, before - self._keep)
                if self._keep - before:
                    for guild_id in parts.guild_ids():
                        _doubt(parts, guild_id, now_ns)
            parts.set_about(schema.KEEP, words)

        self._do(step)

    def _do(self, step: Callable[[Transaction, bytes], None], data: bytes = b"") -> None:
        self._steps.append((step, data))
        try:
            step(self._parts, data)
        except lmdb.MapFullError:
            self._again()

    def _again(self) -> None:
        """Make room, and do all of it once more."""
        while True:
            self._parts.abort()
            self._make_room()
            self._parts = self._begun()
            try:
                for step, data in self._steps:
                    step(self._parts, data)
            except lmdb.MapFullError:
                continue
            return

    def commit(self) -> None:
        """Write it, with the position."""
        position, count = self.position, self._count
        if position is not None:
            saved = msgspec.json.encode(position)
            self._do(lambda parts, _: parts.set_about(schema.POSITION, saved))
        if count:
            self._do(lambda parts, _: _count(parts, count))
        while True:
            try:
                self._parts.commit()
            except lmdb.MapFullError:
                self._again()
            else:
                return

    def abort(self) -> None:
        """Give up what was not committed. Calling it again does nothing."""
        self._parts.abort()


def share_guilds(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether two shards, each (count, id), can have a guild in common. Pure."""
    return (one[1] - other[1]) % gcd(one[0], other[0]) == 0


def _count(parts: Transaction, count: int) -> None:
    """Note the shard count of the newest event. Where it is another one, its shards are whole if
    all of the one before were: the sessions of both had the same events, and the READYs of the new
    ones came before they counted."""
    before = parts.shard_count()
    if count == before:
        return
    old = [shard for shard in parts.whole_shards() if shard.shard_count == before]
    for shard in old:
        parts.forget_whole(shard)
    if len(old) == before:
        for shard_id in range(count):
            parts.set_whole(ShardKey(count, shard_id))
    parts.set_about(schema.COUNT, schema.pack_count(count))


def _doubt(parts: Transaction, guild_id: int, now_ns: int) -> None:
    state = parts.state(guild_id)
    if state is not None and not state.unknown_since_ns:
        changed = msgspec.structs.replace(state, unknown_since_ns=now_ns)
        parts.set_state(guild_id, changed)


def _keep_less(parts: Transaction, gone: frozenset[Keep]) -> None:
    """Remove what nothing would bring up to date any more."""
    for guild_id in parts.guild_ids():
        if Keep.PRESENCES in gone:
            parts.replace(guild_id, Kind.PRESENCE, ())
        if Keep.MEMBERS in gone:
            voices = {user_id for user_id, _ in parts.parts(guild_id, Kind.VOICE_STATE)}
            for user_id, _ in parts.parts(guild_id, Kind.MEMBER):
                if user_id != parts.own_id and user_id not in voices:
                    parts.remove(guild_id, Kind.MEMBER, user_id)
    if Keep.USERS in gone:
        parts.forget_users()
