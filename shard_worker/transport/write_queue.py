"""Frames that wait to be sent on a connection, until libcurl takes them."""

from __future__ import annotations

import os
from collections import deque
from typing import Final

from shard_worker.transport.message_deflate import Deflate, MessageDeflater
from shard_worker.transport.websocket import Opcode, encode

MAX_WAITING: Final = 256
"""Frames that may wait for a server that does not read."""


class WriteQueue:
    """Messages and control frames, in the order in which they leave."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Opcode, bytes]] = deque()
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

    def add(self, opcode: Opcode, payload: bytes, *, urgent: bool) -> bool:
        """Add a frame; False: too many wait already. urgent: before all that is not yet begun. A
        close frame is always taken, and is the last: what comes after it is dropped (RFC 6455,
        section 5.5.1), and what waits, too, where it is urgent or too much waits."""
        if self._closing:
            return True
        if opcode is Opcode.CLOSE:
            self._closing = True
            if urgent or len(self._waiting) >= MAX_WAITING:
                self._waiting.clear()
        elif len(self._waiting) >= MAX_WAITING:
            return False
        if urgent:
            self._waiting.appendleft((opcode, payload))
        else:
            self._waiting.append((opcode, payload))
        return True

    def take(self, size: int) -> bytes:
        """Remove and return at most this many bytes; none: nothing waits."""
        if not self._begun:
            if not self._waiting:
                return b""
            self._begun = self._frame(*self._waiting.popleft())
        piece, self._begun = self._begun[:size], self._begun[size:]
        return piece

    def _frame(self, opcode: Opcode, payload: bytes) -> bytes:
        """Encode a frame when it leaves: the deflater must see messages in the order they leave."""
        compressed = self._deflater is not None and opcode is Opcode.TEXT
        if self._deflater is not None and compressed:
            payload = self._deflater.deflate(payload)
        return encode(opcode, payload, os.urandom(4), compressed=compressed)
