"""Ctrl-C on a command: one line and exit code 130, whenever it comes.

While Python still imports what a command needs nothing has been begun that must be ended, and an
exception in the midst of an import may end anywhere: so the process ends at once. As soon as a verb
runs, Ctrl-C raises KeyboardInterrupt, as usual. The entry of the command imports this module first,
so it stands on nothing that takes time to import: not on `typing`, `contextlib` or `signal`, whose
enums are ready only after some milliseconds in which Ctrl-C would still be a traceback. What comes
before it is Python's own start, of which the same is true and nothing can be done.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from types import FrameType
    from typing import Final, NoReturn
else:
    import _signal as signal  # what `signal` itself wraps

EXIT_INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""
EXIT_TERMINATED: Final = 143
"""128 and the number of SIGTERM, as shells have it."""


def end_at_once_on_ctrl_c() -> None:
    """From now on let Ctrl-C end this process at once, with one line on stderr.

    A process that was started with SIGINT ignored (nohup, or & in a script) goes on to ignore it.
    To the first process of a container SIGTERM does nothing by itself, as to no other process
    (pid_namespaces(7)), and an engine that stops the container would wait until it kills: so there
    it ends the process, too.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_at_once)
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, _terminated)


class CtrlCRaises:
    """While this context lasts Ctrl-C raises KeyboardInterrupt, so that what was begun is ended in
    order. Nothing changes in a program that never called `end_at_once_on_ctrl_c`."""

    def __enter__(self) -> None:
        self._ended_at_once = signal.getsignal(signal.SIGINT) is _end_at_once
        if self._ended_at_once:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *exception: object) -> None:
        if self._ended_at_once:
            signal.signal(signal.SIGINT, _end_at_once)


def interrupted_line(words: str = "") -> str:
    """Return the line that Ctrl-C ends with; on a terminal below the one that shows ^C."""
    return ("\n" if sys.stderr.isatty() else "") + (words or "Interrupted.")


def _end_at_once(_signal: int, _frame: FrameType | None) -> NoReturn:
    try:
        os.write(2, f"{interrupted_line()}\n".encode())
    finally:  # also when nobody reads that
        os._exit(EXIT_INTERRUPTED)


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    os._exit(EXIT_TERMINATED)
