"""Whether an LMDB file may be opened, answered without opening it; and setting aside one that may
not.

A truncated or damaged file kills whoever maps it (SIGBUS, SIGABRT), so LMDB's two meta pages are
read beforehand with plain reads. A file that may not be opened is set aside by renaming, never
truncated: another process may have it mapped.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import lmdb

DAMAGE: Final = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.PanicError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.IncompatibleError,
    lmdb.BadDbiError,
    lmdb.BadTxnError,
    lmdb.BadValsizeError,
    SystemError,  # py-lmdb's, from a cursor whose page was none
)
"""What LMDB never raises of a sound file."""
PAGE: Final = 4096
ASIDE: Final = "aside"
"""Prefix of the names under which files are set aside."""
_MAGIC: Final = 0xBEEFC0DE
_META: Final = struct.Struct("<16xIIQQI44x48xQQ")
"""LMDB's MDB_meta after its page header, on 64-bit machines: magic, version, address, map size,
page size (in the free database's padding), last page, transaction."""


def damage(data: Path) -> str:
    """Return why this file must not be mapped; empty: it may be."""
    with data.open("rb") as file:
        head = file.read(2 * PAGE)
        size = file.seek(0, os.SEEK_END)
    if not head:
        return ""  # Made and not yet filled: LMDB starts it anew.
    if len(head) < _META.size:
        return f"{size} bytes are no LMDB file"
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


def set_aside(folder: Path, names: Iterable[str]) -> None:
    """Rename files out of the way; what was set aside before is replaced."""
    for name in names:
        file = folder / name
        if file.exists():
            file.replace(folder / f"{ASIDE}-{name}")
