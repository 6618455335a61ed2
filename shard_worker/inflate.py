"""Transport compression: one context for the life of a connection, a slice of messages at once.

zlib-stream ("Gateway", "Transport Compression"): one zlib stream a connection; a gateway message
ends where a payload ends in 00 00 ff ff, which need not be the end of the first WebSocket message.
zstd-stream: one zstd stream; a WebSocket message is a gateway message. A context that failed is of
no further use: the connection is closed and the session resumed with a fresh one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, cast

import zstandard
from zlib_ng import zlib_ng

MAX_INFLATED: Final = 128 * 1024 * 1024
"""Most bytes that one slice may inflate to."""
MAX_HELD: Final = 64 * 1024 * 1024
"""Most compressed bytes that are kept of a message whose end has not come."""
MAX_WINDOW: Final = 128 * 1024 * 1024
"""Largest window that a zstd stream may ask for."""
ZlibError = cast(type[Exception], zlib_ng.error)  # its stub says an instance, not a class
SUFFIX: Final = b"\x00\x00\xff\xff"


class InflateError(Exception):
    """The stream is corrupt, or inflates to more than is allowed."""


class Inflater(Protocol):
    """One connection's transport compression."""

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        """The text of all gateway messages that end in these payloads, and how many they are.

        Raises InflateError.
        """

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        """The same, a text a gateway message. Raises InflateError."""


class ZlibStream:
    """``compress=zlib-stream``."""

    def __init__(self, max_inflated: int = MAX_INFLATED) -> None:
        self._context = zlib_ng.decompressobj()
        self._max = max_inflated
        self._held: list[bytes] = []
        self._held_size = 0

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        count = sum([payload.endswith(SUFFIX) for payload in payloads])
        if count == len(payloads) and not self._held:
            return self._decompress(b"".join(payloads)), count
        groups = self._whole(payloads)
        return (self._decompress(b"".join(groups)), len(groups)) if groups else (b"", 0)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        return [self._decompress(group) for group in self._whole(payloads)]

    def _whole(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Payloads joined to whole gateway messages; the rest is held for the next slice."""
        groups: list[bytes] = []
        for payload in payloads:
            self._held.append(payload)
            self._held_size += len(payload)
            # The suffix itself may lie across two payloads.
            tail = payload if len(payload) >= 4 else b"".join(self._held[-5:])
            if tail.endswith(SUFFIX):
                groups.append(b"".join(self._held))
                self._held, self._held_size = [], 0
            elif self._held_size > MAX_HELD:
                raise InflateError(f"a message is longer than {MAX_HELD} bytes")
        return groups

    def _decompress(self, data: bytes) -> bytes:
        try:
            text = self._context.decompress(data, self._max)
        except ZlibError as error:
            raise InflateError(f"zlib-stream: {error}") from error
        if self._context.unconsumed_tail:
            raise InflateError(f"zlib-stream: a slice inflates to over {self._max} bytes")
        if self._context.eof:
            raise InflateError("zlib-stream: the stream was ended by the server")
        return text


class _Sink:
    """What a zstd context writes to: refuses at the bound, before it is held in memory."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._size += len(data)
        if self._size > self._limit:
            raise InflateError(f"zstd-stream: a slice inflates to over {self._limit} bytes")
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        text = b"".join(self._parts)
        self._parts, self._size = [], 0
        return text


class ZstdStream:
    """``compress=zstd-stream``."""

    def __init__(self, max_inflated: int = MAX_INFLATED) -> None:
        self._sink = _Sink(max_inflated)
        self._context = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_writer(
            self._sink,  # type: ignore[arg-type]  # typed as a file, of which it calls write only
            closefd=False,
        )

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        return self._decompress(b"".join(payloads)), len(payloads)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        return [self._decompress(payload) for payload in payloads]

    def _decompress(self, data: bytes) -> bytes:
        try:
            self._context.write(data)
        except zstandard.ZstdError as error:
            raise InflateError(f"zstd-stream: {error}") from error
        return self._sink.take()


class Plain:
    """No transport compression."""

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        return b"".join(payloads), len(payloads)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        return list(payloads)


KINDS: Final[dict[str, type[ZlibStream | ZstdStream | Plain]]] = {
    "zlib-stream": ZlibStream,
    "zstd-stream": ZstdStream,
    "": Plain,
}
"""By the value of the query parameter ``compress``."""
