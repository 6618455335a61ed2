"""What waits to be sent on a connection, until libcurl takes it."""

from __future__ import annotations

import os
from collections import deque
from typing import Final

from shard_worker.transport.message_deflate import MessageDeflater
from shard_worker.transport.websocket import Deflate, Opcode, encode

MAX_UNSENT: Final = 256
"""Frames that may wait for a server that does not read."""


class WriteQueue:
    """Messages and control frames, in the order in which they leave."""

    def __init__(self) -> None:
        self._out: deque[tuple[Opcode, bytes]] = deque()
        self._begun = b""
        """What libcurl has not taken yet of the frame that it began to."""
        self._deflater: MessageDeflater | None = None
        self._closing = False

    def agreed(self, deflate: Deflate | None) -> None:
        """What the server agreed to compress."""
        self._deflater = MessageDeflater.of(deflate)

    def __len__(self) -> int:
        """How many wait, that which is begun not among them."""
        return len(self._out)

    @property
    def compresses(self) -> bool:
        return self._deflater is not None

    def add(self, opcode: Opcode, payload: bytes, *, urgent: bool) -> bool:
        """False: too much waits already. urgent: before all that is not yet begun. A close frame is
        always taken, and is the last: what comes after it is dropped (RFC 6455, section 5.5.1), and
        what waits, too, where it is urgent or too much waits."""
        if self._closing:
            return True
        if opcode is Opcode.CLOSE:
            self._closing = True
            if urgent or len(self._out) >= MAX_UNSENT:
                self._out.clear()
        elif len(self._out) >= MAX_UNSENT:
            return False
        if urgent:
            self._out.appendleft((opcode, payload))
        else:
            self._out.append((opcode, payload))
        return True

    def take(self, size: int) -> bytes:
        """So many bytes at most; none: nothing waits."""
        if not self._begun:
            if not self._out:
                return b""
            self._begun = self._frame(*self._out.popleft())
        piece, self._begun = self._begun[:size], self._begun[size:]
        return piece

    def _frame(self, opcode: Opcode, payload: bytes) -> bytes:
        """Made when it leaves: what compresses messages must see them in the order they do."""
        compressed = self._deflater is not None and opcode is Opcode.TEXT
        if self._deflater is not None and compressed:
            payload = self._deflater.deflate(payload)
        return encode(opcode, payload, os.urandom(4), compressed=compressed)
