"""What the journals of a host's other slots know of a shard: where its session is, if it has moved.

A shard's newest state is the one with the highest (epoch, seq), in whichever slot; the plan alone
says who may go on with it. Other slots' files are opened for a moment and only to read. A damaged
file kills whoever maps it, so the file that is being read is noted first, on the disk: one at which
this slot's worker died twice is left alone.
"""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path
from typing import Final

import lmdb
import msgspec

from cluster.decode_errors import MALFORMED
from cluster.journal import checks, schema
from cluster.journal.reader import JournalReader
from cluster.journal.records import DAMAGE
from cluster.wire.position import ShardKey
from cluster.wire.shard_state import ShardState

log = logging.getLogger(__name__)

NOTE: Final = "looking.json"
"""What is being read, in this slot's folder."""
MOST_DEATHS: Final = 2


class ReadAttempt(msgspec.Struct, frozen=True):
    """The content of looking.json: the file that is being read just now."""

    folder: str
    inode: int
    times: int
    """How often reading it was begun, this time included, and not ended."""


def place(state: ShardState) -> tuple[int, int]:
    """Return (epoch, seq): of two states of a shard the one with the higher is newer."""
    return state.epoch, state.seq


def newest(folder: Path, *, cluster: str, boot_id: str) -> dict[ShardKey, ShardState]:
    """Return the newest state of every shard in the journals of the other slots. folder: this
    slot's, which is not read."""
    found: dict[ShardKey, ShardState] = {}
    for data in sorted(folder.parent.glob(f"*/{schema.DATA}")):
        other = data.parent
        if other == folder or checks.objection(other, cluster=cluster, boot_id=boot_id):
            continue
        for state in _states(folder, other):
            key = ShardKey(state.shard_count, state.shard_id)
            known = found.get(key)
            if known is None or place(state) > place(known):
                found[key] = state
    return found


def _states(folder: Path, other: Path) -> list[ShardState]:
    note, inode = folder / NOTE, (other / schema.DATA).stat().st_ino
    before, times = _noted(note), 0
    if before is not None and (before.folder, before.inode) == (other.name, inode):
        times = before.times
    if times >= MOST_DEATHS:
        log.error("the journal in %s is not read: this worker died of it %d times", other, times)
        return []
    try:
        note.write_bytes(msgspec.json.encode(ReadAttempt(other.name, inode, times + 1)))
    except OSError as error:  # a full disk: better read unnoted than a session lost
        log.warning("it is not noted that %s is read: %s", other, error)
    try:
        reader = JournalReader.open(other)
        try:
            states = reader.states()
        finally:
            reader.close()
    except FileNotFoundError:
        states = []  # set aside just now
    except (lmdb.Error, OSError, *DAMAGE) as error:
        log.error("the journal in %s is not read: %s", other, error)
        states = []
    with contextlib.suppress(FileNotFoundError):
        note.unlink()
    return states


def _noted(note: Path) -> ReadAttempt | None:
    try:
        return msgspec.json.decode(note.read_bytes(), type=ReadAttempt)
    except (FileNotFoundError, *MALFORMED):
        return None
