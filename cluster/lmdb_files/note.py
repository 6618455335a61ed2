"""A note of a few bytes beside an LMDB file, which is read before that is opened: whose it is, and
how it was left."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from cluster import durable
from cluster.lmdb_files.disk import NO_ROOM

NOTE_BYTES: Final = 256
"""A note is at least so long, so that a newer one is never longer than the one before."""
_MOST_BYTES: Final = 4096


def read_note(file: Path) -> bytes | None:
    """Return a note's text, JSON; None: there is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES)
    except FileNotFoundError:
        return None


def write_note(file: Path, text: bytes) -> None:
    """Replace a note in one step; on a full disk write over it, which needs no room. It is on the
    disk then: what is written to the LMDB file later must not be found there, after a loss of
    power, beside a note of before that calls it clean. OSError."""
    text += b" " * (NOTE_BYTES - len(text))
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        _put(draft, text, os.O_CREAT | os.O_TRUNC)
        durable.replace(draft, file)
    except OSError as error:
        with contextlib.suppress(OSError):  # it was not made
            draft.unlink()
        if error.errno not in NO_ROOM or not file.exists():
            raise
        _put(file, text, 0)
        durable.sync(file)


def _put(file: Path, data: bytes, flags: int) -> None:
    fd = os.open(file, os.O_WRONLY | flags, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    finally:
        os.close(fd)
