"""ZMTP, ZeroMQ's protocol on a stream, as a publisher needs it: what it writes to a subscriber, and
what the subscriber says. Without encryption (NULL), and without input or output.

A publisher writes OPENING, and each message as `header` and the message itself. A subscriber
answers with its greeting and READY, and says from then on which prefixes it takes: in ZMTP 3.0 by
messages, in 3.1 by commands. Whatever else comes is a ZmtpError, and ends the connection.

Sources: ZeroMQ's RFC 23 (ZMTP 3.0) and RFC 37 (ZMTP 3.1).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

MAX_FRAME: Final = 1024
"""Most bytes of a frame that a subscriber sends: READY, an ERROR, a prefix, a ping."""
MAX_PING_CONTEXT: Final = 16
SUBSCRIBERS: Final = (b"SUB", b"XSUB")
"""The types of sockets that an XPUB speaks with."""

_LONG: Final = 2
_COMMAND: Final = 4
_GREETING: Final = struct.Struct(">B8xBBB20sB31x")
"""Signature (its two ends), version, minor version, mechanism, whether it is a server."""
_LONG_HEADER: Final = struct.Struct(">BQ")
_MECHANISM: Final = b"NULL".ljust(20, b"\0")


class ZmtpError(Exception):
    """A subscriber said what none says; the connection is of no use any more."""


class GreetingError(ZmtpError):
    """What it speaks is not ZMTP 3 without encryption."""


class FrameError(ZmtpError):
    """A frame of no form, too long, or of a message in several frames."""


class OutOfPlaceError(ZmtpError):
    """A frame that a subscriber does not send, or not now."""


class RefusedError(ZmtpError):
    """It said ERROR: it does not want this connection."""


class Subscribe(NamedTuple):
    """The subscriber takes what begins with this prefix."""

    prefix: bytes


class Cancel(NamedTuple):
    """The subscriber takes no more what begins with this prefix."""

    prefix: bytes


class Ping(NamedTuple):
    """The subscriber asks for a sign of life: `pong` of this context."""

    context: bytes


Said = Subscribe | Cancel | Ping


def header(size: int) -> bytes:
    """Return what goes before a message of so many bytes, which is one frame."""
    return bytes((0, size)) if size < 256 else _LONG_HEADER.pack(_LONG, size)


def command(name: bytes, data: bytes) -> bytes:
    """Return a command's frame. name and data together: 254 bytes at most."""
    body = bytes((len(name),)) + name + data
    return bytes((_COMMAND, len(body))) + body


def pong(context: bytes) -> bytes:
    """Return the frame that answers a ping."""
    return command(b"PONG", context)


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + struct.pack(">I", len(value)) + value


OPENING: Final = _GREETING.pack(0xFF, 0x7F, 3, 1, _MECHANISM, 0) + command(
    b"READY", _property(b"Socket-Type", b"XPUB")
)
"""What a publisher writes first, without waiting for anything."""


class SubscriberReader:
    """Makes of a connection's bytes what the subscriber says. It keeps MAX_FRAME bytes and a
    header at most, besides what it is given at once."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False
        self._ready = False

    def feed(self, data: bytes) -> Iterator[Said]:
        """Yield what has come whole by now. Raises ZmtpError after what came before it."""
        self._buffer += data
        if not self._greeted:
            if len(self._buffer) < _GREETING.size:
                return
            _check_greeting(self._buffer)
            del self._buffer[: _GREETING.size]
            self._greeted = True
        while (frame := self._take_frame()) is not None:
            if self._ready:
                yield _said(*frame)
            else:
                _check_ready(*frame)
                self._ready = True

    def _take_frame(self) -> tuple[bool, bytes] | None:
        """Return whether the first frame is a command, and its body; None: it is not whole."""
        buffer = self._buffer
        if not buffer:
            return None
        flags = buffer[0]
        if flags & ~(_LONG | _COMMAND):  # 1: another frame of the same message follows
            raise FrameError(f"a frame has the flags {flags:#x}")
        body = 9 if flags & _LONG else 2
        if len(buffer) < body:
            return None
        end = body + int.from_bytes(buffer[1:body], "big")
        if end > body + MAX_FRAME:
            raise FrameError(f"a frame of {end - body} bytes")
        if len(buffer) < end:
            return None
        frame = bool(flags & _COMMAND), bytes(buffer[body:end])
        del buffer[:end]
        return frame


def _check_greeting(data: bytearray) -> None:
    first, last, version, _, mechanism, as_server = _GREETING.unpack_from(data)
    if (first, last) != (0xFF, 0x7F):
        raise GreetingError("what speaks there is not ZeroMQ")
    if version < 3:  # whoever speaks a later one speaks 3 with us
        raise GreetingError(f"it speaks ZMTP {version}")
    if mechanism != _MECHANISM or as_server:
        raise GreetingError(f"it asks for the mechanism {mechanism.rstrip(bytes(1))!r}")


def _check_ready(is_command: bool, body: bytes) -> None:
    name, data = _command_of(body) if is_command else (b"", b"")
    if name == b"ERROR":
        raise RefusedError(f"it refuses: {data[1:]!r}")
    if name != b"READY":
        raise OutOfPlaceError(f"{body[:32]!r} came in the place of READY")
    kind = _properties(data).get(b"socket-type", b"")
    if kind not in SUBSCRIBERS:
        raise OutOfPlaceError(f"it is a {kind!r}, and no subscriber")


def _said(is_command: bool, body: bytes) -> Said:
    if not is_command:
        if body[:1] not in (b"\x00", b"\x01"):
            raise OutOfPlaceError(f"a message {body[:32]!r} of a subscriber")
        return Subscribe(body[1:]) if body[0] else Cancel(body[1:])
    match _command_of(body):
        case b"SUBSCRIBE", prefix:
            return Subscribe(prefix)
        case b"CANCEL", prefix:
            return Cancel(prefix)
        case b"PING", data if 2 <= len(data) <= 2 + MAX_PING_CONTEXT:
            return Ping(data[2:])  # before it: after how long the subscriber gives us up
        case b"ERROR", data:
            raise RefusedError(f"it refuses: {data[1:]!r}")
    raise OutOfPlaceError(f"a command {body[:32]!r} of a subscriber")


def _command_of(body: bytes) -> tuple[bytes, bytes]:
    """Return a command's name and data."""
    end = 1 + body[0] if body else 0
    if not 2 <= end <= len(body):
        raise FrameError(f"a command {body[:32]!r} without a name")
    return body[1:end], body[end:]


def _properties(data: bytes) -> Mapping[bytes, bytes]:
    """Return a READY's properties; their names are in lower case."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        value = at + 1 + data[at] + 4
        end = value + int.from_bytes(data[value - 4 : value], "big")
        if end > len(data) or not data[at]:
            raise FrameError("READY has a property of no form")
        found[data[at + 1 : value - 4].lower()] = data[value:end]
        at = end
    return found
