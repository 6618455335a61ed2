"""What each process of ours does about its log."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
import time
from types import TracebackType

from cluster.logs.flood import FloodFilter
from cluster.logs.formatter import LineFormatter, LogFormat

log = logging.getLogger("fault")


def log_lines(
    process: str,
    log_format: LogFormat = "logfmt",
    level: str = "info",
    *,
    secret: str = "",
    handler: logging.Handler | None = None,
) -> None:
    """Write a line of log a record from now on, and what nobody caught as one, too. Called again it
    takes the place of what was said before.

    process: whose log it is. secret: what no line may hold. handler: where lines go; None: to
    standard error.
    """
    writer = logging.StreamHandler(sys.stderr) if handler is None else handler
    writer.setFormatter(LineFormatter(process, log_format, secret))
    flood = FloodFilter(writer, time.monotonic)
    writer.addFilter(flood)
    atexit.register(flood.flush)
    logging.basicConfig(handlers=[writer], level=level.upper(), force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    log.critical("a fault of this program", exc_info=(kind, error, traceback))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread else "?"
    error = args.exc_value or args.exc_type()
    log.critical("a fault of this program, in the thread %s", name, exc_info=error)
