"""Gateway frames, and how one is read by a JSON decoder; ``d`` is left as the bytes that came.

frame_reader.py reads many at a time, and falls back on what is here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from cluster import ranges
from cluster.decode_errors import MALFORMED, without_lone_surrogates

FrameEvent = tuple[str, int, bytes]
"""A dispatch: name, s, d."""


class Frame(NamedTuple):
    """A frame that is seen by itself: any op but 0, and the dispatches of APART."""

    op: int
    name: str
    """t; "" for null."""
    seq: int
    """s; -1: it has none."""
    data: bytes
    """The JSON of d."""


class Unplaced(NamedTuple):
    """A frame that is JSON and can't be used. It has no place in the session's order, so it is left
    out, and the next dispatch shows the hole; another connection would bring it again."""

    event: str
    """t, as far as it can be shown; "" where there is none."""
    reason: str
    """What is wrong with it, for people."""


Part = Frame | Unplaced | list[FrameEvent]
"""A frame, one that can't be used, or dispatches that came one after the other."""


class FrameError(Exception):
    """What came is no JSON."""


LIFECYCLE: Final = frozenset(("READY", "RESUMED"))
LISTS_SESSIONS: Final = "SESSIONS_REPLACE"
APART: Final = LIFECYCLE | {LISTS_SESSIONS}
"""Dispatches that the shell sees by themselves: those that begin a session, and the one that may
name it."""
MAX_SEQ: Final = ranges.MAX_SEQ - 1
"""No gateway sends a larger s."""
MAX_FRAMES: Final = 65_536
"""Frames that a slice may hold which is split by a decoder."""
MAX_SHOWN: Final = 100
"""Most characters of a name that is none."""
_NAME: Final = re.compile(r"[A-Z0-9][A-Z0-9_]{0,99}")


class _Envelope(msgspec.Struct):
    op: int
    t: str | None = None
    s: int | None = None
    d: msgspec.Raw = msgspec.Raw(b"null")


_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_json: Final = msgspec.json.Decoder(msgspec.Raw)
_envelope: Final = msgspec.json.Decoder(_Envelope)
_BOUNDARY: Final = re.compile(rb"\}(?=[ \t\r\n]*\{)")
"""Where a frame may end and the next begin: always outside a string, seldom within one."""


def decode(text: bytes) -> Frame | Unplaced:
    """Read one frame by a JSON decoder. Raises FrameError for what is no JSON."""
    if not text.isascii():
        check_utf8((text,))  # msgspec looks into strings only where it makes them
    try:
        envelope = _envelope.decode(text)
        data = bytes(envelope.d)
    except MALFORMED as error:
        return _read_field_by_field(text, error)
    op, name, seq = envelope.op, envelope.t, envelope.s
    if not op and name and seq is not None and 0 <= seq <= MAX_SEQ and _NAME.fullmatch(name):
        return Frame(0, name, seq, data)  # as it almost always is
    return _frame(op, name, seq, data)


def _read_field_by_field(text: bytes, error: Exception) -> Frame | Unplaced:
    """Read a frame whose fields are not all what they should be, or hold lone surrogates: those of
    other ops than 0 need no t and no s."""
    whole = bytearray(without_lone_surrogates(text))  # each byte is where it is in the text
    try:
        fields = _fields.decode(whole)
    except msgspec.ValidationError:
        try:
            _json.decode(whole)
        except MALFORMED as malformed:
            raise FrameError(f"no gateway frame: {malformed}") from malformed
        return Unplaced("", "a frame that is no JSON object")
    except RecursionError:
        if not text.rstrip(b" \t\r\n").endswith(b"}"):
            raise FrameError(f"no gateway frame: {error}") from error
        # It comes the same on another connection, so it is passed over, though nobody has read it.
        return Unplaced("", "a frame that is nested too deep to be read")
    except MALFORMED as malformed:
        raise FrameError(f"no gateway frame: {malformed}") from malformed
    op, name, seq = (_value(fields.get(key)) for key in ("op", "t", "s"))
    whole[:] = text  # what Raw holds is a view, so d is from here on as it came
    return _frame(op, name, seq, bytes(fields.get("d", b"null")))


def _value(field: msgspec.Raw | None) -> Any:
    try:
        return None if field is None else msgspec.json.decode(field)
    except MALFORMED:
        return None  # nested too deep


def _frame(op: Any, name: Any, seq: Any, data: bytes) -> Frame | Unplaced:
    if type(op) is not int:
        return Unplaced(_shown(name), "a frame without a usable op")
    named = type(name) is str and _NAME.fullmatch(name) is not None
    numbered = type(seq) is int and 0 <= seq <= MAX_SEQ
    if op == 0:
        if not named:
            return Unplaced(_shown(name), "a dispatch without a usable name")
        if not numbered and name not in LIFECYCLE:  # these two are more than events
            return Unplaced(_shown(name), "a dispatch without a usable s")
    return Frame(op, name if named else "", seq if numbered else -1, data)


def _shown(name: Any) -> str:
    """Return t as a log may have it."""
    text = name if type(name) is str else repr(name)
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:MAX_SHOWN])


def check_utf8(texts: Iterable[bytes]) -> None:
    """Raises FrameError for what is no UTF-8."""
    # Most are ASCII, which is seen at once. The comma keeps the end of one from mending another.
    try:
        b",".join([text for text in texts if not text.isascii()]).decode()
    except UnicodeDecodeError as error:
        raise FrameError(f"no UTF-8: {error}") from error


def decode_many(text: bytes) -> list[Frame | Unplaced]:
    """Read frames that follow each other by a JSON decoder. Raises FrameError.

    Nothing of them is built, since what a decoder builds is many times larger than its text; so
    each place that may be a frame's end is tried, with a bound on what that may cost.
    """
    frames: list[Frame | Unplaced] = []
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


def parts(frames: Iterable[Frame | Unplaced]) -> list[Part]:
    """Return the frames with dispatches that follow each other put together in lists."""
    out: list[Part] = []
    run: list[FrameEvent] | None = None
    for frame in frames:
        if isinstance(frame, Unplaced) or frame.op or frame.name in APART:
            out.append(frame)
            run = None
        else:
            if run is None:
                run = []
                out.append(run)
            run.append((frame.name, frame.seq, frame.data))
    return out
