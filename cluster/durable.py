"""Files whose content a loss of power must not take back."""

from __future__ import annotations

import os
from pathlib import Path


def replace(draft: Path, file: Path) -> None:
    """Put a draft in a file's place, whole or not at all, for good when this returns: its bytes
    reach the disk before its new name does. OSError."""
    sync(draft)
    draft.replace(file)
    sync(file.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk. OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
