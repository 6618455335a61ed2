"""Manifest: whose a journal is and how it was left, in ``journal.json`` beside its file."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

import msgspec

from cluster import durable
from cluster.decode_errors import MALFORMED
from cluster.journal import schema

FILE: Final = "journal.json"
FILE_BYTES: Final = 256
"""journal.json is at least so long, so that a newer one is never longer than the one before."""
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The content of journal.json."""

    format: int = schema.FORMAT
    cluster: str
    slot: int
    boot_id: str
    clean: bool = False
    """The journal was synced to the disk when it was closed."""
    closed_s: float = 0.0
    """Seconds since the boot at which it was closed so."""
    opening: int = 0
    """How often the journal was opened since that last succeeded: its openers may have died of
    it."""


def read(folder: Path) -> Manifest | None:
    """Return a folder's manifest; None: there is none, or it can't be read."""
    try:
        with (folder / FILE).open("rb") as file:
            return msgspec.json.decode(file.read(4096), type=Manifest)
    except (FileNotFoundError, *MALFORMED):
        return None


def write(folder: Path, content: Manifest) -> None:
    """Replace journal.json in one step; on a full disk write over it, which needs no room. It is on
    the disk then: what is written to the journal later must not be found there, after a loss of
    power, beside a note of before that calls it clean. OSError."""
    data = msgspec.json.encode(content)
    data += b" " * (FILE_BYTES - len(data))
    draft = folder / f"{FILE}.{os.getpid()}"
    try:
        _put(draft, data, os.O_CREAT | os.O_TRUNC)
        durable.replace(draft, folder / FILE)
    except OSError as error:
        with contextlib.suppress(OSError):  # it was not made
            draft.unlink()
        if error.errno not in NO_ROOM or not (folder / FILE).exists():
            raise
        _put(folder / FILE, data, 0)
        durable.sync(folder / FILE)


def no_room(error: BaseException) -> bool:
    """Return whether a disk was full: LMDB gives the system's error in words alone."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    return any(os.strerror(number) in str(error) for number in NO_ROOM)


def _put(file: Path, data: bytes, flags: int) -> None:
    fd = os.open(file, os.O_WRONLY | flags, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    finally:
        os.close(fd)
