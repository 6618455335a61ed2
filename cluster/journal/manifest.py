"""Manifest: whose a journal is and how it was left, in ``journal.json`` beside its file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.journal import schema
from cluster.lmdb_files.note import read_note, write_note

FILE: Final = "journal.json"


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
    text = read_note(folder / FILE)
    try:
        return None if text is None else msgspec.json.decode(text, type=Manifest)
    except MALFORMED:
        return None


def write(folder: Path, content: Manifest) -> None:
    """Replace journal.json; it is on the disk then. OSError."""
    write_note(folder / FILE, msgspec.json.encode(content))
