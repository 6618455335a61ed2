"""The child's side of a process that the coordinator starts and keeps: the TCP gate, the replay
server, the HTTP server. The parent's side is in coordinator.children.

Such a process reads its spec as a line of JSON from standard input, and then a line each time that
it is to log from another level on ("debug"). It writes one StartOutcome as a JSON line to standard
output, logs to its log_file, and ends on SIGTERM, SIGINT, or when the process that started it is
gone. Exit codes: 0 ended as told; otherwise those of cluster.errors.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Final, TypeVar

import msgspec

from cluster.decode_errors import MALFORMED
from cluster.errors import ClusterError, ConfigError
from cluster.logs.formatter import LogFormat
from cluster.logs.log_file import LogFile
from cluster.logs.setup import log_lines
from cluster.own_process import prepare
from cluster.wire.control import failure_of
from cluster.wire.start_outcome import StartOutcome, encode_outcome

INPUT_BYTES: Final = 64 * 1024
"""Bytes of standard input that are read at a time."""

log = logging.getLogger(__name__)


class ChildSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every child must know."""

    parent: int = 0
    """Process without which it ends; 0: the one that is its parent once it runs. Given, it is
    noticed too that it died while this one was starting."""
    process: str = "child"
    """Whose log it writes."""
    log_file: str = ""
    """The file that it logs to, which standard error is, too; empty: to standard error alone."""
    log_format: LogFormat = "logfmt"
    log_level: str = "info"


Spec = TypeVar("Spec", bound=ChildSpec)


class Child:
    """This process, as its work sees it."""

    def __init__(self, parent: int) -> None:
        self._parent = parent or os.getppid()
        self._signalled = False
        self.is_ready = False

    def ready(self, *, listens: str = "") -> None:
        """Say that it is up. Calling it again does nothing. listens: where, if its parent can't
        know."""
        if not self.is_ready:
            self.is_ready = True
            write_outcome(StartOutcome(ready=True, listens=listens))

    def is_ending(self) -> bool:
        """Whether it has to end: it was signalled, or its parent is gone."""
        return self._signalled or os.getppid() != self._parent

    def signalled(self, number: int, frame: FrameType | None) -> None:
        """Take a signal to end (signal.signal)."""
        self._signalled = True


def run_child(
    kind: type[Spec], work: Callable[[Spec, Child], None], *, interrupt: bool = False
) -> int:
    """Run the work of this process until it ends; return its exit code.

    kind: of the spec on standard input. work: returns when the child is ending; ClusterError: why
    it can't go on. interrupt: a signal ends the work wherever it is, by SystemExit; nothing that it
    writes may be half done then.
    """
    prepare()
    log_lines("child")
    child = None
    try:
        lines = _input_lines()
        spec = _read_spec(kind, next(lines, b""))
        handler = LogFile(Path(spec.log_file)) if spec.log_file else None
        log_lines(spec.process, spec.log_format, spec.log_level, handler=handler)
        threading.Thread(target=_take_levels, args=(lines,), name="levels", daemon=True).start()
        child = Child(spec.parent)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _exit if interrupt else child.signalled)
        work(spec, child)
    except ClusterError as error:
        if child is None or not child.is_ready:
            write_outcome(StartOutcome(error=failure_of(error)))
        log.error("%s", error)  # last: the parent tells the last line of a log
        return error.exit_code
    return 0


def write_line(outcome: StartOutcome) -> None:
    """Write a line to whoever started us."""
    try:
        os.write(sys.stdout.fileno(), encode_outcome(outcome) + b"\n")
    except BrokenPipeError:
        log.warning("nobody reads the outcome of this start")


def write_outcome(outcome: StartOutcome) -> None:
    """Write the last line and let go of standard output: who started us may be gone later."""
    write_line(outcome)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _input_lines() -> Iterator[bytes]:
    """Yield the lines of standard input. It is read without sys.stdin, whose lock a thread that
    still reads would hold when the interpreter ends."""
    held = b""
    while more := os.read(0, INPUT_BYTES):
        *lines, held = (held + more).split(b"\n")
        yield from lines
    if held:
        yield held


def _take_levels(lines: Iterator[bytes]) -> None:
    """Log from the level on that each line names. Signals are left to the main thread."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for line in lines:
        logging.getLogger().setLevel(line.decode().upper())


def _read_spec(kind: type[Spec], line: bytes) -> Spec:
    try:
        return msgspec.json.decode(line, type=kind)
    except MALFORMED as error:
        raise ConfigError(f"standard input has no {kind.__name__} ({error})") from None


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
