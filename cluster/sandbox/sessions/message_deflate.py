"""permessage-deflate (RFC 7692), which the sandbox can be told to agree to."""

from __future__ import annotations

import re
from typing import Final

from zlib_ng import zlib_ng

_LEVEL: Final = 1


class MessageDeflate:
    """The server's side of permessage-deflate (RFC 7692) around another encoder's messages.

    window_bits: 9 to 15, as agreed on (server_max_window_bits).
    """

    def __init__(self, *, context_takeover: bool, window_bits: int = 15) -> None:
        self._takeover = context_takeover
        self._window_bits = window_bits
        self._stream = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, -window_bits)

    def deflate(self, message: bytes) -> bytes:
        if not self._takeover:
            self._stream = zlib_ng.compressobj(_LEVEL, zlib_ng.DEFLATED, -self._window_bits)
        data = self._stream.compress(message) + self._stream.flush(zlib_ng.Z_SYNC_FLUSH)
        return data[:-4]


def message_deflate(agreed: str) -> MessageDeflate | None:
    """Make what a Sec-WebSocket-Extensions header of ours agreed to; None: no compression."""
    if "permessage-deflate" not in agreed:
        return None
    bits = re.search(r"server_max_window_bits=(\d+)", agreed)
    return MessageDeflate(
        context_takeover="server_no_context_takeover" not in agreed,
        window_bits=int(bits[1]) if bits else 15,
    )
