"""JournalReader: what a journal still holds of a shard, for any process of the host.

A read transaction lasts at most about 50 ms and copies out: a page that a reader pins can't be
reused by the writer, and a full map is the price. So an answer is a bounded slice; whoever wants
more asks again from where it ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import lmdb
import msgspec

from cluster.journal import schema
from cluster.journal.records import (
    FOREVER,
    UnreadableJournalError,
    drain_at,
    drain_of,
    find,
    records,
)
from cluster.lmdb_files.damage import damage
from cluster.wire import topic
from cluster.wire.shard_state import ShardState

READ_SECONDS: Final = 0.04
"""How long one read may take, so that its transaction lasts at most about 50 ms."""

SLICE_BYTES: Final = 1024 * 1024
"""Size past which an answer is cut, unless it is asked otherwise."""

_decode_state = msgspec.msgpack.Decoder(ShardState).decode


class RangeQuery(NamedTuple):
    """What is asked of an epoch: the messages of (after, upto], and how large the answer may be."""

    shard_id: int
    shard_count: int
    epoch: int
    after: int
    upto: int | None = None
    """Last seq that is asked for; None: all that there is of the epoch."""
    names: frozenset[str] | None = None
    """Names of the events; None: all. Holes and the epoch's end are always among them."""
    max_bytes: int = SLICE_BYTES
    """Size past which the answer is cut, after a whole drain."""
    seconds: float = READ_SECONDS
    """Time after which the answer is cut, after a whole drain."""


class Reach(NamedTuple):
    """Part of an epoch's history: all that this journal has in [start, reached]."""

    messages: list[bytes]
    start: int
    """First seq that is covered; reached + 1 if none is."""
    reached: int
    """Last seq that is covered."""
    more: bool
    """The slice is full: the journal may have what follows."""


class Facts(NamedTuple):
    """What a journal knows about an epoch of a shard besides its events."""

    end: int | None
    """Last seq of the epoch, if it is over."""
    next: int | None
    """The next epoch that this journal knows."""
    head: int | None
    """Last seq of the epoch that this journal knows of, held or not; None: it does not know it."""
    final: bool = False
    """No epoch follows the end: the shard count is no more in force."""


class Head(NamedTuple):
    """A shard in this journal: its state, and the oldest that is held."""

    state: ShardState
    oldest: tuple[int, int] | None
    """(epoch, first seq) of the oldest drain; None: no drain is held."""


class JournalReader:
    """Reads one slot's journal. ``open`` it, or put it over the environment of a Journal in this
    process (LMDB must not be opened twice in one). Thread use: none."""

    def __init__(
        self, env: lmdb.Environment, inode: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.inode = inode
        """Inode of data.mdb: another one on the disk means that the journal was replaced."""
        self._env = env
        self._clock = clock

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = time.monotonic) -> JournalReader:
        """Open the journal in a folder. FileNotFoundError: there is none; UnreadableJournalError:
        it is damaged."""
        data = folder / schema.DATA
        why = damage(data)
        if why:
            raise UnreadableJournalError(f"the journal in {folder} is damaged: {why}")
        inode = data.stat().st_ino
        try:
            env = _environment(folder)
        except lmdb.Error as error:
            raise UnreadableJournalError(f"the journal in {folder}: {error}") from error
        return cls(env, inode, clock)

    def close(self) -> None:
        self._env.close()

    def states(self) -> list[ShardState]:
        """Return the states of every shard of the journal."""
        with self._begin() as txn:
            db = self._db(txn, schema.STATE_DB)
            return [] if db is None else [_decode_state(v) for _, v in txn.cursor(db=db)]

    def heads(self) -> list[Head]:
        """Return the head of every shard of the journal."""
        with self._begin() as txn:
            state_db = self._db(txn, schema.STATE_DB)
            if state_db is None:
                raise UnreadableJournalError("it has no table of shards")
            states = [_decode_state(value) for _, value in txn.cursor(db=state_db)]
            return [
                Head(state, self._oldest(txn, state.shard_id, state.shard_count))
                for state in states
            ]

    def facts(self, shard_id: int, shard_count: int, epoch: int) -> Facts:
        """Return whether an epoch is over, and what came after it."""
        with self._begin() as txn:
            state = self._state(txn, shard_id, shard_count)
            if state is None:
                return Facts(None, None, None)
            if state.epoch == epoch:
                end = state.seq if state.ended else None
                return Facts(end, None, state.seq, state.retired)
            db = self._db(txn, schema.shard_db(shard_id))
            record = db and find(txn, db, epoch, FOREVER)
            before, following = state.before, state.epoch
            if db and record:
                drain = drain_at(txn, db, record)
                if drain.shard_count == shard_count:  # else the slot had another one between
                    before, following = drain.before, drain.epoch
            if following <= epoch:
                return Facts(None, None, None)
            end = before[1] if before is not None and before[0] == epoch else None
            return Facts(end, following, end)

    def read(self, query: RangeQuery) -> Reach:
        """Return the messages that a query asks for, whole, as they were published; from the first
        that is held, up to the first that is missing, or until the slice is full or took so long
        (``more``)."""
        epoch, after, names = query.epoch, query.after, query.names
        wanted = names and {name.encode() for name in names | {topic.HOLE, topic.EPOCH_END}}
        until = self._clock() + query.seconds
        limit = FOREVER if query.upto is None else query.upto
        messages: list[bytes] = []
        start, reached, size = -1, after, 0
        with self._begin() as txn:
            db = self._db(txn, schema.shard_db(query.shard_id))
            record = db and find(txn, db, epoch, after)
            if not db or not record:
                return Reach([], after + 1, after, False)
            for count, (name, message) in enumerate(records(txn, db, record)):
                drain = drain_of(name, message)
                if drain.epoch != epoch or drain.first > limit:
                    break
                if start < 0:
                    start = max(drain.first, after + 1)
                elif drain.first > reached + 1:
                    break  # What was published unjournalled lies between.
                elif drain.last > reached and (
                    size > query.max_bytes or (count % 64 == 0 and self._clock() > until)
                ):
                    # Only between drains: half of one would pass for the whole.
                    return Reach(messages, start, reached, True)
                if wanted is None or name in wanted:
                    messages.append(message)
                    size += len(message)
                reached = max(reached, drain.last)
        if start < 0:
            return Reach([], after + 1, after, False)
        return Reach(messages, start, reached, False)

    def _begin(self) -> lmdb.Transaction:
        try:
            return self._env.begin()
        except lmdb.MapResizedError:
            self._env.set_mapsize(0)
            return self._env.begin()

    def _db(self, txn: lmdb.Transaction, name: bytes) -> lmdb._Database | None:
        # Not kept: py-lmdb resets a read transaction when it ends, and the handle goes with it.
        try:
            return self._env.open_db(name, txn=txn, create=False)
        except lmdb.NotFoundError:
            return None

    def _state(self, txn: lmdb.Transaction, shard_id: int, shard_count: int) -> ShardState | None:
        db = self._db(txn, schema.STATE_DB)
        if db is None:
            raise UnreadableJournalError("it has no table of shards")
        value = txn.get(schema.shard_key.pack(shard_id, shard_count), db=db)
        return _decode_state(value) if value else None

    def _oldest(
        self, txn: lmdb.Transaction, shard_id: int, shard_count: int
    ) -> tuple[int, int] | None:
        db = self._db(txn, schema.shard_db(shard_id))
        if db is None:
            return None
        cursor = txn.cursor(db=db)
        if not cursor.first():
            return None
        record: int | None = schema.record_key.unpack(cursor.key())[0]
        while record is not None:
            drain = drain_at(txn, db, record)
            if drain.shard_count == shard_count:
                return drain.epoch, drain.first
            record = find(txn, db, drain.epoch, FOREVER)
        return None


def _environment(folder: Path) -> lmdb.Environment:
    """Open LMDB to read. Raises lmdb.Error."""
    open_once = partial(
        lmdb.open,
        str(folder),
        readonly=True,
        # As large as the writer's map. py-lmdb's own 10 MiB would become as large as what the file
        # holds by then, and a page that is written while it is opened would lie beyond.
        map_size=0,
        max_dbs=schema.MAX_DATABASES,
        max_readers=schema.MAX_READERS,
        readahead=False,
    )
    try:
        return open_once()
    except lmdb.MapResizedError:  # its writer made its map larger just now
        return open_once()
