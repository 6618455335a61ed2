"""Opening LMDB the way a journal needs it.

Sources: LMDB's documentation ("Caveats", MDB_WRITEMAP, MDB_NOSYNC), py-lmdb's "Environment class".
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import lmdb

from cluster.journal import schema
from cluster.journal.schema import DATA
from cluster.lmdb_files import disk

ROOM_BYTES: Final = 256 * 1024
"""More than a usual drain of 512 events and the pages that come with it."""


def open_for_writing(folder: Path, budget_bytes: int, shards: int) -> tuple[lmdb.Environment, bool]:
    """Return the environment, and whether it is written through the map. shards: how many have a
    database or get one, at most, beside those that the file has.

    The map is twice the budget. Where the file has more pages already, since the budget was
    lowered, it is a quarter of the budget larger than they are: LMDB writes pages to delete any,
    and if none is free it can't.

    Under a sparse map a full disk is a SIGBUS, so the file is allocated whole first. Where that
    is no promise or fails, pages are written with pwrite: 3 to 4 times dearer, and a full disk is
    an error. Raises lmdb.Error and OSError.
    """
    disk.make_lock_file(folder, schema.MAX_READERS)
    if disk.file_system(folder) not in disk.NO_PROMISE:
        env = _open_with_room(folder, budget_bytes, shards, writemap=True)
        if disk.allocate(folder / DATA, env.info()["map_size"]):
            return env, True
        env.close()
        _give_back(folder / DATA)
    return _open_with_room(folder, budget_bytes, shards, writemap=False), False


def has_room(folder: Path) -> bool:
    """Return whether a folder's disk takes ROOM_BYTES more."""
    return disk.has_room(folder, ROOM_BYTES)


def _open_with_room(
    folder: Path, budget_bytes: int, shards: int, *, writemap: bool
) -> lmdb.Environment:
    env = _open(folder, 2 * budget_bytes, writemap=writemap)
    databases = env.stat()["entries"] + shards + 2  # the slot's own two, which a new file lacks
    if databases > schema.LEAST_DATABASES:
        env.close()
        databases = min(databases, schema.MAX_DATABASES)
        env = _open(folder, 2 * budget_bytes, writemap=writemap, databases=databases)
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"] + budget_bytes // 4
    if needed > 2 * budget_bytes:
        env.set_mapsize(needed)
    return env


def _open(
    folder: Path, map_size: int, *, writemap: bool, databases: int = schema.LEAST_DATABASES
) -> lmdb.Environment:
    return lmdb.open(
        str(folder),
        map_size=map_size,
        max_dbs=databases,
        max_readers=schema.MAX_READERS,
        mode=0o600,
        writemap=writemap,
        map_async=writemap,
        sync=False,
        metasync=False,
        readahead=False,
    )


def _give_back(data: Path) -> None:
    """Remove a journal without a byte in it: a failed allocation leaves the file as long as the
    map, and it would take room that a full disk does not have. One with records stays."""
    env = _open(data.parent, 0, writemap=False)
    try:
        empty = env.info()["last_pgno"] <= 1
    finally:
        env.close()
    if empty:
        data.unlink()
