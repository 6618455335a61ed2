"""How payloads become WebSocket messages: text, zlib-stream, zstd-stream, payload compression.

"Gateway", "Compression": a transport-compressed connection is one stream whose every message
ends a flush (zlib: 00 00 ff ff); payload compression compresses each message by itself. Frames
of a server are unmasked (RFC 6455, 5.2).
"""

from __future__ import annotations

import re
import struct
from typing import Final, Protocol

from zlib_ng import zlib_ng

from cluster.zstd import ZstdCompressor

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

# Level 1 of zlib-ng is its fast strategy: the sandbox must never be a test's bottleneck.
_LEVEL = 1


class Encoder(Protocol):
    """One connection's outgoing messages."""

    opcode: int

    def encode(self, payload: bytes) -> bytes: ...


class PlainEncoder:
    """Text frames, uncompressed."""

    opcode = TEXT

    def encode(self, payload: bytes) -> bytes:
        return payload


class PayloadZlibEncoder:
    """``compress: true`` in IDENTIFY: each message is a zlib stream of its own."""

    opcode = BINARY

    def encode(self, payload: bytes) -> bytes:
        return zlib_ng.compress(payload, _LEVEL)


class ZlibStreamEncoder:
    """``compress=zlib-stream``: one zlib stream over all messages."""

    opcode = BINARY

    def __init__(self) -> None:
        stream = zlib_ng.compressobj(_LEVEL)
        self._compress = stream.compress
        self._flush = stream.flush

    def encode(self, payload: bytes) -> bytes:
        return self._compress(payload) + self._flush(zlib_ng.Z_SYNC_FLUSH)


class ZstdStreamEncoder:
    """``compress=zstd-stream``: one zstd stream over all messages."""

    opcode = BINARY

    def __init__(self) -> None:
        self._compress = ZstdCompressor(level=1).compress

    def encode(self, payload: bytes) -> bytes:
        return self._compress(payload, ZstdCompressor.FLUSH_BLOCK)


def encoder_for(compress: str | None) -> Encoder:
    """Make the encoder for the query parameter ``compress``; an unknown one compresses nothing."""
    if compress == "zlib-stream":
        return ZlibStreamEncoder()
    if compress == "zstd-stream":
        return ZstdStreamEncoder()
    return PlainEncoder()


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


_medium = struct.Struct(">BBH").pack
_long = struct.Struct(">BBQ").pack


def frame(opcode: int, payload: bytes, *, rsv1: bool = False) -> bytes:
    """Make one final, unmasked frame."""
    size = len(payload)
    first = 0x80 | opcode | (0x40 if rsv1 else 0)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return _medium(first, 126, size) + payload
    return _long(first, 127, size) + payload


def close_frame(code: int | None, reason: str = "") -> bytes:
    if code is None:
        return frame(CLOSE, b"")
    return frame(CLOSE, struct.pack(">H", code) + reason.encode()[:123])
