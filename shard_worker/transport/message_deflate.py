"""permessage-deflate (RFC 7692): what the server agreed to, and both directions of it.

Chrome compresses every message at zlib's default level, however short it is; so do we.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple, Self

from zlib_ng import zlib_ng

from shard_worker.transport.compression import ZlibError, bound
from shard_worker.transport.websocket_error import WebSocketError

TAIL: Final = b"\x00\x00\xff\xff"
"""How a flushed block ends: left out of a message (section 7.2.1)."""
_LEFTOVERS: Final = (b"", TAIL, b"\x00" + TAIL)
"""What may be left of a message and its tail: nothing, or an empty block after a final one (section
7.2.3.5)."""
_TAKEOVERS: Final = ("server_no_context_takeover", "client_no_context_takeover")
_WINDOWS: Final = ("server_max_window_bits", "client_max_window_bits")
MIN_BITS: Final = 9
"""zlib makes no raw stream with a window of 2**8."""


class Deflate(NamedTuple):
    """permessage-deflate as the server accepted it (RFC 7692, section 7.1)."""

    server_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_no_context_takeover: bool = False
    client_max_window_bits: int = 15


def parse_extensions(header: str) -> Deflate | None:
    """Read the server's Sec-WebSocket-Extensions, given that we offered
    ``permessage-deflate; client_max_window_bits``. None: it chose no extension.

    Raises WebSocketError for an extension or a parameter that was not offered (RFC 7692, 7.1).
    """
    if not header.strip():
        return None
    name, *parameters = (part.strip() for part in header.split(";"))
    if "," in header or name != "permessage-deflate":
        raise WebSocketError(1010, f"server chose an extension that was not offered: {header!r}")
    agreed = dict[str, int]()
    for parameter in parameters:
        key, _, value = (part.strip() for part in parameter.partition("="))
        value = value.strip('"')
        number = int(value) if value.isascii() and value.isdigit() else 0
        if key in agreed:
            raise WebSocketError(1010, f"server's permessage-deflate has {key} twice")
        if key in _TAKEOVERS and not value:
            agreed[key] = True
        elif key in _WINDOWS and 8 <= number <= 15:
            agreed[key] = number
        else:
            raise WebSocketError(1010, f"server's permessage-deflate has {parameter!r}")
    return Deflate(
        server_no_context_takeover=bool(agreed.get("server_no_context_takeover")),
        server_max_window_bits=agreed.get("server_max_window_bits", 15),
        client_no_context_takeover=bool(agreed.get("client_no_context_takeover")),
        client_max_window_bits=agreed.get("client_max_window_bits", 15),
    )


class MessageInflater:
    """Inflates messages that carry RSV1; the context lives on unless the server said otherwise."""

    def __init__(self, deflate: Deflate, max_bytes: int) -> None:
        self._deflate = deflate
        self._max_bytes = max_bytes
        self._context = zlib_ng.decompressobj(-deflate.server_max_window_bits)

    def inflate(self, payload: bytes) -> bytes:
        most = bound(len(payload), self._max_bytes)
        try:
            message = self._context.decompress(payload + TAIL, most)
        except ZlibError as error:
            raise WebSocketError(1007, f"permessage-deflate: {error}") from error
        if self._context.unconsumed_tail:
            raise WebSocketError(1009, f"message inflates to over {most} bytes")
        if self._context.eof and not self._deflate.server_no_context_takeover:
            # A final block ends zlib's stream and with it the window that the next message needs.
            raise WebSocketError(1007, "permessage-deflate: final block in a kept context")
        if self._context.unused_data not in _LEFTOVERS:
            raise WebSocketError(1007, "permessage-deflate: more after a final block")
        if self._deflate.server_no_context_takeover:
            self._context = zlib_ng.decompressobj(-self._deflate.server_max_window_bits)
        return message


class MessageDeflater:
    """Compresses messages that we send; they must leave in this order, since each may refer to
    those before it."""

    def __init__(self, agreed: Deflate) -> None:
        self._agreed = agreed
        self._context = self._fresh()

    @classmethod
    def if_agreed(cls, agreed: Deflate | None) -> Self | None:
        """Return one, or None: compression was not agreed on, or with a window that zlib does not
        have. A message may always be sent as it is."""
        return cls(agreed) if agreed and agreed.client_max_window_bits >= MIN_BITS else None

    def deflate(self, payload: bytes) -> bytes:
        """Return what a frame with RSV1 carries."""
        out = self._context.compress(payload) + self._context.flush(zlib.Z_SYNC_FLUSH)
        if self._agreed.client_no_context_takeover:
            self._context = self._fresh()
        return out.removesuffix(TAIL)

    def _fresh(self) -> zlib._Compress:
        return zlib.compressobj(wbits=-self._agreed.client_max_window_bits)
