"""How a journal lies in LMDB: databases, keys, pieces.

folder/data.mdb, lock.mdb   the environment of a slot
folder/journal.json         whose it is; read before the environment is opened (manifest.py)

database    key                                     value
``state``   shard id, u32, shard count, u32         msgpack of ShardState
``index``   first record number of an append, u64   AppendRow: shard id, records, size, time
``s<id>``   record number u64 + piece u16           16 KiB of a message

Numbers are big-endian, so that LMDB's order is theirs. Records are numbered over the slot; all
that is written goes to the ends of trees. Large values are cut in pieces because LMDB wants
contiguous pages for a value, which a map of pruned holes does not have.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from cluster.lmdb_files import damage, disk
from cluster.ranges import MAX_WORKER_SHARDS

DATA: Final = disk.DATA
LOCK: Final = disk.LOCK
FORMAT: Final = 2
MAX_DATABASES: Final = 2 * MAX_WORKER_SHARDS + 2
"""Those of a worker's shards, of as many that it had before, and the two of the slot. With 4,000 in
use a drain of one event costs 23 us where it costs 14 with 1,000. A writer has room for no more
than it may come to use: LMDB copies 4 bytes for each that there is room for in every transaction
(one of 600 B takes 1.2 us with room for 1,024, and 2.6 us with room for all)."""
LEAST_DATABASES: Final = 1024
"""A writer has room for so many in any case: with fewer a transaction is no faster."""
MAX_READERS: Final = 512
STATE_DB: Final = b"state"
INDEX_DB: Final = b"index"

PIECE: Final = 4 * 4096 - 16
"""A value of this size fills four pages with their header exactly."""
PAGE: Final = damage.PAGE
INLINE: Final = 1900
"""A longer value gets pages of its own (LMDB keeps at least two keys a page)."""

record_key: Final = struct.Struct(">QH")
number_key: Final = struct.Struct(">Q")
shard_key: Final = struct.Struct(">II")
_row: Final = struct.Struct(">IIQQ")


class AppendRow(NamedTuple):
    """One append: records of one shard, numbered from the row's key on."""

    shard_id: int
    records: int
    size: int
    """Bytes that it takes of the budget."""
    written_ns: int
    """When it was written: Unix ns."""


pack_row: Final = _row.pack
"""Takes the fields of an AppendRow, which is not made for it."""


def unpack_row(value: bytes | memoryview) -> AppendRow:
    """Raises struct.error for anything else."""
    return AppendRow(*_row.unpack(value))


def shard_db(shard_id: int) -> bytes:
    """Return the name of a shard's database."""
    return b"s%d" % shard_id


def size_on_disk(length: int) -> int:
    """Return the bytes that a value takes of the map, near enough to keep a budget."""
    if length <= INLINE:
        return length + 32
    return -(-(length + 16) // PAGE) * PAGE + 48
