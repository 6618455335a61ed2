"""Whose a journal is, and whether it can be opened: answered without opening it.

A truncated or damaged file kills whoever maps it (SIGBUS, SIGABRT), so all that can be known
beforehand is read with plain reads: ``journal.json`` beside the file, and LMDB's two meta pages.
A journal that may not be opened is set aside by renaming, never truncated: another process may
have it mapped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from pathlib import Path
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.journal import crash_log, schema

DATA: Final = "data.mdb"
LOCK: Final = "lock.mdb"
RECORD: Final = "journal.json"
ASIDE: Final = "aside"
RECORD_BYTES: Final = 256
"""journal.json is at least so long, so that a newer one is never longer than the one before."""
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)

_MAGIC: Final = 0xBEEFC0DE
_META: Final = struct.Struct("<16xIIQQI44x48xQQ")
"""LMDB's MDB_meta after its page header, on 64-bit machines: magic, version, address, map size,
page size (in the free database's padding), last page, transaction."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """journal.json."""

    format: int = schema.FORMAT
    cluster: str
    slot: int
    boot_id: str
    clean: bool = False
    """It was synced to the disk when it was closed."""
    opening: int = 0
    """How often it was opened since an opening last succeeded: its openers may have died of it."""


def read(folder: Path) -> Manifest | None:
    """None: there is none, or it can't be read."""
    try:
        with (folder / RECORD).open("rb") as file:
            return msgspec.json.decode(file.read(4096), type=Manifest)
    except (FileNotFoundError, *MALFORMED):
        return None


def write(folder: Path, identity: Manifest) -> None:
    """Replaces journal.json at once; on a full disk it is written over, which needs no room."""
    data = msgspec.json.encode(identity)
    data += b" " * (RECORD_BYTES - len(data))
    draft = folder / f"{RECORD}.{os.getpid()}"
    try:
        _put(draft, data, os.O_CREAT | os.O_TRUNC)
        draft.replace(folder / RECORD)
    except OSError as error:
        with contextlib.suppress(OSError):  # it was not made
            draft.unlink()
        if error.errno not in NO_ROOM or not (folder / RECORD).exists():
            raise
        _put(folder / RECORD, data, 0)


def _put(file: Path, data: bytes, flags: int) -> None:
    fd = os.open(file, os.O_WRONLY | flags, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    finally:
        os.close(fd)


def damage(data: Path) -> str:
    """Why this file must not be mapped; empty: it may be."""
    with data.open("rb") as file:
        head = file.read(2 * schema.PAGE)
        size = file.seek(0, os.SEEK_END)
    if not head:
        return ""  # Made and not yet filled: LMDB starts it anew.
    if len(head) < _META.size:
        return f"{size} bytes are no journal"
    page_size = _META.unpack_from(head)[4]
    last_pages = []
    for start in (0, page_size):
        if not 256 <= page_size <= 65536 or len(head) < start + _META.size:
            return "its meta pages are not whole"
        magic, version, _, _, _, last_page, _ = _META.unpack_from(head, start)
        if magic != _MAGIC or version != 1:
            return "its meta pages are not LMDB's"
        last_pages.append(last_page)
    if (max(last_pages) + 1) * page_size > size:
        return f"it is truncated: {size} bytes of {(max(last_pages) + 1) * page_size}"
    return ""


def objection(folder: Path, *, cluster: str, boot_id: str) -> str:
    """Why the journal in this folder can't be used by its slot; empty: it can, or there is none."""
    data = folder / DATA
    if not data.exists():
        return ""
    identity = read(folder)
    if identity is None:
        return "journal.json is missing or can't be read"
    if identity.format != schema.FORMAT:
        return f"its format is {identity.format}, not {schema.FORMAT}"
    if identity.cluster != cluster:
        return f"it belongs to cluster {identity.cluster}"
    if identity.boot_id != boot_id and not identity.clean:
        return "the host was rebooted without a clean stop"
    if identity.opening >= 2:
        return "whoever opened it died of it"
    return crash_log.cause(folder) or damage(data)


def set_aside(folder: Path) -> None:
    """Take the files out of the way. What was set aside before goes."""
    for name in (DATA, LOCK, RECORD):
        file = folder / name
        if file.exists():
            file.replace(folder / f"{ASIDE}-{name}")
    (folder / crash_log.NAME).unlink(missing_ok=True)  # that was of the one that is gone
