"""Standard output and error that may be closed, full or read by nobody: what is written there is
lost then, and nothing else is.

A reader that has gone away (a pipe to `head`, a terminal), or a file whose disk is full, would else
be an exception wherever something is written, and end what the command was about: a cluster, say.
"""

from __future__ import annotations

import errno
import io
import select
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""There may be room again later."""


class _Lossy(io.FileIO):
    """A descriptor to write to, which takes everything."""

    failure: OSError | None = None
    """Why something was lost."""

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        if self.failure is not None and self.failure.errno not in FULL:
            return size
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            return size


class _Output:
    """What has become of standard output since `take_over`."""

    raw: _Lossy | None = None


def take_over() -> None:
    """Let standard output and error of this process lose what can't be written. What a test or a
    program has put in their place stays."""
    for name, descriptor, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        stream = getattr(sys, name)
        if stream is not None and not _is_ours(stream, descriptor):
            continue
        raw = _Lossy(descriptor, "w", closefd=False)
        if stream is not None:
            stream.flush()
        text = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding if stream else "utf-8",
            errors=stream.errors if stream else errors,
            line_buffering=raw.isatty() or descriptor == 2,
        )
        setattr(sys, name, text)
        if descriptor == 1:
            _Output.raw = raw
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115  # as long as the process


def _is_ours(stream: object, descriptor: int) -> bool:
    """Whether a stream is the interpreter's own, on this descriptor."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # PYTHONUNBUFFERED leaves the buffer out
    return isinstance(raw, io.FileIO) and raw.fileno() == descriptor


def output_failure() -> OSError | None:
    """Return why something that was written to standard output was lost; None: nothing was."""
    if _Output.raw is None:
        return None
    if not sys.stdout.closed:
        sys.stdout.flush()
    return _Output.raw.failure


def is_read() -> bool:
    """Whether standard output may have a reader: False for a pipe whose other end is closed, which
    a command that writes seldom would else notice late."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):  # a test's, or closed
        return not sys.stdout.closed
    poll = select.poll()
    poll.register(descriptor, 0)
    return not poll.poll(0)
