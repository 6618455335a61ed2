"""Whether a journal may be opened, answered without opening it; and setting aside one that may not.

A truncated or damaged file kills whoever maps it (SIGBUS, SIGABRT), so all that can be known
beforehand is read with plain reads: ``journal.json`` beside the file, and LMDB's two meta pages.
A journal that may not be opened is set aside by renaming, never truncated: another process may
have it mapped.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from cluster.journal import crash_log, manifest, schema
from cluster.journal.schema import DATA, LOCK

ASIDE: Final = "aside"
"""Prefix of the names under which files are set aside."""
_MAGIC: Final = 0xBEEFC0DE
_META: Final = struct.Struct("<16xIIQQI44x48xQQ")
"""LMDB's MDB_meta after its page header, on 64-bit machines: magic, version, address, map size,
page size (in the free database's padding), last page, transaction."""


def damage(data: Path) -> str:
    """Return why this file must not be mapped; empty: it may be."""
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
    """Return why the journal in this folder can't be used by its slot; empty: it can, or there is
    none."""
    data = folder / DATA
    if not data.exists():
        return ""
    found = manifest.read(folder)
    if found is None:
        return "journal.json is missing or can't be read"
    if found.format != schema.FORMAT:
        return f"its format is {found.format}, not {schema.FORMAT}"
    if found.cluster != cluster:
        return f"it belongs to cluster {found.cluster}"
    if found.boot_id != boot_id and not found.clean:
        return "the host was rebooted without a clean stop"
    if found.opening >= 2:
        return "whoever opened it died of it"
    return crash_log.cause(folder) or damage(data)


def set_aside(folder: Path) -> None:
    """Rename the files out of the way; what was set aside before is replaced."""
    for name in (DATA, LOCK, manifest.FILE):
        file = folder / name
        if file.exists():
            file.replace(folder / f"{ASIDE}-{name}")
    (folder / crash_log.NAME).unlink(missing_ok=True)  # it is about the file that is gone
