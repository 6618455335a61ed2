"""How payloads become WebSocket messages: text, zlib-stream, zstd-stream, payload compression.

"Gateway", "Compression": a transport-compressed connection is one stream whose every message
ends a flush (zlib: 00 00 ff ff); payload compression compresses each message by itself.
"""

from __future__ import annotations

from typing import Final, Protocol

from zlib_ng import zlib_ng

from cluster.gateway_server.frames import BINARY, TEXT
from cluster.zstd import ZstdCompressor

_LEVEL: Final = 1
"""Level 1 of zlib-ng is its fast strategy: 1.7 us for a message of 604 bytes, which become 133.
Level 2 takes 6.9 us (121 bytes), level 6 8.4 us (104); the zlib of Python 7.5 us at its level 1.
zstd's level 1 takes 2.6 us (89 bytes), with half the memory; level 3 eight times as much of it."""


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
        self._compress = ZstdCompressor(level=_LEVEL).compress

    def encode(self, payload: bytes) -> bytes:
        return self._compress(payload, ZstdCompressor.FLUSH_BLOCK)


def encoder_for(compress: str | None) -> Encoder:
    """Make the encoder for the query parameter ``compress``; an unknown one compresses nothing."""
    if compress == "zlib-stream":
        return ZlibStreamEncoder()
    if compress == "zstd-stream":
        return ZstdStreamEncoder()
    return PlainEncoder()
