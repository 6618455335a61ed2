"""permessage-deflate for what we send (RFC 7692), where a server accepts it.

Chrome compresses every message at zlib's default level, however short it is; so do we. What comes
is inflated in ``websocket``.
"""

from __future__ import annotations

import zlib
from typing import Final, Self

from shard_worker.transport.websocket import Deflate

TAIL: Final = b"\x00\x00\xff\xff"
"""How a flushed block ends: left out of a message (section 7.2.1)."""
MIN_BITS: Final = 9
"""zlib makes no raw stream with a window of 2**8."""


class MessageDeflater:
    """Compresses one message after the other; they must leave in this order, since each may refer
    to those before it."""

    def __init__(self, agreed: Deflate) -> None:
        self._agreed = agreed
        self._context = self._fresh()

    @classmethod
    def of(cls, agreed: Deflate | None) -> Self | None:
        """None: not agreed on, or with a window that zlib does not have. A message may always be
        sent as it is."""
        return cls(agreed) if agreed and agreed.client_max_window_bits >= MIN_BITS else None

    def deflate(self, payload: bytes) -> bytes:
        """What a frame with RSV1 carries."""
        out = self._context.compress(payload) + self._context.flush(zlib.Z_SYNC_FLUSH)
        if self._agreed.client_no_context_takeover:
            self._context = self._fresh()
        return out.removesuffix(TAIL)

    def _fresh(self) -> zlib._Compress:
        return zlib.compressobj(wbits=-self._agreed.client_max_window_bits)
