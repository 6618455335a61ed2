"""Frames that wait to be sent on a connection, until libcurl takes them."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from shard_worker.transport.message_deflate import Deflate, MessageDeflater
from shard_worker.transport.websocket import Opcode, encode

MAX_WAITING: Final = 256
"""Frames that may wait for a server that does not read."""


Fate = Callable[[bool], None]
"""Takes what becomes of a frame, once. True: it leaves now. False: it was dropped, and never will
leave."""
MayLeave = Callable[[], bool]
"""Says, at the moment at which a frame would leave, whether it may; if not, it is dropped."""


class _Waiting(NamedTuple):
    opcode: Opcode
    payload: bytes
    fate: Fate | None
    may_leave: MayLeave | None


class WriteQueue:
    """Messages and control frames, in the order in which they leave."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._begun = b""
        """What libcurl has not taken yet of the frame that it began to take."""
        self._deflater: MessageDeflater | None = None
        self._closing = False

    def agreed(self, deflate: Deflate | None) -> None:
        """Compress messages from now on, if the server has agreed to that."""
        self._deflater = MessageDeflater.if_agreed(deflate)

    def __len__(self) -> int:
        """How many frames wait; one that libcurl has begun to take is not among them."""
        return len(self._waiting)

    @property
    def compresses(self) -> bool:
        """Whether messages are compressed."""
        return self._deflater is not None

    def add(
        self, opcode: Opcode, payload: bytes, *, urgent: bool, fate: Fate | None = None,
        may_leave: MayLeave | None = None,
    ) -> bool:  # fmt: skip
        """Add a frame; False: too many wait already. urgent: before all that is not yet begun. A
        close frame is always taken, and is the last: what comes after it is dropped (RFC 6455,
        section 5.5.1), and what waits, too, where it is urgent or too much waits."""
        if self._closing:
            _drop(fate)
            return True
        if opcode is Opcode.CLOSE:
            self._closing = True
            if urgent or len(self._waiting) >= MAX_WAITING:
                self.drop()
        elif len(self._waiting) >= MAX_WAITING:
            _drop(fate)
            return False
        frame = _Waiting(opcode, payload, fate, may_leave)
        if urgent:
            self._waiting.appendleft(frame)
        else:
            self._waiting.append(frame)
        return True

    def drop(self) -> None:
        """Drop what waits."""
        while self._waiting:
            _drop(self._waiting.popleft().fate)

    def take(self, size: int) -> bytes:
        """Remove and return at most this many bytes; none: nothing waits."""
        while not self._begun:
            if not self._waiting:
                return b""
            opcode, payload, fate, may_leave = self._waiting.popleft()
            if may_leave is not None and not may_leave():
                _drop(fate)
                continue
            self._begun = self._frame(opcode, payload)
            if fate is not None:
                fate(True)
        piece, self._begun = self._begun[:size], self._begun[size:]
        return piece

    def _frame(self, opcode: Opcode, payload: bytes) -> bytes:
        """Encode a frame when it leaves: the deflater must see messages in the order they leave."""
        compressed = self._deflater is not None and opcode is Opcode.TEXT
        if self._deflater is not None and compressed:
            payload = self._deflater.deflate(payload)
        return encode(opcode, payload, os.urandom(4), compressed=compressed)


def _drop(fate: Fate | None) -> None:
    if fate is not None:
        fate(False)
