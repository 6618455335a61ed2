"""Gateway frames, and how one is read by a JSON decoder; ``d`` is left as the bytes that came.

frame_reader.py reads many at a time, and falls back on what is here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from cluster import ranges
from cluster.decode_errors import MALFORMED, without_lone_surrogates

FrameEvent = tuple[str, int, bytes]
"""A dispatch: name, s, d."""


class Frame(NamedTuple):
    """A frame that the session must see by itself: any op but 0, and READY and RESUMED."""

    op: int
    name: str
    """t; "" for null."""
    seq: int
    """s; -1 for null."""
    data: bytes
    """The JSON of d."""


Part = Frame | list[FrameEvent]
"""A frame, or dispatches that came one after the other."""


class FrameError(Exception):
    """What came is no gateway frame."""


LIFECYCLE: Final = frozenset(("READY", "RESUMED"))
MAX_SEQ: Final = ranges.MAX_SEQ - 1
"""No gateway sends a larger s."""
MAX_FRAMES: Final = 65_536
"""Frames that a slice may hold which is split by a decoder."""
_seq_of: Final = itemgetter(1)
_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9_]{0,99}")


class _Envelope(msgspec.Struct):
    op: int
    t: str | None = None
    s: int | None = None
    d: msgspec.Raw = msgspec.Raw(b"null")


_envelope: Final = msgspec.json.Decoder(_Envelope)
_BOUNDARY: Final = re.compile(rb"\}(?=[ \t\r\n]*\{)")
"""Where a frame may end and the next begin: always outside a string, seldom within one."""


def decode(text: bytes) -> Frame:
    """Read one frame by a JSON decoder. Raises FrameError."""
    check_utf8((text,))  # msgspec looks into strings only where it makes them
    try:
        envelope = _envelope.decode(text)
        data = bytes(envelope.d)
    except MALFORMED as error:
        if (whole := without_lone_surrogates(text)) is text:
            raise FrameError(f"no gateway frame: {error}") from error
        envelope, data = _read_around(text, whole)
    name, seq = envelope.t or "", -1 if envelope.s is None else envelope.s
    if envelope.op == 0 and (seq < 0 or not _NAME.fullmatch(name)):
        raise FrameError("a dispatch without a name or a sequence number")
    if seq > MAX_SEQ:
        raise FrameError("a sequence number that is none")
    return Frame(envelope.op, name, seq, data)


def _read_around(text: bytes, whole: bytes) -> tuple[_Envelope, bytes]:
    """Return the fields of a frame, and its ``d`` as it came. whole: the frame's text without lone
    surrogates, each byte of it where it is in ``text``. Raises FrameError."""
    try:
        envelope = _envelope.decode(whole)
    except MALFORMED as error:
        raise FrameError(f"no gateway frame: {error}") from error
    start = whole.rfind(envelope.d)
    return envelope, text[start : start + len(bytes(envelope.d))]


def check_utf8(texts: Iterable[bytes]) -> None:
    """Raises FrameError for what is no UTF-8."""
    # Most are ASCII, which is seen at once. The comma keeps the end of one from mending another.
    try:
        b",".join([text for text in texts if not text.isascii()]).decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"no UTF-8: {error}") from error


def decode_many(text: bytes) -> list[Frame]:
    """Read frames that follow each other by a JSON decoder. Raises FrameError.

    Nothing of them is built, since what a decoder builds is many times larger than its text; so
    each place that may be a frame's end is tried, with a bound on what that may cost.
    """
    frames: list[Frame] = []
    start, left = 0, 4 * len(text) + 65_536
    end = len(text.rstrip(b" \t\r\n"))
    while start < end:
        boundaries = (found.end() for found in _BOUNDARY.finditer(text, start, end))
        for stop in itertools.chain(boundaries, (end,)):
            left -= stop - start
            if left < 0 or len(frames) >= MAX_FRAMES:
                raise FrameError("no gateway frames: too many braces")
            try:
                frames.append(decode(text[start:stop]))
            except FrameError:
                if stop == end:
                    raise
            else:
                start = stop
                break
    return frames


def parts(frames: Iterable[Frame]) -> list[Part]:
    """Return the frames with dispatches that follow each other put together in lists."""
    out: list[Part] = []
    run: list[FrameEvent] | None = None
    for frame in frames:
        if frame.op or frame.name in LIFECYCLE:
            out.append(frame)
            run = None
        else:
            if run is None:
                run = []
                out.append(run)
            run.append((frame.name, frame.seq, frame.data))
    return out


def events_after(events: Sequence[FrameEvent], last: int) -> Sequence[FrameEvent]:
    """Return the events with a seq above ``last`` and above all before them: those that are new."""
    if list(map(_seq_of, events)) == list(range(last + 1, last + 1 + len(events))):
        return events  # as it almost always is
    new: list[FrameEvent] = []
    for event in events:
        if event[1] > last:
            new.append(event)
            last = event[1]
    return new
