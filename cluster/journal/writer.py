"""Journal: one transaction a drain, the oldest pruned, a failing disk survived.

Thread use: none; a journal belongs to one event loop and is never taken across fork.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import lmdb
import msgspec

from cluster.errors import ClusterError
from cluster.journal import environment, identity, layout
from cluster.journal.identity import Identity
from cluster.journal.records import first_beyond, read_append
from cluster.wire.batch import ShardState

log = logging.getLogger(__name__)

RECENT_BYTES: Final = 8 * 1024 * 1024
"""What is kept in memory beyond the publisher's cursor, so that it need not be read back."""
RETRY_NS: Final = 1_000_000_000
"""After a failed write the disk is tried again once in this time."""
SLACK: Final = 64
"""What is over the budget is pruned down to this part below it: many appends at once are deleted
for a third of what each alone would cost."""
SLACK_BYTES: Final = 256 * 1024
"""And never more than this in a turn of the loop (some 0.5 ms), but for what one append brings."""

_encode_state = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(ShardState).decode


class JournalError(ClusterError):
    """The journal can't be opened."""


class JournalStats(NamedTuple):
    """What a journal holds."""

    bytes: int
    seconds: float | None
    """Age of the oldest drain; None: it holds none."""
    last_record: int


class Recent(NamedTuple):
    """One append, in memory."""

    first_record: int
    messages: Sequence[bytes]
    bytes: int


class Journal:
    """The journal of a worker slot. Made by ``Journal.open``; ``close`` ends it."""

    def __init__(
        self, env: lmdb.Environment, folder: Path, whose: Identity, budget_bytes: int,
        clock_ns: Callable[[], int],
    ) -> None:  # fmt: skip
        self.journalling = True
        """False: the last write failed; drains are published from memory, a crash loses them."""
        self.unjournalled = 0
        """Appends that were not written."""
        self.set_aside = ""
        """Why an older journal of this slot was set aside; empty: it was not."""
        self.recent: deque[Recent] = deque()
        self._recent_bytes = 0
        self._env = env
        self._folder = folder
        self._identity = whose
        self._budget = budget_bytes
        self._clock_ns = clock_ns
        self._retry_ns = 0
        self._closed = False
        self._state_db = env.open_db(layout.STATE_DB)
        self._index_db = env.open_db(layout.INDEX_DB)
        self._dbs: dict[int, lmdb._Database] = {}
        self._states: dict[tuple[int, int], ShardState] = {}
        self._bytes = 0
        self._oldest_ns: int | None = None
        self.last_record = 0
        """Number of the newest record; 0: none yet. Records count from 1."""
        self._load()

    @classmethod
    def open(
        cls, folder: Path, *, budget_bytes: int, slot: int, cluster: str, boot_id: str,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> Journal:  # fmt: skip
        """The journal in this folder (made if need be, 0700), which the caller owns by its lock.

        budget_bytes: what it may hold; the file is allocated twice as large. A journal that can't
        be trusted (another cluster's, damaged, from before an unclean reboot) is set aside.
        Raises JournalError.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        objection = identity.objection(folder, cluster=cluster, boot_id=boot_id)
        if objection:
            log.warning("the journal in %s is set aside: %s", folder, objection)
            identity.set_aside(folder)
        before = identity.read(folder)
        opening = before.opening + 1 if before else 1
        whose = Identity(cluster=cluster, slot=slot, boot_id=boot_id, opening=opening)
        try:
            identity.write(folder, whose)
            env, _ = environment.open_for_writing(folder, 2 * budget_bytes)
            journal = cls(env, folder, whose, budget_bytes, clock_ns)
            identity.write(folder, msgspec.structs.replace(whose, opening=0))
        except (lmdb.Error, OSError) as error:
            raise JournalError(
                f"the journal in {folder} can't be opened: {error}",
                "see that the disk has room for twice journal_bytes and that the folder is yours",
            ) from error
        journal.set_aside = objection
        return journal

    def _load(self) -> None:
        with self._env.begin() as txn:
            for _, value in txn.cursor(db=self._state_db):
                state = _decode_state(value)
                self._states[state.shard_count, state.shard_id] = state
            for key, value in txn.cursor(db=self._index_db):
                row = layout.unpack_row(value)
                if self._oldest_ns is None:
                    self._oldest_ns = row.at_ns
                self._bytes += row.size
                self.last_record = layout.number_key.unpack(key)[0] + row.records - 1

    def states(self) -> dict[tuple[int, int], ShardState]:
        """(shard count, shard id) -> state: what a new process resumes from, and what was appended
        since."""
        return self._states

    @property
    def stats(self) -> JournalStats:
        oldest = self._oldest_ns
        seconds = None if oldest is None else max(0.0, (self._clock_ns() - oldest) / 1e9)
        return JournalStats(self._bytes, seconds, self.last_record)

    def append(self, shard_id: int, messages: Sequence[bytes], state: ShardState) -> int:
        """Write a drain and its shard's state in one transaction; the number of its last record.

        If it can't be written, ``journalling`` turns False and the messages are kept in memory for
        the publisher all the same. ``messages`` may be empty: then only the state is written.
        """
        first = self.last_record + 1
        self._states[state.shard_count, shard_id] = state
        now_ns = self._clock_ns()
        if self.journalling or now_ns >= self._retry_ns:
            self._write(shard_id, first, messages, state, now_ns)
        if not self.journalling:
            self.unjournalled += 1
        if messages:
            self.last_record += len(messages)
            size = sum(map(len, messages))
            self.recent.append(Recent(first, messages, size))
            self._recent_bytes += size
            while self._recent_bytes > RECENT_BYTES and len(self.recent) > 1:
                self._recent_bytes -= self.recent.popleft().bytes
        return self.last_record

    def release(self, record: int) -> None:
        """The publisher is past this record: it need not be kept in memory."""
        recent = self.recent
        while recent and recent[0].first_record + len(recent[0].messages) - 1 <= record:
            self._recent_bytes -= recent.popleft().bytes

    def _write(
        self, shard_id: int, first: int, messages: Sequence[bytes], state: ShardState, now_ns: int
    ) -> None:
        try:
            try:
                self._transaction(shard_id, first, messages, state, now_ns, self._budget)
            except lmdb.MapFullError:
                # A reader that died with a transaction open pins pages; so may one that is slow.
                self._env.reader_check()
                self._make_room()
                self._transaction(shard_id, first, messages, state, now_ns, self._budget // 2)
        except (lmdb.Error, OSError) as error:
            if self.journalling:
                log.error("the journal can't be written: %s; events go out unjournalled", error)
            self.journalling = False
            self._retry_ns = now_ns + RETRY_NS
        else:
            if not self.journalling:
                log.warning("the journal is written again; %d drains are not in it",
                            self.unjournalled)  # fmt: skip
            self.journalling = True

    def _transaction(
        self, shard_id: int, first: int, messages: Sequence[bytes], state: ShardState, now_ns: int,
        budget: int,
    ) -> None:  # fmt: skip
        db = self._dbs.get(shard_id)
        if db is None:
            db = self._dbs[shard_id] = self._env.open_db(layout.shard_db(shard_id))
        size, number, key, piece = 0, first, layout.record_key.pack, layout.PIECE
        with self._env.begin(write=True, buffers=True) as txn:
            put = txn.put
            for message in messages:
                length = len(message)
                if length <= piece:
                    put(key(number, 0), message, append=True, db=db)
                    size += layout.size_on_disk(length)
                else:
                    view = memoryview(message)
                    for i, start in enumerate(range(0, length, piece)):
                        part = view[start : start + piece]
                        put(key(number, i), part, append=True, db=db)
                        size += layout.size_on_disk(len(part))
                number += 1
            if messages:
                row = layout.AppendRow(shard_id, len(messages), size, now_ns)
                put(layout.number_key.pack(first), row.pack(), append=True, db=self._index_db)
            put(
                layout.shard_key.pack(shard_id, state.shard_count),
                _encode_state(state),
                db=self._state_db,
            )
            held, oldest = self._bytes + size, self._oldest_ns or now_ns
            if held > budget:
                goal = budget - min(budget // SLACK, SLACK_BYTES)
                held, oldest = self._prune(txn, held, goal, first, oldest)
        # Only now: a transaction that failed has changed nothing.
        self._bytes, self._oldest_ns = held, oldest

    def _prune(
        self, txn: lmdb.Transaction, held: int, budget: int, keep: int, oldest: int
    ) -> tuple[int, int]:
        """Delete the oldest appends until the budget is kept, whole drains at a time; the append
        that begins at record ``keep`` stays. Returns what is held, and the oldest time."""
        rows = txn.cursor(db=self._index_db)
        found = rows.first()
        while found:
            number = layout.number_key.unpack(rows.key())[0]
            row = layout.unpack_row(rows.value())
            oldest = row.at_ns
            if held <= budget or number >= keep:
                break
            db = self._dbs.get(row.shard_id)
            if db is None:
                # Opened inside the transaction: LMDB allows one write transaction at a time.
                db = self._env.open_db(layout.shard_db(row.shard_id), txn=txn)
            if row.size < layout.INLINE and row.records == 1:
                txn.delete(layout.record_key.pack(number, 0), db=db)
            else:
                _delete_range(txn, db, number, number + row.records)
            held -= row.size
            found = rows.delete()
        rows.close()
        return held, oldest

    def _make_room(self) -> None:
        """Prune to half the budget in small transactions: a full map has no room for one."""
        target = self._budget // 2
        step = max(self._budget // 16, 1)
        while self._bytes > target:
            with self._env.begin(write=True, buffers=True) as txn:
                goal = max(target, self._bytes - step)
                held, oldest = self._prune(
                    txn, self._bytes, goal, self.last_record + 1, self._oldest_ns or 0
                )
            if held >= self._bytes:
                return
            self._bytes, self._oldest_ns = held, oldest

    def after(self, record: int) -> Recent | None:
        """The first append with a record beyond this one, from memory or from the file; None: there
        is none. It may begin later than ``record + 1``: what lay between was pruned."""
        if record >= self.last_record:
            return None
        for recent in self.recent:
            if recent.first_record + len(recent.messages) - 1 > record:
                if recent.first_record <= record + 1:
                    return recent
                break
        return self._read_after(record) or next(
            (r for r in self.recent if r.first_record > record), None
        )

    def _read_after(self, record: int) -> Recent | None:
        found = read_append(self._env, self._index_db, record)
        return found and Recent(found[0], found[1], sum(map(len, found[1])))

    def record_before(self, known: Mapping[int, tuple[int, int]]) -> int:
        """The record up to which all is known: shard id -> (epoch, seq). A shard of which nothing
        is known holds nobody back."""
        beyond = [
            record
            for shard_id, (epoch, seq) in known.items()
            if (record := first_beyond(self._env, shard_id, epoch, seq)) is not None
        ]
        return min(beyond, default=self.last_record + 1) - 1

    def env(self) -> lmdb.Environment:
        """For a reader in this same process: LMDB must not be opened twice in one."""
        return self._env

    def check_readers(self) -> int:
        """Clear slots of readers that died; call it every second. Returns how many there were."""
        return self._env.reader_check()

    def sync(self) -> None:
        """Write to the disk: what the process alone would lose only with the kernel."""
        self._env.sync(True)

    def close(self) -> None:
        """Sync and close; the journal is marked clean. Calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._env.sync(True)
        self._env.close()
        clean = msgspec.structs.replace(self._identity, clean=True, opening=0)
        identity.write(self._folder, clean)


def _delete_range(txn: lmdb.Transaction, db: lmdb._Database, first: int, end: int) -> None:
    """Delete the pieces of records first to end - 1."""
    cursor = txn.cursor(db=db)
    found = cursor.set_range(layout.record_key.pack(first, 0))
    limit = layout.record_key.pack(end, 0)
    while found and bytes(cursor.key()) < limit:
        found = cursor.delete()
    cursor.close()
