"""The log of one process: a file, and those that it was before it was rotated.

A place in it is an inode and an offset, which stays true when the file is renamed. No file is kept
open: a cluster may have a thousand workers.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from cluster.logs.line import words

BLOCK: Final = 16 * 1024
"""Bytes that are read at a time."""
MAX_LINE: Final = 16 * 1024
"""Bytes of a line; of a longer one, each so many are a line."""
MOST_ROTATED: Final = 100
MOST_BLANK: Final = 100
"""Lines of blanks after which no last words are looked for any more."""
NAME: Final = re.compile(
    r"(coordinator|worker-[0-9]+|hub-[0-9]+|replay|gate|host-gate|host|ray|http|cache|proxy-[0-9]+"
    r"|sandbox)\.log"
)
"""Name of the log of a process of a cluster."""


class Place(NamedTuple):
    """A place in the log of a process."""

    inode: int
    """0: of a file that is yet to come."""
    offset: int


class RawLine(NamedTuple):
    """A line of a log, as it is there."""

    place: Place
    """Where it begins."""
    data: bytes


class ProcessLog:
    """The log of one process, on disk. OSError is for a file that can't be read; one that is gone
    has nothing in it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.name = file.name.removesuffix(".log")
        """Whose it is: "coordinator", "worker-3"."""

    def _paths(self) -> Iterator[Path]:
        yield self.file
        for number in range(1, MOST_ROTATED):
            yield self.file.with_name(f"{self.file.name}.{number}")

    def files(self) -> list[tuple[int, int]]:
        """Return inode and size of the file and of those that were rotated, the newest first."""
        found: dict[int, int] = {}
        for path in self._paths():
            if (info := _regular(path)) is not None:
                found.setdefault(info.st_ino, info.st_size)  # else it was renamed while we looked
            elif path != self.file:
                break
        return list(found.items())

    def read(self, place: Place) -> bytes:
        """Return what is there from a place on, up to a block."""
        for path in self._paths():
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                if path == self.file:
                    continue
                break
            try:
                if os.fstat(fd).st_ino == place.inode:
                    return os.pread(fd, BLOCK, place.offset)
            finally:
                os.close(fd)
        return b""

    def has_news(self, place: Place) -> bool:
        """Whether this place is not the end of the newest file: something came, or it was
        rotated or cut off."""
        info = _regular(self.file)
        return info is not None and (info.st_ino, info.st_size) != place

    def end(self) -> Place:
        """Return the place where the newest file ends now."""
        return next((Place(inode, size) for inode, size in self.files()), Place(0, 0))

    def last_words(self, since: Place) -> str:
        """Return what the newest line says that came after a place; "": there is none. since:
        where the log ended at some time."""
        # Inodes are given again, so a file of this one may be younger: it is shorter then.
        is_there = dict(self.files()).get(since.inode, -1) >= since.offset
        for place, data in islice(self.lines_back(), MOST_BLANK):
            ends_before = place.offset + len(data) < since.offset
            if is_there and place.inode == since.inode and ends_before:
                break
            if text := data.decode(errors="replace").strip():
                return words(text)
        return ""

    def lines_back(self) -> Iterator[RawLine]:
        """Yield all lines from now on back, the newest first."""
        for inode, size in self.files():
            yield from self._lines_back(inode, size)

    def _lines_back(self, inode: int, size: int) -> Iterator[RawLine]:
        held, at = b"", size
        while at > 0:
            begin = max(0, at - BLOCK)
            held = self.read(Place(inode, begin))[: at - begin] + held
            at, end = begin, len(held)
            while (cut := held.rfind(b"\n", 0, end)) >= 0:
                if end > cut + 1:
                    yield RawLine(Place(inode, at + cut + 1), held[cut + 1 : end])
                end = cut
            held = held[:end]
            if len(held) >= MAX_LINE:
                yield RawLine(Place(inode, at), held)
                held = b""
        if held:
            yield RawLine(Place(inode, 0), held)


def _regular(path: Path) -> os.stat_result | None:
    """Return what the system knows of a file; None: there is none, or it is no file."""
    try:
        info = path.lstat()
    except FileNotFoundError:
        return None
    return info if stat.S_ISREG(info.st_mode) else None


class LineReader:
    """Reads a log onwards from a place, through rotations, to where it ends now; what is written
    later is read when it is asked again."""

    def __init__(self, log: ProcessLog, start: Place) -> None:
        self.log = log
        self._place = start
        """Where the next line begins."""
        self._held = b""
        """What was read from there on."""

    @property
    def _read_to(self) -> Place:
        return Place(self._place.inode, self._place.offset + len(self._held))

    def has_news(self) -> bool:
        """Whether `next` may have something."""
        return b"\n" in self._held or self.log.has_news(self._read_to)

    def next(self) -> RawLine | None:
        """Return the next whole line; None: there is none yet. The last line of a file that was
        rotated, or cut off, is whole."""
        while True:
            line, end, _ = self._held.partition(b"\n")
            if end or len(line) >= MAX_LINE:
                taken = self._take(len(line) + 1 if end else MAX_LINE)
                if line:
                    return taken
                continue
            goes_on = self._goes_on()  # before the read: what is written until then is read
            if more := self.log.read(self._read_to):
                self._held += more
            elif goes_on is None:
                return None
            else:
                rest, self._place = self.rest(), goes_on
                if rest is not None:
                    return rest

    def _goes_on(self) -> Place | None:
        """Return where it goes on behind the end of this file; None: it does not yet."""
        files = self.log.files()
        inodes = [inode for inode, _ in files]
        if not inodes:
            return None
        if self._place.inode not in inodes:
            return Place(inodes[-1], 0)
        if newer := inodes.index(self._place.inode):
            return Place(inodes[newer - 1], 0)
        return Place(inodes[0], 0) if files[0][1] < self._read_to.offset else None

    def behind(self) -> int:
        """Return how many bytes of the log are not read yet."""
        behind = 0
        for inode, size in self.log.files():
            if inode == self._place.inode:
                return behind + max(0, size - self._place.offset)
            behind += size
        return behind

    def skip(self) -> None:
        """Go on where the log ends now."""
        self._place, self._held = self.log.end(), b""

    def rest(self) -> RawLine | None:
        """Return the line that is not ended yet; None: there is none."""
        return self._take(len(self._held)) if self._held else None

    def _take(self, size: int) -> RawLine:
        line = RawLine(self._place, self._held[:size].rstrip(b"\n"))
        self._held = self._held[size:]
        self._place = Place(self._place.inode, self._place.offset + size)
        return line
