"""ClientHellos built from lists, as published examples give them."""

from __future__ import annotations

from collections.abc import Sequence

GREASED = 0x7A7A


def block(content: bytes, size: int) -> bytes:
    """With its length in front, of ``size`` bytes."""
    return len(content).to_bytes(size, "big") + content


def numbers(values: Sequence[int], size: int = 2) -> bytes:
    return b"".join(value.to_bytes(size, "big") for value in values)


def contents(
    *,
    name: str = "discord.com",
    groups: Sequence[int] = (),
    formats: Sequence[int] = (),
    algorithms: Sequence[int] = (),
    alpn: Sequence[bytes] = (),
    versions: Sequence[int] = (),
    shares: Sequence[tuple[int, int]] = (),
) -> dict[int, bytes]:
    """What stands in the extensions that are read; those not mentioned are empty."""
    host = b"\x00" + block(name.encode(), 2)
    keys = b"".join(numbers([group]) + block(bytes(size), 2) for group, size in shares)
    return {
        0: block(host, 2),
        10: block(numbers(groups), 2),
        11: block(numbers(formats, 1), 1),
        13: block(numbers(algorithms), 2),
        16: block(b"".join(block(protocol, 1) for protocol in alpn), 2),
        43: block(numbers(versions), 1),
        51: block(keys, 2),
    }


def message(
    ciphers: Sequence[int],
    extensions: Sequence[int] | None,
    inside: dict[int, bytes] | None = None,
    *,
    version: int = 0x0303,
) -> bytes:
    """The handshake message, without records. extensions None: not even an empty list."""
    body = numbers([version]) + bytes(range(32)) + block(bytes(32), 1)
    body += block(numbers(ciphers), 2) + block(b"\x00", 1)
    if extensions is not None:
        inside = inside or {}
        listed = (numbers([kind]) + block(inside.get(kind, b""), 2) for kind in extensions)
        body += block(b"".join(listed), 2)
    return b"\x01" + block(body, 3)


def records(handshake: bytes, piece: int = 16 * 1024) -> bytes:
    """In TLS records of at most so many bytes."""
    pieces = (handshake[start : start + piece] for start in range(0, len(handshake), piece))
    return b"".join(b"\x16\x03\x01" + block(one, 2) for one in pieces)
