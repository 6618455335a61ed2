"""Transport compression: one context for the life of a connection, a slice of messages at once.

zlib-stream ("Gateway", "Transport Compression"): one zlib stream a connection; a gateway message
ends where a payload ends in 00 00 ff ff, which need not be the end of the first WebSocket message.
zstd-stream: one zstd stream; a WebSocket message is a gateway message. A context that failed is of
no further use: the connection is closed and the session resumed with a fresh one.

Measured (events of 609 B, zlib-stream, Python 3.11, on a machine of 2 cores): a slice of 512 at
once costs 1.0 us an event, payload by payload 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Final, Protocol, cast

from zlib_ng import zlib_ng

from cluster.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

MAX_INFLATED: Final = 128 * 1024 * 1024
"""Most bytes that one slice may inflate to."""
MAX_RATIO: Final = 64
FREE_BYTES: Final = 8 * 1024 * 1024
"""What a slice may inflate to in any case; beyond it, to MAX_RATIO times its size. A slice is taken
apart without a pause for the event loop, and Discord's inflate to 5 to 20 times their size."""
MAX_PARTIAL_BYTES: Final = 64 * 1024 * 1024
"""Most compressed bytes that are kept of a message whose end has not come."""
MAX_PARTIAL_PAYLOADS: Final = 65_536
"""Most payloads that such a message may come in: each takes memory, however short it is."""
MAX_WINDOW_LOG: Final = 27
"""Largest window that a zstd stream may ask for, 128 MiB, as its binary logarithm."""
ZlibError = cast(type[Exception], zlib_ng.error)  # its stub says an instance, not a class
SUFFIX: Final = b"\x00\x00\xff\xff"


class InflateError(Exception):
    """The stream is corrupt, or inflates to more than is allowed."""


def bound(size: int, most: int) -> int:
    """Return how many bytes ``size`` compressed bytes may inflate to, ``most`` at most."""
    return min(most, max(FREE_BYTES, MAX_RATIO * size))


class Inflater(Protocol):
    """One connection's transport compression."""

    spliced: bool
    """Whether a gateway message of the last slice came in several payloads: as a server may send
    it, and as a message looks that lost its end."""

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        """Return the text of all gateway messages that end in these payloads, and how many they
        are.

        Raises InflateError.
        """

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Return a text for each gateway message that ends in these payloads. Raises
        InflateError."""


class ZlibStream:
    """``compress=zlib-stream``."""

    def __init__(self, max_inflated: int = MAX_INFLATED) -> None:
        self.spliced = False
        self._context = zlib_ng.decompressobj()
        self._max = max_inflated
        self._partial: list[bytes] = []
        self._partial_bytes = 0

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        count = sum(map(bytes.endswith, payloads, repeat(SUFFIX)))
        self.spliced = count != len(payloads) or bool(self._partial)
        if not self.spliced:
            return self._decompress(b"".join(payloads)), count
        groups = self._whole(payloads)
        return (self._decompress(b"".join(groups)), len(groups)) if groups else (b"", 0)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        if len(payloads) == 1 and not self._partial and payloads[0].endswith(SUFFIX):
            return [self._decompress(payloads[0])]  # as it is when little comes
        return [self._decompress(group) for group in self._whole(payloads)]

    def _whole(self, payloads: Sequence[bytes]) -> list[bytes]:
        """Return payloads joined to whole gateway messages; the rest waits for the next slice."""
        groups: list[bytes] = []
        for payload in payloads:
            if not payload:
                continue
            self._partial.append(payload)
            self._partial_bytes += len(payload)
            # The suffix itself may lie across two payloads.
            tail = payload if len(payload) >= 4 else b"".join(self._partial[-5:])
            if tail.endswith(SUFFIX):
                groups.append(b"".join(self._partial))
                self._partial, self._partial_bytes = [], 0
            elif (
                self._partial_bytes > MAX_PARTIAL_BYTES or len(self._partial) > MAX_PARTIAL_PAYLOADS
            ):
                raise InflateError(
                    f"a message is longer than {MAX_PARTIAL_BYTES} bytes or in too many pieces"
                )
        return groups

    def _decompress(self, data: bytes) -> bytes:
        most = bound(len(data), self._max)
        try:
            text = self._context.decompress(data, most)
        except ZlibError as error:
            raise InflateError(f"zlib-stream: {error}") from error
        if self._context.unconsumed_tail:
            raise InflateError(f"zlib-stream: a slice inflates to over {most} bytes")
        if self._context.eof:
            raise InflateError(
                "zlib-stream: the server ended the stream (another `compress` may do)"
            )
        return text


class ZstdStream:
    """``compress=zstd-stream``."""

    spliced = False

    def __init__(self, max_inflated: int = MAX_INFLATED) -> None:
        self._context = ZstdDecompressor(
            options={DecompressionParameter.window_log_max: MAX_WINDOW_LOG}
        )
        self._max = max_inflated

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        return self._decompress(b"".join(payloads)), len(payloads)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        return [self._decompress(payload) for payload in payloads]

    def _decompress(self, data: bytes) -> bytes:
        most = bound(len(data), self._max)
        try:
            # One byte over the bound: output that ends at the bound has no more to come.
            text = self._context.decompress(data, most + 1)
        except (ZstdError, EOFError) as error:
            raise InflateError(f"zstd-stream: {error}") from error
        if len(text) > most:
            raise InflateError(f"zstd-stream: a slice inflates to over {most} bytes")
        if self._context.eof:
            raise InflateError(
                "zstd-stream: the server ended the stream (another `compress` may do)"
            )
        return text


class Plain:
    """No transport compression."""

    spliced = False

    def inflate(self, payloads: Sequence[bytes]) -> tuple[bytes, int]:
        return b"".join(payloads), len(payloads)

    def inflate_each(self, payloads: Sequence[bytes]) -> list[bytes]:
        return list(payloads)


KINDS: Final[dict[str, type[ZlibStream | ZstdStream | Plain]]] = {
    "zlib-stream": ZlibStream,
    "zstd-stream": ZstdStream,
    "": Plain,
}
"""Inflaters by the value of the query parameter ``compress``."""
