"""Pages: a journal's file as LMDB transactions. What a failure means is writer.py's matter.

Thread use: none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import lmdb
import msgspec

from cluster.journal import schema
from cluster.journal.records import first_beyond, read_append
from cluster.journal.turn import Append
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState

SLACK: Final = 64
"""What is over the budget is pruned down to 1/64 below it: many appends at once are deleted for a
third of what each alone would cost."""
SLACK_BYTES: Final = 256 * 1024
"""At most so much is pruned in a transaction (some 0.5 ms), beside what it brings."""

NO_ROWS: Final[Mapping[bytes, bytes]] = {}

_decode_state = msgspec.msgpack.Decoder(ShardState).decode


class Pages:
    """An open journal file. Every method raises lmdb.Error, and records.DAMAGE for a damaged
    one."""

    def __init__(self, env: lmdb.Environment, budget_bytes: int) -> None:
        """Read the states and the index of what is there."""
        self.env = env
        self.states: dict[ShardKey, ShardState] = {}
        """States of the shards when the file was opened."""
        self.state_rows: dict[bytes, bytes] = {}
        """States of the shards as the file has them: key -> value."""
        self.bytes = 0
        """Bytes of the budget that the appends take."""
        self.oldest_ns: int | None = None
        """When the oldest append was written: Unix ns."""
        self.last_record = 0
        """Number of the newest record when it was opened; 0: none."""
        self._budget = budget_bytes
        self._state_db = env.open_db(schema.STATE_DB)
        self._index_db = env.open_db(schema.INDEX_DB)
        self._dbs: dict[int, lmdb._Database] = {}
        with env.begin() as txn:
            for key, value in txn.cursor(db=self._state_db):
                self.state_rows[key] = value
                state = _decode_state(value)
                self.states[ShardKey(state.shard_count, state.shard_id)] = state
            for key, value in txn.cursor(db=self._index_db):
                row = schema.unpack_row(value)
                if self.oldest_ns is None:
                    self.oldest_ns = row.written_ns
                self.bytes += row.size
                self.last_record = schema.number_key.unpack(key)[0] + row.records - 1

    def write(
        self, turn: Sequence[Append], now_ns: int, others: Mapping[bytes, bytes] = NO_ROWS
    ) -> None:
        """Write the appends of a turn and their shards' states in one transaction, with the state
        rows of others, whole or not at all; where the map is full, once more with half of the
        budget pruned."""
        try:
            self._transaction(turn, now_ns, self._budget, others)
        except lmdb.MapFullError:
            # A reader that died with a transaction open pins pages; so may one that is slow.
            self.env.reader_check()
            half = self._budget // 2
            self._make_room(half, turn[0].first_record)
            self._transaction(turn, now_ns, half, others)

    def put_states(self, rows: Mapping[bytes, bytes]) -> None:
        """Write these state rows into a file that is new."""
        with self.env.begin(write=True) as txn:
            self._put_states(txn, rows)

    def _put_states(self, txn: lmdb.Transaction, rows: Mapping[bytes, bytes]) -> None:
        for key, value in rows.items():
            txn.put(key, value, db=self._state_db)

    def _transaction(
        self, turn: Sequence[Append], now_ns: int, budget: int, others: Mapping[bytes, bytes]
    ) -> None:
        dbs = self._dbs
        for append in turn:  # to open one again is dearer, and the same
            if append.shard_id not in dbs:
                dbs[append.shard_id] = self.env.open_db(schema.shard_db(append.shard_id))
        written, key, piece = 0, schema.record_key.pack, schema.PIECE
        rows = dict(others)  # of a shard with several drains, the state after the last
        with self.env.begin(write=True) as txn:
            put = txn.put
            for shard_id, first, messages, state_key, state in turn:
                db, number, size = dbs[shard_id], first, 0
                for message in messages:
                    length = len(message)
                    if length <= piece:  # as below, without a view
                        put(key(number, 0), message, append=True, db=db)
                        size += schema.size_on_disk(length)
                    else:
                        view = memoryview(message)
                        for i, start in enumerate(range(0, length, piece)):
                            part = view[start : start + piece]
                            put(key(number, i), part, append=True, db=db)
                            size += schema.size_on_disk(len(part))
                    number += 1
                if messages:
                    row = schema.pack_row(shard_id, number - first, size, now_ns)
                    put(schema.number_key.pack(first), row, append=True, db=self._index_db)
                    written += size
                rows[state_key] = state
            self._put_states(txn, rows)
            held = self.bytes + written
            oldest: int | None = self.oldest_ns or now_ns
            if held > budget:
                # Much more than the budget is held where that was lowered: not all in one turn.
                goal = max(budget - min(budget // SLACK, SLACK_BYTES), self.bytes - SLACK_BYTES)
                held, oldest = self._prune(txn, held, goal, turn[0].first_record)
        # Only now: a transaction that failed has changed nothing.
        self.bytes, self.oldest_ns = held, oldest

    def _prune(
        self, txn: lmdb.Transaction, held: int, budget: int, keep: int
    ) -> tuple[int, int | None]:
        """Delete the oldest appends until the budget is kept, whole drains at a time; the append
        that begins at record ``keep`` stays. Returns what is held, and the oldest one's time; None:
        nothing is left."""
        oldest = None
        rows = txn.cursor(db=self._index_db)
        rows.first()
        while key := rows.key():  # empty past the last, though ``delete`` returned True
            number = schema.number_key.unpack(key)[0]
            row = schema.unpack_row(rows.value())
            if held <= budget or number >= keep:
                oldest = row.written_ns
                break
            db = self._dbs.get(row.shard_id)  # to open it again is dearer, and the same
            if db is None:
                # Opened inside the transaction: LMDB allows one write transaction at a time.
                db = self.env.open_db(schema.shard_db(row.shard_id), txn=txn)
            if row.size < schema.INLINE and row.records == 1:  # the same, without a cursor
                txn.delete(schema.record_key.pack(number, 0), db=db)
            else:
                _delete_range(txn, db, number, number + row.records)
            held -= row.size
            rows.delete()
        rows.close()
        return held, oldest

    def _make_room(self, target: int, keep: int) -> None:
        """Prune to ``target`` bytes in small transactions: a full map has no room for one."""
        step = self._budget // 16
        while self.bytes > target:
            with self.env.begin(write=True) as txn:
                goal = max(target, self.bytes - step)
                held, oldest = self._prune(txn, self.bytes, goal, keep)
            if held >= self.bytes:  # can't be, and would be endless
                return
            self.bytes, self.oldest_ns = held, oldest

    def read_after(self, record: int) -> tuple[int, list[bytes]] | None:
        """Return the first append with a record beyond this one: its first record, its messages."""
        return read_append(self.env, self._index_db, record)

    def first_beyond(self, known: Mapping[int, tuple[int, int]]) -> int | None:
        """Return the first record beyond what is known, shard id -> (epoch, seq); None: there is
        none."""
        beyond = [
            record
            for shard_id, (epoch, seq) in known.items()
            if (record := first_beyond(self.env, shard_id, epoch, seq)) is not None
        ]
        return min(beyond, default=None)


def _delete_range(txn: lmdb.Transaction, db: lmdb._Database, first: int, end: int) -> None:
    """Delete the pieces of records first to end - 1."""
    cursor = txn.cursor(db=db)
    cursor.set_range(schema.record_key.pack(first, 0))
    limit = schema.record_key.pack(end, 0)
    while (key := bytes(cursor.key())) and key < limit:  # empty past the last
        cursor.delete()
    cursor.close()
