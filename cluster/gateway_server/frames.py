"""WebSocket frames as a server makes them: final and unmasked (RFC 6455, section 5)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

_short = struct.Struct(">BB").pack
_medium = struct.Struct(">BBH").pack
_long = struct.Struct(">BBQ").pack


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return _short(first, size)
    if size < 65536:
        return _medium(first, 126, size)
    return _long(first, 127, size)


def frame(opcode: int, payload: bytes, *, rsv1: bool = False) -> bytes:
    """Make one frame."""
    return _head(0x80 | opcode | (0x40 if rsv1 else 0), len(payload)) + payload


def joined_frames(opcode: int, payloads: Iterable[bytes]) -> bytes:
    """Make a frame of each payload, one behind the other."""
    first = 0x80 | opcode
    parts: list[bytes] = []
    for payload in payloads:
        size = len(payload)
        parts.append(_medium(first, 126, size) if 126 <= size < 65536 else _head(first, size))
        parts.append(payload)
    return b"".join(parts)


def close_frame(code: int | None, reason: str = "") -> bytes:
    """Make a close frame. code: None for none. reason: cut at the 123 bytes that fit."""
    if code is None:
        return frame(CLOSE, b"")
    return frame(CLOSE, struct.pack(">H", code) + _cut(reason.encode(), 123))


def _cut(text: bytes, size: int) -> bytes:
    """Return the beginning of UTF-8, whole characters of it."""
    return text[:size].decode(errors="ignore").encode()
