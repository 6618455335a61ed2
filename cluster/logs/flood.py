"""Keeps a flood of one kind of line out of a log: a few in ten seconds, and how many more there
were. What a happening says is summed up already, and who asks for "debug" wants all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

MOST: Final = 20
"""Lines of one kind in WINDOW_S; a kind is what one place in the code says, whatever of whom."""
WINDOW_S: Final = 10.0
MOST_KINDS: Final = 1_000

log = logging.getLogger(__name__)

_Kind = tuple[str, str]


class _Window:
    __slots__ = ("began", "left_out", "level", "written")

    def __init__(self, began: float, level: int) -> None:
        self.began, self.level = began, level
        self.written = self.left_out = 0


class FloodFilter:
    """A filter of one handler, which it gives a line on what was left out, at the next record after
    the window has ended, or at ``flush``."""

    def __init__(self, handler: logging.Handler, clock: Callable[[], float]) -> None:
        """clock: monotonic seconds."""
        self._handler = handler
        self._clock = clock
        self._windows: dict[_Kind, _Window] = {}
        self._flooded: dict[_Kind, _Window] = {}

    def __call__(self, record: logging.LogRecord) -> bool:
        """Whether a record is written."""
        if record.levelno <= logging.DEBUG or "kind" in getattr(record, "fields", {}):
            return True
        now = self._clock()
        if self._flooded:
            self._tell(now)
        kind = record.name, str(record.msg)
        window = self._windows.get(kind)
        if window is None or now - window.began >= WINDOW_S:
            if len(self._windows) >= MOST_KINDS:
                self._windows.clear()  # texts that are no formats: each is a kind of its own
            window = self._windows[kind] = _Window(now, record.levelno)
        if window.written < MOST:
            window.written += 1
            return True
        window.left_out += 1
        self._flooded[kind] = window
        return False

    def flush(self) -> None:
        """Tell what was left out and not told yet: nothing more comes."""
        self._tell(float("inf"))

    def _tell(self, now: float) -> None:
        for kind, window in list(self._flooded.items()):
            if now - window.began < WINDOW_S:
                continue
            del self._flooded[kind]
            name, text = kind
            fields = {"kind": "left_out", "count": window.left_out, "logger": name}
            said = "%d more lines like this were left out within %d s: %s"
            args = (window.left_out, WINDOW_S, text)
            more = log.makeRecord(
                log.name, window.level, __file__, 0, said, args, None, extra={"fields": fields}
            )
            self._handler.handle(more)
