"""The files of an LMDB environment on the disk that holds them: how they get their room.

Sources: LMDB's documentation ("Caveats", MDB_WRITEMAP, MDB_NOSYNC).
"""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

DATA: Final = "data.mdb"
LOCK: Final = "lock.mdb"
NO_PROMISE: Final = frozenset({"btrfs", "zfs", "bcachefs", "apfs", "nfs", "nfs4", "overlay"})
"""File systems where an allocated block does not mean that a later write finds room, or where a
shared map is not what it is on a disk."""
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


def lock_bytes(readers: int) -> int:
    """Return how long lock.mdb is: LMDB's header and 64 bytes a reader, whatever the size of a
    cache line is taken for."""
    return 128 + 64 * readers


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


def make_lock_file(folder: Path, readers: int) -> None:
    """Write lock.mdb to its full length: LMDB maps it and writes into it, and where it has holes a
    full disk is a SIGBUS. Raises OSError."""
    length = lock_bytes(readers)
    fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Whoever else has it open writes there too: bytes are added at its end, never over others.
        size = os.fstat(fd).st_size
        if size < length and os.pwrite(fd, bytes(length - size), size) < length - size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / LOCK))
    finally:
        os.close(fd)


def allocate(data: Path, size: int) -> bool:
    """Give a file all the room of its map: under a sparse map a full disk is a SIGBUS. Return
    whether it has it; a failed allocation may leave the file as long as that. Raises OSError."""
    if not hasattr(os, "posix_fallocate"):
        return False
    fd = os.open(data, os.O_RDWR)
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno in (*NO_ROOM, errno.EOPNOTSUPP, errno.EINVAL, errno.EFBIG):
            return False
        raise
    finally:
        os.close(fd)
    return True


def has_room(folder: Path, size: int) -> bool:
    """Return whether a folder's disk takes so many bytes more: they are written, and given back."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            return probe.write(bytes(size)) == size
    except OSError:
        return False


def no_room(error: BaseException) -> bool:
    """Return whether a disk was full: LMDB gives the system's error in words alone."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return any(os.strerror(number) in str(error) for number in NO_ROOM)
