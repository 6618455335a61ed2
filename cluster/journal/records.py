"""The records of a shard in a journal: found by bisection, joined from their pieces."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import lmdb
import msgpack  # type: ignore[import-untyped]  # it carries no types
import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError
from cluster.journal import schema
from cluster.lmdb_files import damage
from cluster.wire import topic
from cluster.wire.batch import Span, decode_epoch_end, decode_span

FOREVER: Final = 1 << 62
_END: Final = topic.EPOCH_END.encode()


class UnreadableJournalError(ClusterError):
    """A journal can't be, or must not be, opened."""


DAMAGE: Final = (
    UnreadableJournalError,
    *damage.DAMAGE,
    lmdb.NotFoundError,
    lmdb.KeyExistsError,
    struct.error,
    *MALFORMED,
)
"""What a sound journal never raises: it has to be set aside."""


class Drain(NamedTuple):
    """Where a record stands in its shard's history: the epoch and the seqs that its drain spans."""

    epoch: int
    first: int
    last: int
    before: tuple[int, int] | None
    shard_count: int


def read_append(
    env: lmdb.Environment, index_db: lmdb._Database, record: int
) -> tuple[int, list[bytes]] | None:
    """Return the first append with a record beyond ``record``: its first record, its messages."""
    with env.begin() as txn:
        rows = txn.cursor(db=index_db)
        if not rows.set_range(schema.number_key.pack(record + 1)):
            found = rows.last()
        else:
            # The append before may reach beyond the record too.
            found = rows.prev() or rows.first()
        while found:
            first = schema.number_key.unpack(rows.key())[0]
            row = schema.unpack_row(rows.value())
            if first + row.records - 1 > record:
                db = env.open_db(schema.shard_db(row.shard_id), txn=txn, create=False)
                whole = [message for _, message in islice(records(txn, db, first), row.records)]
                if len(whole) != row.records:
                    raise UnreadableJournalError(
                        f"records after {first} of the journal are missing"
                    )
                return first, whole
            found = rows.next()
    return None


def first_beyond(env: lmdb.Environment, shard_id: int, epoch: int, seq: int) -> int | None:
    """Return the first record of a shard with events beyond (epoch, seq); None: it has none."""
    with env.begin() as txn:
        try:
            db = env.open_db(schema.shard_db(shard_id), txn=txn, create=False)
        except lmdb.NotFoundError:
            return None
        return find(txn, db, epoch, seq)


def records(
    txn: lmdb.Transaction, db: lmdb._Database, record: int
) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, message) of the records of a shard, from this number on, pieces joined."""
    cursor = txn.cursor(db=db)
    if not cursor.set_range(schema.record_key.pack(record, 0)):
        return
    number = schema.record_key.unpack(cursor.key())[0]
    message = b""
    parts: list[bytes] = []
    for key, value in cursor:
        piece_of, piece = schema.record_key.unpack(key)
        if piece == 0:
            if parts:
                message = parts[0] if len(parts) == 1 else b"".join(parts)
                yield topic.name_of(message), message
            number, parts = piece_of, []
        elif piece_of != number or piece != len(parts):
            raise UnreadableJournalError(f"record {piece_of} of the journal is not whole")
        parts.append(bytes(value))  # No copy: it is bytes already, unless buffers were asked for.
    message = b"".join(parts)
    yield topic.name_of(message), message


def find(txn: lmdb.Transaction, db: lmdb._Database, epoch: int, after: int) -> int | None:
    """Return the number of the first record with (epoch, last) > (epoch, after); None: there is
    none.

    Records of a shard are in order of (epoch, last), so this bisects over their numbers.
    """
    cursor = txn.cursor(db=db)
    if not cursor.last():
        return None
    high = schema.record_key.unpack(cursor.key())[0]
    if _key(txn, db, high) <= (epoch, after):
        return None
    cursor.first()
    low = schema.record_key.unpack(cursor.key())[0]
    while low < high:
        middle = (low + high) // 2
        cursor.set_range(schema.record_key.pack(middle, 0))
        record = schema.record_key.unpack(cursor.key())[0]
        if record >= high:
            high = middle  # Numbers are of the slot: those in [middle, high) are other shards'.
        elif _key(txn, db, record) <= (epoch, after):
            low = record + 1
        else:
            high = record
    cursor.set_range(schema.record_key.pack(low, 0))
    return int(schema.record_key.unpack(cursor.key())[0])


def _key(txn: lmdb.Transaction, db: lmdb._Database, record: int) -> tuple[int, int]:
    drain = drain_at(txn, db, record)
    return drain.epoch, drain.last


def drain_at(txn: lmdb.Transaction, db: lmdb._Database, record: int) -> Drain:
    """Return where a record stands, from its first piece: a large batch is not joined for it."""
    value = txn.get(schema.record_key.pack(record, 0), db=db)
    if value is None:
        raise UnreadableJournalError(f"record {record} of the journal is missing")
    head = bytes(value)
    name = topic.name_of(head)
    if name == _END:
        return drain_of(name, head)
    unpacker = msgpack.Unpacker(max_buffer_size=len(head))
    unpacker.feed(memoryview(head)[head.find(topic.SEPARATOR) + 1 :])
    try:
        unpacker.read_array_header()
        fields = [unpacker.unpack() for _ in range(8)]
        span = msgspec.convert(fields, Span)
    except (msgpack.UnpackException, ValueError) as error:
        raise UnreadableJournalError(f"record {record} of the journal: {error}") from error
    return Drain(span.epoch, span.first, span.last, span.before, span.shard_count)


def drain_of(name: bytes, message: bytes) -> Drain:
    """Return where a whole message stands. UnreadableJournalError."""
    payload = memoryview(message)[message.find(topic.SEPARATOR) + 1 :]
    try:
        if name == _END:
            end = decode_epoch_end(payload)
            return Drain(end.epoch, end.seq + 1, end.seq, end.before, end.shard_count)
        span = decode_span(payload)
    except topic.WireError as error:
        raise UnreadableJournalError(f"a record of the journal: {error}") from error
    return Drain(span.epoch, span.first, span.last, span.before, span.shard_count)
