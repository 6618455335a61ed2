"""Notes that a process died of its LMDB file: a damaged one ends it by a signal (SIGBUS, SIGSEGV,
SIGABRT), without a word. Python's faulthandler can still write where it was.

The file is written to its length beforehand, since there may be no room for a word on a full disk.
SIGKILL leaves none: who is killed from outside did not die of the file.
"""

from __future__ import annotations

import faulthandler
import os
from pathlib import Path
from typing import Final

NAME: Final = "died.txt"
"""File beside the LMDB file."""
_SIZE: Final = 16 * 1024


def watch(folder: Path) -> None:
    """Have the death of this process by a signal of its own written into the folder. OSError."""
    fd = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.pwrite(fd, bytes(_SIZE), 0)
    faulthandler.enable(fd, all_threads=False)  # it keeps the descriptor


def cause(folder: Path, package: Path) -> str:
    """Return what the last process that watched died of, if it was at work in a package (its
    folder), that which opens the LMDB file; else empty."""
    try:
        with (folder / NAME).open("rb") as file:
            text = file.read(_SIZE).rstrip(b"\0")
    except FileNotFoundError:
        return ""
    if os.fsencode(package) + os.sep.encode() not in text:
        return ""
    first = text.split(b"\n", 1)[0].decode(errors="replace")
    return f"whoever had it open died of it ({first})"
