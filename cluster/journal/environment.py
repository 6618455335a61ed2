"""Opening LMDB the way a journal needs it.

Sources: LMDB's documentation ("Caveats", MDB_WRITEMAP, MDB_NOSYNC), py-lmdb's "Environment class".
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import lmdb

from cluster.journal import schema
from cluster.journal.schema import DATA, LOCK

NO_PROMISE: Final = frozenset({"btrfs", "zfs", "bcachefs", "apfs", "nfs", "nfs4", "overlay"})
"""File systems where an allocated block does not mean that a later write finds room, or where a
shared map is not what it is on a disk."""


ROOM_BYTES: Final = 256 * 1024
"""More than a usual drain of 512 events and the pages that come with it."""
LOCK_BYTES: Final = 128 + 64 * schema.MAX_READERS
"""LMDB's header and 64 bytes a reader, whatever the size of a cache line is taken for."""


def file_system(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """Return the type of the file system that holds a folder; empty: not known."""
    if not mounts.exists():
        return "apfs" if sys.platform == "darwin" else ""
    path, kind, longest = str(folder.resolve()), "", ""
    for line in mounts.read_text(errors="replace").splitlines():
        fields = line.split(" ")
        point = fields[1].replace("\\040", " ") if len(fields) > 2 else "?"
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(longest):
            longest, kind = point, fields[2]
    return kind


def make_lock_file(folder: Path) -> None:
    """Write lock.mdb to its full length: LMDB maps it and writes into it, and where it has holes a
    full disk is a SIGBUS. Raises OSError."""
    fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Whoever else has it open writes there too: bytes are added at its end, never over others.
        size = os.fstat(fd).st_size
        if size < LOCK_BYTES and os.pwrite(fd, bytes(LOCK_BYTES - size), size) < LOCK_BYTES - size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / LOCK))
    finally:
        os.close(fd)


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
    make_lock_file(folder)
    if file_system(folder) not in NO_PROMISE:
        env = _open_with_room(folder, budget_bytes, shards, writemap=True)
        if _allocate(folder / DATA, env.info()["map_size"]):
            return env, True
        env.close()
        _give_back(folder / DATA)
    return _open_with_room(folder, budget_bytes, shards, writemap=False), False


def has_room(folder: Path) -> bool:
    """Return whether a folder's disk takes ROOM_BYTES more: they are written, and given back."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            return probe.write(bytes(ROOM_BYTES)) == ROOM_BYTES
    except OSError:
        return False


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


def _allocate(data: Path, size: int) -> bool:
    if not hasattr(os, "posix_fallocate"):
        return False
    fd = os.open(data, os.O_RDWR)
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EOPNOTSUPP, errno.EINVAL, errno.EFBIG, errno.EDQUOT):
            return False
        raise
    finally:
        os.close(fd)
    return True


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
