"""Which journal a replay server is reading, in a mapped file that outlives whoever dies of it.

A damaged LMDB file kills whoever maps it, by a signal and without a last word. So the reader notes
the file's inode before it reads, which costs a store to memory; whoever started it reads the note
once it is dead, and writes the inode among those that are not to be read again. An inode that no
journal has any more is forgotten: a journal that was set aside and made anew is another file.

reading (the file): u64 inode being read now, 0: none; then up to 62 u64 of refused ones; then u64
1 while the reader has no room for more connections, else 0.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cluster.journal.schema import DATA

NAME: Final = "reading"
"""The file, in the folder of the slots' journal folders."""
REFUSED: Final = 62
"""How many can be refused at once; of more, the oldest is forgotten, and costs a death again."""
_table: Final = struct.Struct(f"={1 + REFUSED + 1}Q")
_number: Final = struct.Struct("=Q")


class ReadMarker:
    """The marker's file, mapped. ``close`` it. Thread use: one writer at a time."""

    def __init__(self, path: Path) -> None:
        """Map the file; it is made if it is not there, 0600. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            short = _table.size - os.fstat(fd).st_size
            if short > 0:
                # Written, not truncated to length: a store into a file's hole on a full disk is a
                # SIGBUS of its own.
                os.pwrite(fd, bytes(short), _table.size - short)
            self._map = mmap.mmap(fd, _table.size)
        finally:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self.close()

    def close(self) -> None:
        self._map.close()

    @property
    def now(self) -> int:
        """Inode of the journal that is being read, or was when the reader died; 0: none."""
        return int(_number.unpack_from(self._map)[0])

    @now.setter
    def now(self, inode: int) -> None:
        _number.pack_into(self._map, 0, inode)

    @property
    def full(self) -> bool:
        """Whether the reader has no room for more connections."""
        return int(_table.unpack_from(self._map)[-1]) == 1

    @full.setter
    def full(self, full: bool) -> None:
        _number.pack_into(self._map, _table.size - _number.size, int(full))

    @property
    def refused(self) -> list[int]:
        """Inodes that are not to be read again, the oldest first."""
        return [inode for inode in _table.unpack_from(self._map)[1:-1] if inode]

    def refuse(self, inode: int) -> None:
        """Note that the journal of this inode is not to be read again."""
        self._write([*(other for other in self.refused if other != inode), inode])

    def keep(self, inodes: Iterable[int]) -> None:
        """Forget the refused inodes that are not among these."""
        known = frozenset(inodes)
        if any(inode not in known for inode in self.refused):
            self._write([inode for inode in self.refused if inode in known])

    def _write(self, refused: list[int]) -> None:
        kept = refused[-REFUSED:]
        none = [0] * (REFUSED - len(kept))
        _table.pack_into(self._map, 0, self.now, *kept, *none, int(self.full))


def inodes_of(root: Path) -> dict[Path, int]:
    """Return folder -> inode of the file, for each journal that is there."""
    found = {}
    for data in sorted(root.glob(f"*/{DATA}")):
        with contextlib.suppress(FileNotFoundError):  # set aside just now
            found[data.parent] = data.stat().st_ino
    return found
