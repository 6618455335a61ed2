"""The scan of gateway frames, many at a time: op, s and t of each, ``d`` left as it came.

A slice of messages is one text, split by one compiled pattern: Discord writes every dispatch as
``{"t":"NAME","s":N,"op":0,"d":...}`` in this order, and ``}{"t":`` never stands inside valid JSON,
neither in a string (its quotes would be escaped) nor outside one (a comma would be between). So
``d`` reaches to the brace before the next match. No JSON is parsed, but nothing is taken on trust:

- there must be as many matches as messages, and the text must begin and end with them;
- one dispatch a slice, the first of each name, READY, RESUMED, every other op and a body in which
  another frame may hide are decoded by a strict JSON decoder and must come out the same (a key
  after ``d`` would pass the count); all of a slice are, if a message of it came in pieces, as one
  does that lost its end;
- the text must be UTF-8: what a damaged stream inflates to seldom is (no checksum guards it);
- a message that came alone is decoded strictly (that costs less than the checks);
- a slice that fails is split by a JSON decoder; after three such in a row the session goes message
  by message, since other servers write other orders;
- what is JSON and no frame, or a dispatch without a name or an s that can be, is `Unplaced`: it
  would come the same on another connection. Only what is no JSON is an error.

Measured (slices of 512 dispatches of 609 B, Python 3.11, on a machine of 2 cores): 0.8 us an event,
half of it the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from shard_worker.protocol.frame import (
    APART,
    Frame,
    FrameError,
    FrameEvent,
    Part,
    Unplaced,
    check_utf8,
    decode,
    decode_many,
    parts,
)
from shard_worker.transport.compression import Inflater, Plain

MISMATCHES: Final = 3
"""Slices in a row that the pattern did not fit before it is given up."""
SINGLY: Final = 256
"""Slices that are read message by message after one that could not be split: what one of its
messages did to the others, it does alone from then on."""
MAX_NAMES: Final = 4096
"""Most names of dispatches that are remembered."""
_PATTERN: Final = re.compile(
    rb'\}\{"t":(?:"([A-Z0-9_]{1,100})"|null),"s":([0-9]{1,18}|null),"op":([0-9]{1,3}),"d":'
)
_DISPATCHES: Final = re.compile(rb'\}\{(?:"t":"([A-Z0-9_]{1,100})","s":([0-9]{1,18}),"op":0,"d":|)')
"""The pattern for a slice of dispatches alone, as almost every one is: a tenth faster. Any other
``}{`` matches without a name: a frame of another order must not hide in the body before it."""


class _Cut(NamedTuple):
    """The fields of a slice's frames, a list each, as the pattern cut them."""

    names: list[bytes | None]
    seqs: list[bytes]
    ops: list[bytes] | None
    """None: all are dispatches with a name and an s."""
    bodies: list[bytes]

    def frame(self, i: int) -> tuple[bytes | None, bytes, bytes, bytes]:
        """Return name, s, op and body of one frame."""
        return (
            self.names[i],
            self.seqs[i],
            b"0" if self.ops is None else self.ops[i],
            self.bodies[i],
        )


_ALWAYS_CHECKED: Final = (None, b"READY", b"RESUMED")


class FrameReader:
    """Reads one shard's frames, connection after connection."""

    def __init__(self) -> None:
        self._inflater: Inflater | None = None
        self._names: dict[bytes | None, str] = {}
        self._slices = 0
        self._mismatches = 0
        self._singly = 0
        self.fallbacks = 0
        """Slices that the pattern did not fit."""

    @property
    def by_message(self) -> bool:
        """Whether each message is read by itself: the pattern was given up, or a slice could not be
        split shortly before."""
        return self._singly > 0 or self._mismatches >= MISMATCHES

    def connect(self, inflater: Inflater) -> None:
        """A new connection begins, with a fresh context; what is known of the server is kept."""
        self._inflater = inflater

    def read(self, payloads: Sequence[bytes], texts: Sequence[int] = ()) -> list[Part]:
        """Return the frames of a slice of WebSocket messages.

        texts: indices of the messages that came as text. Transport compression is binary, so these
        are plain JSON: a server that speaks the protocol may leave the compression out.
        Raises InflateError or FrameError; nothing of that slice was given out then.
        """
        assert self._inflater is not None, "connect comes first"
        if texts and not isinstance(self._inflater, Plain):
            return self._read_mixed(payloads, frozenset(texts))
        if len(payloads) == 1:
            alone = self.one(payloads[0])
            return alone if isinstance(alone, list) else [[alone]]
        if self.by_message:
            bodies = self._inflater.inflate_each(payloads)
            if self._singly:
                self._singly -= 1
            return parts(frame for plain in bodies for frame in self._message(plain))
        text, count = self._inflater.inflate(payloads)
        if not count:
            return []
        out = self._scan(text, count)
        if out is None:
            return parts(self._split(text))
        self._mismatches = 0
        return out

    def one(self, payload: bytes) -> FrameEvent | list[Part]:
        """Return the dispatch of a binary message that came alone, if it is one that nobody sees by
        itself, as almost all are; else what `read` returns. Raises InflateError or FrameError."""
        assert self._inflater is not None, "connect comes first"
        bodies = self._inflater.inflate_each((payload,))
        if self._singly:
            self._singly -= 1
        if len(bodies) != 1:  # its end has not come
            return parts(frame for plain in bodies for frame in self._message(plain))
        try:
            frame = decode(bodies[0])
        except FrameError:
            return parts(decode_many(bodies[0]))
        if isinstance(frame, Frame) and not frame.op and frame.name not in APART:
            return frame[1:]
        return [frame]

    def _split(self, text: bytes) -> list[Frame | Unplaced]:
        """Split a slice that the pattern does not fit. Raises FrameError."""
        self.fallbacks += 1
        try:
            frames = decode_many(text)
        except FrameError:
            self._singly = SINGLY
            raise
        # One that can't be placed says nothing of the order in which the server writes.
        self._mismatches += all(isinstance(frame, Frame) for frame in frames)
        return frames

    def _read_mixed(self, payloads: Sequence[bytes], texts: frozenset[int]) -> list[Part]:
        """Read text messages as they are; binary ones are a part of the compressed stream."""
        assert self._inflater is not None
        plain: list[bytes] = []
        for i, payload in enumerate(payloads):
            plain += [payload] if i in texts else self._inflater.inflate_each([payload])
        return parts(frame for text in plain for frame in self._message(text))

    def _message(self, text: bytes) -> list[Frame | Unplaced]:
        """Return the frames of one message: almost always one, though a server may put several into
        it."""
        try:
            return [decode(text)]
        except FrameError:
            return decode_many(text)

    def _scan(self, text: bytes, count: int) -> list[Part] | None:
        """Split the text by the pattern. None: it is not what the pattern is made for."""
        cut = _cut(text, count)
        if cut is None:
            return None
        names, seqs, ops, bodies = cut
        check_utf8(bodies)
        unseen = set(names) - self._names.keys()
        if not all(_strict_decoder_agrees(*cut.frame(i)) for i in self._checked(cut, unseen)):
            return None
        if ops is None and not unseen:
            known = map(self._names.__getitem__, names)
            return [list(zip(known, map(int, seqs), bodies, strict=True))]
        self._learn(unseen)
        return _mixed(cut)

    def _checked(self, cut: _Cut, unseen: set[bytes | None]) -> set[int]:
        """Return the indices of the frames that the strict decoder has to agree on."""
        # One a slice, at a place that moves, so that no place is never looked at.
        self._slices += 1
        count = len(cut.names)
        assert self._inflater is not None
        if self._inflater.spliced:
            return set(range(count))
        checked = {self._slices % count}
        if unseen:
            checked.update(cut.names.index(name) for name in unseen)
            checked.update(i for i, name in enumerate(cut.names) if name in _ALWAYS_CHECKED)
        if cut.ops is not None:
            checked.update(i for i, op in enumerate(cut.ops) if op != b"0")
            checked.update(i for i, body in enumerate(cut.bodies) if b"}{" in body)
        return checked

    def _learn(self, names: Iterable[bytes | None]) -> None:
        """Remember names of dispatches that the strict decoder has seen. Those of APART stay
        unknown, so that each of them is seen by itself."""
        for name in names:
            if name is not None and name.decode() not in APART and len(self._names) < MAX_NAMES:
                self._names[name] = name.decode()


def _cut(text: bytes, count: int) -> _Cut | None:
    """Cut ``count`` frames apart by the pattern. None: they are not as many, or not all of it."""
    braced = b"}" + text
    step, fields = 3, _DISPATCHES.split(braced, count + 1)
    if len(fields) != 1 + 3 * count or None in fields[1::3]:
        step, fields = 4, _PATTERN.split(braced, count + 1)
    if len(fields) != 1 + step * count or fields[0] or fields[-1][-1:] != b"}":
        return None
    fields[-1] = fields[-1][:-1]
    ops = fields[3::4] if step == 4 else None
    return _Cut(fields[1::step], fields[2::step], ops, fields[step::step])


def _strict_decoder_agrees(name: bytes | None, seq: bytes, op: bytes, body: bytes) -> bool:
    """Whether a strict decoder reads from the whole frame what the pattern cut out of it."""
    quoted = b"null" if name is None else b'"%b"' % name
    try:
        frame = decode(b'{"t":%b,"s":%b,"op":%b,"d":%b}' % (quoted, seq, op, body))
    except FrameError:
        return False
    return frame == (int(op), (name or b"").decode(), -1 if seq == b"null" else int(seq), body)


def _mixed(cut: _Cut) -> list[Part] | None:
    """Return the parts of a slice that is not dispatches alone. None: a dispatch has no name or no
    s."""
    frames: list[Frame] = []
    for i in range(len(cut.names)):
        name, seq, op, body = cut.frame(i)
        if op == b"0" and (name is None or seq == b"null"):
            return None
        number = -1 if seq == b"null" else int(seq)
        frames.append(Frame(int(op), name.decode() if name else "", number, body))
    return parts(frames)
