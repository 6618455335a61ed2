"""The lines of all processes' logs, copied to one descriptor: log_to = "stdout".

Each process goes on to write its own file, and this thread alone reads the files and writes what is
new, a line at a time; so no two lines mix, a worker that outlives its coordinator loses none, and
whoever does not read standard output holds up this thread and nothing else. The files are what
waits then; what is more than MOST_BEHIND behind in one is left out, counted, and said.
"""

from __future__ import annotations

import logging
import os
import select
import threading
import time
from pathlib import Path
from typing import Final

from cluster.logs.files import NAME, LineReader, Place, ProcessLog
from cluster.logs.formatter import LogFormat, line_of
from cluster.logs.line import is_line

log = logging.getLogger(__name__)

LOOK_S: Final = 0.25
"""Seconds between two looks for what is new."""
NEW_LOGS: Final = 4
"""In so many looks it is looked once for the logs of new processes."""
MOST_BEHIND: Final = 4 * 1024 * 1024
"""Bytes of one log that may wait to be copied."""
LAST_S: Final = 2.0
"""Seconds that the last lines may take to be copied."""


class LogCopy:
    """Copies from ``start`` to ``close``."""

    def __init__(self, folder: Path, descriptor: int, log_format: LogFormat) -> None:
        """folder: of the logs. descriptor: where lines go; it is closed by nobody. log_format: of
        lines that are made here, of what no logger wrote."""
        self._folder = folder
        self._descriptor = descriptor
        self._format: LogFormat = log_format
        self._readers: dict[str, LineReader] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log copy", daemon=True)
        for name in self._names():
            file = ProcessLog(folder / name)
            self._readers[name] = LineReader(file, file.end())

    def start(self) -> None:
        """Begin: with what is written from when this was made."""
        self._thread.start()

    def close(self) -> None:
        """Copy what is left, for LAST_S at most."""
        self._ending.set()
        self._thread.join(LAST_S)

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if NAME.fullmatch(path.name))

    def _run(self) -> None:
        looks = 0
        try:
            while not self._ending.wait(LOOK_S):
                if looks % NEW_LOGS == 0:
                    self._look_for_new()
                looks += 1
                self.copy()
            self._look_for_new()
            self.copy()
        except OSError as error:  # who read is gone, or a file can't be read
            log.warning("logs are not copied to standard output any more: %s", error)

    def _look_for_new(self) -> None:
        for name in self._names():
            if name not in self._readers:
                self._readers[name] = LineReader(ProcessLog(self._folder / name), Place(0, 0))

    def copy(self) -> None:
        """Copy what is new. OSError: a log can't be read, or nobody is left to read."""
        for reader in self._readers.values():
            if not reader.has_news():
                continue
            self._leave_out(reader)
            while raw := reader.next():
                self._write(reader.log.name, raw.data)
                self._leave_out(reader)

    def _leave_out(self, reader: LineReader) -> None:
        """Leave out what waits in a log, if it is too much."""
        behind = reader.behind()
        if behind <= MOST_BEHIND:
            return
        reader.skip()
        text = (
            f"{behind:,} bytes of {reader.log.name}.log are left out here: standard output was not "
            "read"
        )
        self._put(line_of("coordinator", "warning", text, self._format, time.time()).encode())

    def _write(self, process: str, data: bytes) -> None:
        text = data.decode(errors="replace")
        if not is_line(text):  # the words of an interpreter that dies, say
            data = line_of(process, "error", text, self._format, time.time()).encode()
        self._put(data)

    def _put(self, line: bytes) -> None:
        """Write a line whole. Whoever shares standard output may have made it non-blocking: then
        it is waited for here."""
        left = line + b"\n"
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
