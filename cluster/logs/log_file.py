"""The file to which a process writes its log, bounded: a full one is set aside as .1, in place of
the one that was set aside before it.

It is not logging.handlers.RotatingFileHandler: what Python itself and libraries write to standard
error (a fault handler's stack, an assertion of libzmq) has to come into the new file, too, and that
one closes its file before it has another, so that a full disk can leave it without any.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

LOG_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a log file; those of standard error may come on top."""


def set_aside(path: Path) -> None:
    """Rename a log file to .1. OSError if it can't be done."""
    path.replace(path.with_name(f"{path.name}.1"))


def open_log(path: Path) -> int:
    """Open a log file to append to it; return its descriptor. OSError if it can't be done."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class LogFile(logging.Handler):
    """Writes each record as a line, whole and at once. Standard output and error go on in the new
    file where they are the old one.

    A file that somebody else has set aside or removed is left for a new one of its name, so
    whoever follows that name misses no line. While no new one can be had, the old one is used.
    """

    def __init__(self, path: Path, most: int = LOG_BYTES) -> None:
        """most: bytes of the file. OSError if it can't be opened."""
        super().__init__()
        self._path = path
        self._most = most
        self._descriptor = open_log(path)
        self._torn = False
        """Whether a part of a line may be the last that was written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. One that can't be written is lost, and standard error tells why."""
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            self._make_room(len(line))
            self._write(line)
        except Exception:  # noqa: BLE001 as each handler does: a log must not end who logs
            self.handleError(record)

    def close(self) -> None:
        """Close the file; nothing is written any more."""
        self.acquire()
        try:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1  # no other file that gets its number is written
        finally:
            self.release()
        super().close()

    def _write(self, line: bytes) -> None:
        left = b"\n" + line if self._torn else line
        self._torn = True
        while left:
            left = left[os.write(self._descriptor, left) :]
        self._torn = False

    def _make_room(self, size: int) -> None:
        """Go on in a new file if this one is full for so many bytes, or not the one of its name any
        more."""
        now = os.fstat(self._descriptor)
        is_full = 0 < now.st_size > self._most - size
        try:
            is_named = os.path.samestat(now, self._path.stat())
        except OSError:
            is_named = False
        if is_named and not is_full:
            return
        try:
            if is_named:
                set_aside(self._path)
            new = open_log(self._path)
        except OSError:
            return  # the next line tries it again
        for descriptor in (1, 2):
            if os.path.samestat(now, os.fstat(descriptor)):
                os.dup2(new, descriptor)
        os.close(self._descriptor)
        self._descriptor, self._torn = new, False
