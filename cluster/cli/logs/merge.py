"""The logs of all processes of a cluster in the order of time.

What is kept of each log is a block of it and a place in it, however much there is to show.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cluster.logs.files import NAME, LineReader, Place, ProcessLog
from cluster.logs.line import FIRST, LOUD, Line, is_at_least, read


class Entry(NamedTuple):
    """A line, and the process that wrote it."""

    source: str
    line: Line


class _Mark(NamedTuple):
    """Where a line of its own is in a log."""

    time: float
    level: str
    place: Place


class _Stream:
    """One log, read onwards."""

    def __init__(self, log: ProcessLog, start: Place) -> None:
        self.reader = LineReader(log, start)
        self._before = FIRST

    def entries(self) -> Iterator[Entry]:
        """Yield what there is to read now."""
        while raw := self.reader.next():
            yield self._entry(raw.data)

    def rest(self) -> Iterator[Entry]:
        """Yield the last line, if nothing has ended it yet."""
        if raw := self.reader.rest():
            yield self._entry(raw.data)

    def _entry(self, data: bytes) -> Entry:
        self._before = read(data.decode(errors="replace").rstrip("\r"), self._before)
        return Entry(self.reader.log.name, self._before)


class ClusterLogs:
    """The logs in one folder. Raises OSError where one can't be read."""

    def __init__(self, folder: Path, workers: Collection[int] = (), level: str = "debug") -> None:
        """workers: slots, if only the logs of these workers are wanted. level: the least that is
        shown."""
        self._folder = folder
        self._level = level
        self._wanted = {f"worker-{slot}.log" for slot in workers}
        self._streams: dict[str, _Stream] = {}

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        names = sorted(path.name for path in self._folder.iterdir() if NAME.fullmatch(path.name))
        return [name for name in names if not self._wanted or name in self._wanted]

    @property
    def sources(self) -> list[str]:
        """Whose logs there are."""
        return [name.removesuffix(".log") for name in self._names()]

    def begin(self, count: int | None, since: float) -> None:
        """Let `entries` begin so that it yields the last ``count`` lines (None: all of them) from
        ``since`` on (Unix seconds)."""
        logs = [ProcessLog(self._folder / name) for name in self._names()]
        ends = [log.end() for log in logs]
        starts: dict[str, Place] = {}
        merged = heapq.merge(
            *(_numbered(number, log) for number, log in enumerate(logs)),
            key=lambda found: -found[1].time,
        )
        left = count
        for number, mark in merged:
            if left == 0 or mark.time < since:
                break
            if is_at_least(mark.level, self._level):
                starts[logs[number].file.name] = mark.place
                left = None if left is None else left - 1
        for log, end in zip(logs, ends, strict=True):
            name = log.file.name
            self._streams[name] = _Stream(log, starts.get(name, end))

    def look_for_new(self) -> None:
        """Let `entries` read logs, too, that were not there before."""
        for name in self._names():
            if name not in self._streams:
                log = ProcessLog(self._folder / name)
                self._streams[name] = _Stream(log, Place(0, 0))

    def entries(self) -> Iterator[Entry]:
        """Yield what is new, in the order of time as far as it was written in that."""
        streams = [one for one in self._streams.values() if one.reader.has_news()]
        yield from self._shown(one.entries() for one in streams)

    def rest(self) -> Iterator[Entry]:
        """Yield the last lines that nothing has ended yet."""
        yield from self._shown(one.rest() for one in self._streams.values())

    def _shown(self, of_each: Iterable[Iterator[Entry]]) -> Iterator[Entry]:
        merged = heapq.merge(*of_each, key=lambda entry: entry.line.time)
        return (entry for entry in merged if is_at_least(entry.line.level, self._level))


def _numbered(number: int, log: ProcessLog) -> Iterator[tuple[int, _Mark]]:
    return ((number, mark) for mark in _marks(log))


def _marks(log: ProcessLog) -> Iterator[_Mark]:
    """Yield where each line of its own is, the newest first. What stands before the first one in
    a log belongs to none, and is one."""
    crash = headless = None
    for raw in log.lines_back():
        line = read(raw.data.decode(errors="replace"))
        if line.time:
            if crash is not None and line.level not in LOUD:
                yield _Mark(line.time, "error", crash)
            yield _Mark(line.time, line.level, raw.place)
            crash = headless = None
            continue
        headless = raw.place
        if line.level == "error":
            crash = raw.place
    if headless is not None:
        yield _Mark(0.0, "error" if crash else "", crash or headless)
