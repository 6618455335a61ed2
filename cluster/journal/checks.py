"""Whether a journal may be opened by its slot, answered without opening it: by ``journal.json``
beside the file, and by LMDB's meta pages; and setting aside one that may not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cluster.journal import manifest, schema
from cluster.journal.schema import DATA, LOCK
from cluster.lmdb_files import crash_log, damage

PACKAGE: Final = Path(__file__).parent
"""What is at work in a journal when a process dies of it."""


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
    return crash_log.cause(folder, PACKAGE) or damage.damage(data)


def set_aside(folder: Path) -> None:
    """Rename the files out of the way; what was set aside before is replaced."""
    damage.set_aside(folder, (DATA, LOCK, manifest.FILE))
    (folder / crash_log.NAME).unlink(missing_ok=True)  # it is about the file that is gone
