"""``python -m tests.benchmarks.counted_worker FILE``: a worker that counts the calls it makes.

SIGUSR1 lets it begin. SIGUSR2 ends it, and writes to the file how often each function of Python and
each built-in one was called in the main thread, by name as JSON. That is the same on every machine,
however busy, but for how many events come in one turn.
"""

from __future__ import annotations

import cProfile
import signal
import sys
from collections import Counter
from pathlib import Path
from types import CodeType
from typing import Any

import msgspec

from shard_worker.__main__ import main


class Counted:
    """The calls of this process, from a signal to another."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._profile = cProfile.Profile()
        signal.signal(signal.SIGUSR1, self._begin)
        signal.signal(signal.SIGUSR2, self._end)

    def _begin(self, *_: Any) -> None:
        self._profile.clear()
        self._profile.enable()

    def _end(self, *_: Any) -> None:
        self._profile.disable()
        calls: Counter[str] = Counter()
        for entry in self._profile.getstats():
            calls[name(entry.code)] += entry.callcount
        partial = self._file.with_suffix(".partial")
        partial.write_bytes(msgspec.json.encode(calls))
        partial.replace(self._file)


def name(code: CodeType | str) -> str:
    """Return what a function is called: a built-in one is known by its description."""
    if isinstance(code, str):
        return code
    return f"{Path(code.co_filename).name}:{code.co_qualname}"


if __name__ == "__main__":
    Counted(Path(sys.argv[1]))
    sys.exit(main())
